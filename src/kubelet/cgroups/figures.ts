// pure
// What a cgroup uses, read out of its files. Source: cadvisor container/libcontainer handler.go, opencontainers cgroups fs, fs2.

export interface IoFigures {
  readonly major: string;
  readonly minor: string;
  readonly readBytes: number;
  readonly writeBytes: number;
  readonly reads: number;
  readonly writes: number;
}

/** Times in seconds, amounts in bytes, all since the cgroup was made unless named otherwise; what the kernel does not tell is absent. */
export interface CgroupFigures {
  readonly cpu: {
    readonly usage: number;
    readonly user: number;
    readonly system: number;
    /** Of the limit of CPU time; 0 without one. */
    readonly periods: number;
    readonly throttledPeriods: number;
    readonly throttled: number;
  };
  readonly memory: {
    /** Now. */
    readonly usage: number;
    readonly maxUsage?: number;
    readonly workingSet: number;
    readonly cache: number;
    readonly rss: number;
    readonly swap: number;
    readonly mappedFile: number;
    readonly pageFaults: number;
    readonly majorPageFaults: number;
    /** How often the limit was reached. */
    readonly failures: number;
    readonly oomKills: number;
  };
  readonly io: readonly IoFigures[];
  readonly threads?: number;
  readonly limits: {
    readonly cpuShares: number;
    readonly cpuPeriod: number;
    /** Undefined without a limit. */
    readonly cpuQuota?: number;
    /** 0 without a limit. */
    readonly memory: number;
  };
}

/** Text of each file, by its name; empty or absent for one that is not there. */
export type CgroupTexts = Readonly<Record<string, string>>;

type CgroupFiles = readonly (readonly [controller: string, file: string])[];

/** What `figuresV1` reads. */
export const FILES_V1: CgroupFiles = [
  ['cpuacct', 'cpuacct.usage'],
  ['cpuacct', 'cpuacct.usage_user'],
  ['cpuacct', 'cpuacct.usage_sys'],
  ['cpu', 'cpu.stat'],
  ['memory', 'memory.usage_in_bytes'],
  ['memory', 'memory.stat'],
  ['memory', 'memory.oom_control'],
  ['memory', 'memory.max_usage_in_bytes'],
  ['memory', 'memory.failcnt'],
  ['blkio', 'blkio.throttle.io_service_bytes_recursive'],
  ['blkio', 'blkio.throttle.io_serviced_recursive'],
  ['pids', 'pids.current'],
  ['cpu', 'cpu.shares'],
  ['cpu', 'cpu.cfs_period_us'],
  ['cpu', 'cpu.cfs_quota_us'],
  ['memory', 'memory.limit_in_bytes'],
];

/** Undefined when the cgroup is not there. */
export function figuresV1(texts: CgroupTexts): CgroupFigures | undefined {
  const { text, number } = reading(texts);
  if (text('cpuacct.usage') === '' || text('memory.usage_in_bytes') === '') return undefined;
  const [throttling, amounts, kills] = [flat(text('cpu.stat')), flat(text('memory.stat')), flat(text('memory.oom_control'))];
  return {
    cpu: {
      usage: number('cpuacct.usage') / 1e9,
      user: number('cpuacct.usage_user') / 1e9,
      system: number('cpuacct.usage_sys') / 1e9,
      periods: throttling('nr_periods'),
      throttledPeriods: throttling('nr_throttled'),
      throttled: throttling('throttled_time') / 1e9,
    },
    memory: {
      usage: number('memory.usage_in_bytes'),
      maxUsage: number('memory.max_usage_in_bytes'),
      workingSet: Math.max(0, number('memory.usage_in_bytes') - amounts('total_inactive_file')),
      cache: amounts('total_cache'),
      rss: amounts('total_rss'),
      swap: amounts('total_swap'),
      mappedFile: amounts('total_mapped_file'),
      pageFaults: amounts('total_pgfault'),
      majorPageFaults: amounts('total_pgmajfault'),
      failures: number('memory.failcnt'),
      oomKills: kills('oom_kill'),
    },
    io: ioV1(text('blkio.throttle.io_service_bytes_recursive'), text('blkio.throttle.io_serviced_recursive')),
    ...threads(text('pids.current')),
    limits: {
      cpuShares: number('cpu.shares'),
      cpuPeriod: number('cpu.cfs_period_us'),
      ...(number('cpu.cfs_quota_us') > 0 ? { cpuQuota: number('cpu.cfs_quota_us') } : {}),
      memory: bounded(number('memory.limit_in_bytes')),
    },
  };
}

