import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { leases } from '#api/resources.ts';
import { fakeClient } from '../testing.ts';
import { LeaderMetrics } from './leader-metrics.ts';
import { LeaderElector, type ElectionEnd } from './leader-elector.ts';

const turn = async (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1));
  const { client, server } = fakeClient({ clock });
  const working = new Set<string>();
  /** Who held the lease when a copy was about to stop working. */
  const holderWhileWorking: (string | undefined)[] = [];
  const most = { atOnce: 0 };
  const start = (identity: string) => {
    const stop = new AbortController();
    const told: string[] = [];
    const metrics = new LeaderMetrics();
    const status = (): string | undefined => /^leader_election_master_status\{.*$/m.exec(metrics.expose())?.[0];
    const elector = new LeaderElector({
      client,
      namespace: 'kube-system',
      name: 'kube-scheduler',
      identity,
      clock,
      ids: seededIds(identity.length),
      logger: silentLogger,
      onNewLeader: (leader) => told.push(leader),
      metrics,
    });
    const finish = Promise.withResolvers<void>();
    const ended: Promise<ElectionEnd> = elector.run(async (signal) => {
      working.add(identity);
      most.atOnce = Math.max(most.atOnce, working.size);
      const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
      await Promise.race([aborted, finish.promise]);
      // Winding down takes a while; nobody else may begin meanwhile.
      await turn();
      if (!signal.aborted) await finish.promise;
      holderWhileWorking.push(server.stored(leases)[0]?.spec.holderIdentity);
      working.delete(identity);
    }, stop.signal);
    ended.catch(() => undefined);
    return { elector, stop, told, ended, finish, status };
  };
  const run = async (ms: number): Promise<void> => {
    for (let left = ms; left > 0; left -= 500) {
      clock.advance(500);
      await turn();
      await turn();
    }
  };
  return { clock, client, server, working, most, holderWhileWorking, start, run };
}

test('LeaderElector lets one of two copies work and renews its lease', async () => {
  const { server, working, start, run, most } = setUp();
  const [a, b] = [start('a'), start('bb')];
  await run(60_000);
  assert.deepEqual([...working], ['a']);
  assert.deepEqual([a.elector.isLeader, b.elector.isLeader, b.elector.leader, b.told, most.atOnce], [true, false, 'a', ['a'], 1]);
  const status = 'leader_election_master_status{name="kube-scheduler"}';
  assert.deepEqual([a.status(), b.status()], [`${status} 1`, `${status} 0`]);
  const [lease] = server.stored(leases);
  assert.deepEqual(
    [lease?.spec.leaseTransitions, lease?.spec.acquireTime, lease?.spec.leaseDurationSeconds],
    [0, '2026-01-01T00:00:00.500000Z', 15],
  );
  assert.ok((lease?.spec.renewTime ?? '') >= '2026-01-01T00:00:57');
  a.stop.abort();
  b.stop.abort();
  await Promise.all([a.ended, b.ended]);
  assert.equal(a.status(), `${status} 0`);
});

test('LeaderElector hands the lease over at once when it is stopped', async () => {
  const { working, start, run, most, server, holderWhileWorking } = setUp();
  const a = start('a');
  await run(1000);
  const b = start('bb');
  await run(1000);
  a.stop.abort();
  assert.equal(await a.ended, 'stopped');
  assert.deepEqual(holderWhileWorking, ['a']);
  assert.equal(server.stored(leases)[0]?.spec.holderIdentity, '');
  await run(5_000);
  assert.deepEqual([[...working], most.atOnce, server.stored(leases)[0]?.spec.leaseTransitions], [['bb'], 1, 1]);
  b.stop.abort();
  await b.ended;
});

test('LeaderElector stops the work when it cannot renew, and another takes over only later', async () => {
  const { working, start, run, most, server } = setUp();
  const a = start('a');
  await run(1000);
  server.failNext(
    (request) => (request.body as { readonly spec?: { readonly holderIdentity?: string } } | undefined)?.spec?.holderIdentity === 'a',
    new Error('disk full'),
    1000,
  );
  const b = start('bb');
  await run(9_000);
  assert.deepEqual([...working], ['a']);
  await run(3_000);
  assert.deepEqual([...working], []);
  assert.equal(await a.ended, 'lost');
  await run(10_000);
  assert.deepEqual([[...working], most.atOnce], [['bb'], 1]);
  b.stop.abort();
  await b.ended;
});

test('LeaderElector survives an outage shorter than its deadline', async () => {
  const { working, start, run, server } = setUp();
  const a = start('a');
  await run(1000);
  server.setOffline(true);
  await run(7_000);
  server.setOffline(false);
  await run(5_000);
  assert.deepEqual([...working], ['a']);
  a.stop.abort();
  assert.equal(await a.ended, 'stopped');
});

test('LeaderElector gives the lease up when the work ends by itself', async () => {
  const { start, run, server } = setUp();
  const a = start('a');
  await run(1000);
  a.finish.resolve();
  assert.equal(await a.ended, 'finished');
  assert.equal(server.stored(leases)[0]?.spec.holderIdentity, '');
});

test('LeaderElector rejects with the error of the work, after giving the lease up', async () => {
  const { start, run, server } = setUp();
  const a = start('a');
  await run(1000);
  a.finish.reject(new Error('bug'));
  await assert.rejects(a.ended, /bug/);
  assert.equal(server.stored(leases)[0]?.spec.holderIdentity, '');
});

test('LeaderElector that waits can be stopped', async () => {
  const { start, run, clock } = setUp();
  const a = start('a');
  await run(1000);
  const b = start('bb');
  await run(1000);
  b.stop.abort();
  assert.equal(await b.ended, 'stopped');
  a.stop.abort();
  await a.ended;
  assert.equal(clock.pending, 0);
});

test('LeaderElector healthy tells of a leader whose lease ran out unnoticed', async () => {
  const { start, run, clock } = setUp();
  const a = start('a');
  await run(1000);
  assert.equal(a.elector.healthy(0), true);
  // The loop is stuck: time passes and nothing runs.
  const stuck = clock.monotonic();
  while (clock.monotonic() < stuck + 20_000) clock.advance(1000);
  assert.equal(a.elector.healthy(0), false);
  a.stop.abort();
  await a.ended;
});

test('LeaderElector refuses times that leave no room for a retry', () => {
  const { client, clock } = setUp();
  const create = (times: object) => () =>
    new LeaderElector({
      client,
      namespace: 'n',
      name: 'l',
      identity: 'a',
      clock,
      ids: seededIds(1),
      logger: silentLogger,
      times: { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000, ...times },
    });
  assert.throws(create({ leaseDurationMs: 10_000 }), /leaseDuration must be greater than renewDeadline/);
  assert.throws(create({ retryPeriodMs: 9_000 }), /renewDeadline must be greater than retryPeriod\*JitterFactor/);
});
