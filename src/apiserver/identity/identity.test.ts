import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, leases, namespaces, secrets } from '#api/resources.ts';
import type { ConfigMap, Lease, New, Secret } from '#api/types.ts';
import { ManualClock, systemClock, wait } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { ADMIN, startTestServer } from '../testing.ts';
import { apiServerId } from './id.ts';
import { keepRecords } from './records.ts';
import { LastUses } from './token-tracking.ts';

const SYSTEM = 'kube-system';
const NOW = Date.UTC(2026, 0, 31, 12);
const LOOKS = 6_000;

// Computed with Go's crypto/sha256, encoding/base32 and cryptobyte.
for (const [hostname, id] of [
  ['kind-control-plane', 'apiserver-c7uylvfxlbqccnk6myfkwetzze'],
  ['a', 'apiserver-2tpgmlbwcz6wvzejdfn7mej2p4'],
] as const) {
  test(`apiServerId of ${hostname} is upstream's`, () => assert.equal(apiServerId(hostname), id));
}

interface Fixture {
  readonly client: Client;
  readonly clock: ManualClock;
  readonly server: Awaited<ReturnType<typeof startTestServer>>['server'];
  /** Starts keeping the records as if the server started; ends with the test. */
  start(hostname?: string): () => Promise<void>;
}

async function setUp(t: { after(stop: () => Promise<void>): void }, { withNamespace = true } = {}): Promise<Fixture> {
  const { server, stop } = await startTestServer();
  const client = createClient(server.loopback(ADMIN));
  if (withNamespace) await client.create(namespaces, { metadata: { name: SYSTEM } });
  const clock = new ManualClock(NOW);
  let seed = 1;
  const stops: (() => Promise<void>)[] = [];
  t.after(async () => {
    await Promise.all(stops.map((end) => end()));
    await stop();
  });
  return {
    client,
    clock,
    server,
    start(hostname) {
      const ending = new AbortController();
      const deps = { client, reader: server.reader, clock, ids: seededIds(seed++), logger: silentLogger, signal: ending.signal };
      const running = keepRecords(hostname === undefined ? {} : { hostname }, deps);
      const end = async (): Promise<void> => {
        ending.abort(new Error('the test ends it'));
        await running;
      };
      stops.push(end);
      return end;
    },
  };
}

/** The first that `look` finds; time goes on by `stepMs` between looks. */
async function eventually<T>(look: () => Promise<T | undefined>, clock: ManualClock, stepMs = 0): Promise<T> {
  for (let tried = 0; tried < LOOKS; tried++) {
    const found = await look();
    if (found !== undefined) return found;
    clock.advance(stepMs);
    await wait(systemClock, 10);
  }
  throw new Error('it did not come about');
}

const found = async <T>(promise: Promise<T>): Promise<T | undefined> => promise.catch(() => undefined);
const leaseOf = (client: Client, hostname: string): Promise<Lease | undefined> =>
  found(client.get(leases, { name: apiServerId(hostname), namespace: SYSTEM }));
const tracking = (client: Client): Promise<ConfigMap | undefined> =>
  found(client.get(configmaps, { name: 'kube-apiserver-legacy-service-account-token-tracking', namespace: SYSTEM }));

test('a server has a Lease, renews it, and takes it over after a restart', async (t) => {
  const { client, clock, start } = await setUp(t);
  const end = start('boat');
  const first = await eventually(() => leaseOf(client, 'boat'), clock);
  assert.deepEqual(first.metadata.labels, { 'apiserver.kubernetes.io/identity': 'kube-apiserver', 'kubernetes.io/hostname': 'boat' });
  assert.equal(first.spec.leaseDurationSeconds, 3_600);
  assert.equal(first.spec.renewTime, '2026-01-31T12:00:00.000000Z');
  assert.match(first.spec.holderIdentity ?? '', new RegExp(`^${apiServerId('boat')}_[0-9a-f-]{36}$`));

  const renewed = await eventually(
    async () => {
      const lease = await leaseOf(client, 'boat');
      return lease?.spec.renewTime === first.spec.renewTime ? undefined : lease;
    },
    clock,
    1_000,
  );
  assert.equal(renewed.spec.holderIdentity, first.spec.holderIdentity);
  await end();

  start('boat');
  const taken = await eventually(async () => {
    const lease = await leaseOf(client, 'boat');
    return lease?.spec.holderIdentity === first.spec.holderIdentity ? undefined : lease;
  }, clock);
  assert.equal(taken.metadata.uid, first.metadata.uid);
});

