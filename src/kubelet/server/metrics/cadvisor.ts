// pure
// `/metrics/cadvisor`: what containers use, by the names that dashboards ask for. Source: cadvisor metrics/prometheus.go,
// pkg/kubelet/server containerPrometheusLabelsFunc.
import type { Subject } from '../../stats/cadvisor.ts';
import type { InterfaceFigures, Traffic } from '../../stats/net-dev.ts';
import type { Family, Sample } from './exposition.ts';

type Figure = readonly [value: number | undefined, labels?: Readonly<Record<string, string>>];

interface Kind {
  readonly name: string;
  readonly help: string;
  readonly type: Family['type'];
  /** Those without a value are left out. */
  readonly of: (subject: Subject) => readonly Figure[];
}

const kind =
  (type: Family['type']) =>
  (name: string, help: string, of: Kind['of']): Kind => ({ name: `container_${name}`, help, type, of });
const counter = kind('counter');
const gauge = kind('gauge');

const cpu = (of: (cpu: NonNullable<Subject['cgroup']>['cpu']) => number | undefined): Kind['of'] =>
  one(({ cgroup }) => cgroup && of(cgroup.cpu));
const memory = (of: (memory: NonNullable<Subject['cgroup']>['memory']) => number | undefined): Kind['of'] =>
  one(({ cgroup }) => cgroup && of(cgroup.memory));
const limits = (of: (limits: NonNullable<Subject['cgroup']>['limits']) => number | undefined): Kind['of'] =>
  one(({ cgroup }) => cgroup && of(cgroup.limits));

function one(of: (subject: Subject) => number | undefined): Kind['of'] {
  return (subject) => [[of(subject)]];
}

/** Of cgroups with a limit of CPU time only. */
const throttling = (of: (cpu: NonNullable<Subject['cgroup']>['cpu']) => number): Kind['of'] =>
  one(({ cgroup }) => (cgroup?.limits.cpuQuota === undefined ? undefined : of(cgroup.cpu)));

function kinds(deviceName: (major: string, minor: string) => string): readonly Kind[] {
  const io = (of: (io: NonNullable<Subject['cgroup']>['io'][number]) => number): Kind['of'] => {
    return ({ cgroup }) => (cgroup?.io ?? []).map((each) => [of(each), { device: deviceName(each.major, each.minor) }]);
  };
  return [
    counter('cpu_usage_seconds_total', 'Cumulative cpu time consumed in seconds.', ({ cgroup, stats }) => {
      const nanos = stats?.cpu?.usageCoreNanoSeconds;
      return [[cgroup?.cpu.usage ?? (nanos === undefined ? undefined : nanos / 1e9), { cpu: 'total' }]];
    }),
    counter(
      'cpu_user_seconds_total',
      'Cumulative user cpu time consumed in seconds.',
      cpu(({ user }) => user),
    ),
    counter(
      'cpu_system_seconds_total',
      'Cumulative system cpu time consumed in seconds.',
      cpu(({ system }) => system),
    ),
    counter(
      'cpu_cfs_periods_total',
      'Number of elapsed enforcement period intervals.',
      throttling(({ periods }) => periods),
    ),
    counter(
      'cpu_cfs_throttled_periods_total',
      'Number of throttled period intervals.',
      throttling((each) => each.throttledPeriods),
    ),
    counter(
      'cpu_cfs_throttled_seconds_total',
      'Total time duration the container has been throttled.',
      throttling(({ throttled }) => throttled),
    ),
    gauge(
      'memory_working_set_bytes',
      'Current working set in bytes.',
      one((of) => of.cgroup?.memory.workingSet ?? of.stats?.memory?.workingSetBytes),
    ),
    gauge(
      'memory_usage_bytes',
      'Current memory usage in bytes, including all memory regardless of when it was accessed',
      one((of) => of.cgroup?.memory.usage ?? of.stats?.memory?.usageBytes),
    ),
    gauge(
      'memory_rss',
      'Size of RSS in bytes.',
      one((of) => of.cgroup?.memory.rss ?? of.stats?.memory?.rssBytes),
    ),
    gauge(
      'memory_cache',
      'Number of bytes of page cache memory.',
      memory(({ cache }) => cache),
    ),
    gauge(
      'memory_swap',
      'Container swap usage in bytes.',
      memory(({ swap }) => swap),
    ),
    gauge(
      'memory_mapped_file',
      'Size of memory mapped files in bytes.',
      memory(({ mappedFile }) => mappedFile),
    ),
    gauge(
      'memory_max_usage_bytes',
      'Maximum memory usage recorded in bytes',
      memory(({ maxUsage }) => maxUsage),
    ),
    counter(
      'memory_failcnt',
      'Number of memory usage hits limits',
      memory(({ failures }) => failures),
    ),
    counter('memory_failures_total', 'Cumulative count of memory allocation failures.', ({ cgroup }) => [
      [cgroup?.memory.pageFaults, { failure_type: 'pgfault', scope: 'hierarchy' }],
      [cgroup?.memory.majorPageFaults, { failure_type: 'pgmajfault', scope: 'hierarchy' }],
    ]),
    counter(
      'oom_events_total',
      'Count of out of memory events observed for the container',
      memory(({ oomKills }) => oomKills),
    ),
    gauge(
      'fs_usage_bytes',
      'Number of bytes that are consumed by the container on this filesystem.',
      one(({ stats }) => stats?.rootfs?.usedBytes),
    ),
    gauge(
      'fs_limit_bytes',
      'Number of bytes that can be consumed by the container on this filesystem.',
      one(({ stats }) => stats?.rootfs?.capacityBytes),
    ),
    counter(
      'fs_reads_bytes_total',
      'Cumulative count of bytes read',
      io(({ readBytes }) => readBytes),
    ),
    counter(
      'fs_reads_total',
      'Cumulative count of reads completed',
      io(({ reads }) => reads),
    ),
    counter(
      'fs_writes_bytes_total',
      'Cumulative count of bytes written',
      io(({ writeBytes }) => writeBytes),
    ),
    counter(
      'fs_writes_total',
      'Cumulative count of writes completed',
      io(({ writes }) => writes),
    ),
    ...NETWORK,
    gauge(
      'processes',
      'Number of processes running inside the container.',
      one(({ processes }) => processes),
    ),
    gauge(
      'threads',
      'Number of threads running inside the container',
      one(({ cgroup }) => cgroup?.threads),
    ),
    gauge(
      'spec_cpu_shares',
      'CPU share of the container.',
      limits(({ cpuShares }) => cpuShares),
    ),
    gauge(
      'spec_cpu_period',
      'CPU period of the container.',
      limits(({ cpuPeriod }) => cpuPeriod),
    ),
    gauge(
      'spec_cpu_quota',
      'CPU quota of the container.',
      limits(({ cpuQuota }) => cpuQuota),
    ),
    gauge(
      'spec_memory_limit_bytes',
      'Memory limit for the container.',
      limits((each) => each.memory),
    ),
  ];
}