/** What `figuresV2` reads. */
export const FILES_V2: CgroupFiles = [
  ['cpu', 'cpu.stat'],
  ['memory', 'memory.current'],
  ['memory', 'memory.stat'],
  ['memory', 'memory.events'],
  ['memory', 'memory.peak'],
  ['memory', 'memory.swap.current'],
  ['io', 'io.stat'],
  ['pids', 'pids.current'],
  ['cpu', 'cpu.weight'],
  ['cpu', 'cpu.max'],
  ['memory', 'memory.max'],
];

/** Undefined when the cgroup is not there, or is the root. */
export function figuresV2(texts: CgroupTexts): CgroupFigures | undefined {
  const { text, number } = reading(texts);
  if (text('cpu.stat') === '' || text('memory.current') === '') return undefined;
  const [times, amounts, happened] = [flat(text('cpu.stat')), flat(text('memory.stat')), flat(text('memory.events'))];
  const [quota = '', period = ''] = text('cpu.max').trim().split(' ');
  return {
    cpu: {
      usage: times('usage_usec') / 1e6,
      user: times('user_usec') / 1e6,
      system: times('system_usec') / 1e6,
      periods: times('nr_periods'),
      throttledPeriods: times('nr_throttled'),
      throttled: times('throttled_usec') / 1e6,
    },
    memory: {
      usage: number('memory.current'),
      ...(text('memory.peak') === '' ? {} : { maxUsage: number('memory.peak') }),
      workingSet: Math.max(0, number('memory.current') - amounts('inactive_file')),
      cache: amounts('file'),
      rss: amounts('anon'),
      swap: number('memory.swap.current'),
      mappedFile: amounts('file_mapped'),
      pageFaults: amounts('pgfault'),
      majorPageFaults: amounts('pgmajfault'),
      failures: happened('max'),
      oomKills: happened('oom_kill'),
    },
    io: ioV2(text('io.stat')),
    ...threads(text('pids.current')),
    limits: {
      cpuShares: sharesOfWeight(number('cpu.weight')),
      cpuPeriod: Number(period),
      ...(/^\d+$/.test(quota) ? { cpuQuota: Number(quota) } : {}),
      memory: bounded(number('memory.max')),
    },
  };
}

/** A file that is not there is empty, and 0 as a number. */
function reading(texts: CgroupTexts): { text(file: string): string; number(file: string): number } {
  const text = (file: string): string => texts[file] ?? '';
  return { text, number: (file) => Number(text(file)) };
}

/** Lines of `name amount`; 0 for a name that is not there. */
function flat(text: string): (name: string) => number {
  const lines = new Map(text.split('\n').map((line) => line.split(' ', 2) as [string, string]));
  return (name) => Number(lines.get(name) ?? 0);
}

const threads = (pids: string): { readonly threads?: number } => (pids === '' ? {} : { threads: Number(pids) });

/** The kernel shows no limit of version 1 as the greatest number of pages. */
const NO_LIMIT = 2 ** 62;

function bounded(amount: number): number {
  return Number.isFinite(amount) && amount < NO_LIMIT ? amount : 0;
}

/** The inverse of weightOf. Source: cadvisor convertCPUWeightToCPULimit. */
function sharesOfWeight(weight: number): number {
  return weight === 0 ? 0 : Math.floor(2 + ((weight - 1) * 262_142) / 9_999);
}

/** Lines of `253:0 Read 4096`. */
function ioV1(bytes: string, counts: string): readonly IoFigures[] {
  const [byBytes, byCounts] = [devices(bytes), devices(counts)];
  return [...byBytes].map(([device, amounts]) => {
    const [major = '', minor = ''] = device.split(':');
    const times = byCounts.get(device);
    return {
      major,
      minor,
      readBytes: amounts.get('Read') ?? 0,
      writeBytes: amounts.get('Write') ?? 0,
      reads: times?.get('Read') ?? 0,
      writes: times?.get('Write') ?? 0,
    };
  });
}

function devices(text: string): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const found = new Map<string, Map<string, number>>();
  for (const line of text.split('\n')) {
    const [device = '', operation = '', amount] = line.split(' ');
    if (amount === undefined) continue;
    const amounts = found.get(device) ?? new Map<string, number>();
    found.set(device, amounts.set(operation, Number(amount)));
  }
  return found;
}

/** Lines of `253:0 rbytes=4096 wbytes=0 rios=1 wios=0`. */
function ioV2(text: string): readonly IoFigures[] {
  return text.split('\n').flatMap((line) => {
    const [device = '', ...pairs] = line.split(' ');
    const [major, minor] = device.split(':');
    if (major === undefined || minor === undefined || pairs.length === 0) return [];
    const amounts = new Map(pairs.map((pair) => pair.split('=') as [string, string]));
    const of = (name: string): number => Number(amounts.get(name) ?? 0);
    return [{ major, minor, readBytes: of('rbytes'), writeBytes: of('wbytes'), reads: of('rios'), writes: of('wios') }];
  });
}
