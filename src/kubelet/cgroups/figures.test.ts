import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresV1, figuresV2 } from './figures.ts';

const MI = 2 ** 20;
const V1 = {
  'cpuacct.usage': '2500000000',
  'cpuacct.usage_user': '2000000000',
  'cpuacct.usage_sys': '500000000',
  'cpu.stat': 'nr_periods 40\nnr_throttled 4\nthrottled_time 3000000000',
  'memory.usage_in_bytes': String(100 * MI),
  'memory.stat': `cache 1\nrss 2\ntotal_cache ${30 * MI}\ntotal_rss ${60 * MI}\ntotal_mapped_file 7\ntotal_swap 0\ntotal_pgfault 900\ntotal_pgmajfault 3\ntotal_inactive_file ${20 * MI}`,
  'memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2',
  'memory.max_usage_in_bytes': String(110 * MI),
  'memory.failcnt': '5',
  'blkio.throttle.io_service_bytes_recursive': '253:0 Read 4096\n253:0 Write 8192\n253:0 Total 12288\nTotal 12288',
  'blkio.throttle.io_serviced_recursive': '253:0 Read 1\n253:0 Write 2\nTotal 3',
  'pids.current': '6',
  'cpu.shares': '512',
  'cpu.cfs_period_us': '100000',
  'cpu.cfs_quota_us': '50000',
  'memory.limit_in_bytes': String(128 * MI),
};

test('figuresV1 reads what a cgroup of version 1 uses, with all below it', () => {
  assert.deepEqual(figuresV1(V1), {
    cpu: { usage: 2.5, user: 2, system: 0.5, periods: 40, throttledPeriods: 4, throttled: 3 },
    memory: {
      usage: 100 * MI,
      maxUsage: 110 * MI,
      workingSet: 80 * MI,
      cache: 30 * MI,
      rss: 60 * MI,
      swap: 0,
      mappedFile: 7,
      pageFaults: 900,
      majorPageFaults: 3,
      failures: 5,
      oomKills: 2,
    },
    io: [{ major: '253', minor: '0', readBytes: 4096, writeBytes: 8192, reads: 1, writes: 2 }],
    threads: 6,
    limits: { cpuShares: 512, cpuPeriod: 100_000, cpuQuota: 50_000, memory: 128 * MI },
  });
  const unlimited = figuresV1({ ...V1, 'cpu.cfs_quota_us': '-1', 'memory.limit_in_bytes': '9223372036854771712' });
  assert.deepEqual(unlimited?.limits, { cpuShares: 512, cpuPeriod: 100_000, memory: 0 });
  assert.equal(figuresV1({}), undefined);
});

const V2 = {
  'cpu.stat': 'usage_usec 2500000\nuser_usec 2000000\nsystem_usec 500000\nnr_periods 40\nnr_throttled 4\nthrottled_usec 3000000',
  'memory.current': String(100 * MI),
  'memory.stat': `anon ${60 * MI}\nfile ${30 * MI}\nfile_mapped 7\npgfault 900\npgmajfault 3\ninactive_file ${20 * MI}`,
  'memory.events': 'low 0\nhigh 0\nmax 5\noom 2\noom_kill 2',
  'memory.peak': String(110 * MI),
  'memory.swap.current': '0',
  'io.stat': '253:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n7:0',
  'pids.current': '6',
  'cpu.weight': '20',
  'cpu.max': '50000 100000',
  'memory.max': String(128 * MI),
};

test('figuresV2 reads the same of version 2', () => {
  const found = figuresV2(V2);
  assert.deepEqual({ ...found, limits: undefined }, { ...figuresV1(V1), limits: undefined });
  assert.deepEqual(found?.limits, { cpuShares: 500, cpuPeriod: 100_000, cpuQuota: 50_000, memory: 128 * MI });
  const old = figuresV2({ ...V2, 'memory.peak': '', 'cpu.max': 'max 100000', 'memory.max': 'max' });
  assert.deepEqual([old?.memory.maxUsage, old?.limits], [undefined, { cpuShares: 500, cpuPeriod: 100_000, memory: 0 }]);
  assert.equal(figuresV2({ 'cpu.stat': 'usage_usec 1' }), undefined, 'the root has no figures of memory');
});