test('a Lease and the tracking come as soon as there is a namespace for them', async (t) => {
  const { client, clock, start } = await setUp(t, { withNamespace: false });
  start('boat');
  await client.create(namespaces, { metadata: { name: SYSTEM } });
  await eventually(() => leaseOf(client, 'boat'), clock);
  await eventually(() => tracking(client), clock);
});

test('Leases of servers that are gone are deleted, others stay', async (t) => {
  const { client, clock, start } = await setUp(t);
  const make = (name: string, spec: object, component = 'kube-apiserver'): Promise<Lease> =>
    client.create(leases, {
      metadata: { name, namespace: SYSTEM, labels: { 'apiserver.kubernetes.io/identity': component } },
      spec,
    } as New<Lease>);
  const old = '2026-01-31T10:00:00.000000Z';
  await make('ended', { holderIdentity: 'x', leaseDurationSeconds: 3_600, renewTime: old });
  await make('without-times', { holderIdentity: 'x' });
  await make('lives', { holderIdentity: 'x', leaseDurationSeconds: 3_600, renewTime: '2026-01-31T11:30:00.000000Z' });
  await make('another-server', { holderIdentity: 'x', leaseDurationSeconds: 3_600, renewTime: old }, 'other-apiserver');
  start('boat');
  const names = async (): Promise<readonly string[]> =>
    (await client.list(leases, { namespace: SYSTEM })).items
      .map(({ metadata }) => metadata.name)
      .filter((name) => !name.startsWith('apiserver-'));
  await eventually(async () => ((await names()).length === 2 ? true : undefined), clock);
  assert.deepEqual(await names(), ['another-server', 'lives']);
});

test('since when tokens are tracked is noted, mended, and noted again when it is deleted', async (t) => {
  const { client, clock, start } = await setUp(t);
  start();
  const first = await eventually(() => tracking(client), clock);
  assert.deepEqual(first.data, { since: '2026-01-31' });

  await client.update(configmaps, { ...first, data: { since: 'soon', more: 'kept' } });
  const mended = await eventually(async () => {
    const now = await tracking(client);
    return now?.data?.['since'] === 'soon' ? undefined : now;
  }, clock);
  assert.deepEqual(mended.data, { more: 'kept', since: '2026-01-31' });

  await client.delete(configmaps, { name: first.metadata.name, namespace: SYSTEM });
  clock.advance(20 * 60_000);
  assert.equal(await tracking(client), undefined);
  await eventually(() => tracking(client), clock, 60_000);
});

test('the day of its last use is written on a Secret, once a day', async (t) => {
  const { client, clock, server } = await setUp(t);
  const patches: object[] = [];
  const counted = (): Pick<Client, 'patch'> => ({
    patch: (resource, ref, patch, options) => {
      patches.push(patch.body as object);
      return client.patch(resource, ref, patch, options);
    },
  });
  const uses = new LastUses({ client: counted, reader: server.reader, clock, logger: silentLogger });
  const ref = { name: 'token', namespace: SYSTEM };
  const made = await client.create(secrets, { metadata: ref, data: { token: 'YQ==' } } as New<Secret>);
  const day = async (): Promise<string | undefined> =>
    (await client.get(secrets, ref)).metadata.labels?.['kubernetes.io/legacy-token-last-used'];
  const use = { namespace: SYSTEM, secretName: 'token' };
  for (let i = 0; i < 3; i++) uses.note(use);
  assert.equal(await eventually(day, clock), '2026-01-31');
  await server.reader.caughtUp();
  uses.note(use);
  assert.deepEqual(patches, [{ metadata: { uid: made.metadata.uid, labels: { 'kubernetes.io/legacy-token-last-used': '2026-01-31' } } }]);
  clock.advance(24 * 3_600_000);
  uses.note(use);
  await eventually(async () => ((await day()) === '2026-02-01' ? true : undefined), clock);
  uses.note({ namespace: SYSTEM, secretName: 'none' });
  assert.equal(patches.length, 2);
});