const FLOWS: readonly (readonly [field: keyof Traffic, words: string])[] = [
  ['bytes', 'bytes'],
  ['packets', 'packets'],
  ['errors', 'errors encountered while'],
  ['dropped', 'packets dropped while'],
];
const NETWORK: readonly Kind[] = (['receive', 'transmit'] as const).flatMap((way) =>
  FLOWS.map(([field, words]) => {
    const name = `network_${way}_${field === 'dropped' ? 'packets_dropped' : field}_total`;
    const help = `Cumulative count of ${words} ${way === 'receive' ? (words.endsWith('while') ? 'receiving' : 'received') : words.endsWith('while') ? 'transmitting' : 'transmitted'}`;
    const of = ({ received, transmitted }: InterfaceFigures): number => (way === 'receive' ? received : transmitted)[field];
    return counter(name, help, ({ network }) => (network ?? []).map((face) => [of(face), { interface: face.name }]));
  }),
);

/** Without a time of their own: they are of the scrape. */
const TIMELESS: readonly Kind[] = [
  gauge(
    'start_time_seconds',
    'Start time of the container since unix epoch in seconds.',
    one(({ startedAt }) => startedAt && startedAt / 1000),
  ),
  gauge(
    'last_seen',
    'Last time a container was seen by the exporter',
    one(({ at }) => Math.floor(at / 1000)),
  ),
];

export interface MachineSize {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly swap: number;
  readonly ids: { readonly boot_id: string; readonly machine_id: string; readonly system_uuid: string };
}

/** @param deviceName `/dev/sda`, by the numbers of a device */
export function cadvisorMetrics(
  subjects: readonly Subject[],
  machine: MachineSize,
  deviceName: (major: string, minor: string) => string,
): readonly Family[] {
  const ofMachine = (name: string, help: string, value: number): Family => ({
    name: `machine_${name}`,
    help,
    type: 'gauge',
    samples: [{ labels: machine.ids, value }],
  });
  return [
    ...kinds(deviceName).map((each) => familyOf(each, subjects, true)),
    ...TIMELESS.map((each) => familyOf(each, subjects, false)),
    ofMachine('cpu_cores', 'Number of logical CPU cores.', machine.cpus),
    ofMachine('memory_bytes', 'Amount of memory installed on the machine.', machine.memory),
    ofMachine('swap_bytes', 'Amount of swap memory available on the machine.', machine.swap),
    {
      name: 'container_scrape_error',
      help: '1 if there was an error while getting container metrics, 0 otherwise',
      type: 'gauge',
      samples: [{ labels: {}, value: 0 }],
    },
  ];
}

/** As Prometheus' own library prints them. */
const sorted = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).toSorted(([a], [b]) => (a < b ? -1 : 1)));

function familyOf({ of, ...rest }: Kind, subjects: readonly Subject[], dated: boolean): Family {
  const samples = subjects.flatMap((subject) =>
    of(subject).flatMap(([value, more = {}]): readonly Sample[] =>
      value === undefined ? [] : [{ labels: sorted({ ...subject.labels, ...more }), value, ...(dated ? { at: subject.at } : {}) }],
    ),
  );
  return { ...rest, samples };
}
