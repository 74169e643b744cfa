import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, systemClock, wait, type Clock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { endpoints, endpointslices, namespaces, services } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import { ADMIN, startTestServer } from '../testing.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { Announcer, membersOf } from './announcer.ts';
import { wantedEndpoints, wantedSlice } from './plan.ts';

const NAME = { name: 'kubernetes', namespace: 'default' };
const HERE = { clusterIP: '10.96.0.1', address: '192.0.2.1', port: 6443 };
const THERE = { ...HERE, address: '192.0.2.2' };
const INTERVAL_MS = 10_000;

/** One server over a store as several may use it, whose time is `clock`; and the addresses the Service leads to. */
async function shared(t: { after(stop: () => Promise<void>): void }, clock: Clock) {
  const store = new MemoryStore(clock);
  store.engine = 'etcd';
  const { server, stop } = await startTestServer({ store });
  t.after(stop);
  const client = createClient(server.loopback(ADMIN));
  await client.create(namespaces, { metadata: { name: 'default' } });
  const members = await membersOf(store, new Schema());
  const announcer = (own: typeof HERE) => new Announcer({ client, members, clock, logger: silentLogger }, own);
  return { store, client, members, announcer };
}

async function addresses(client: Client): Promise<readonly string[]> {
  const { subsets = [] } = await client.get(endpoints, NAME);
  const { endpoints: slice } = await client.get(endpointslices, NAME);
  const legacy = subsets.flatMap(({ addresses: all = [] }) => all.map(({ ip }) => ip ?? ''));
  assert.deepEqual(
    slice?.flatMap((endpoint) => endpoint.addresses),
    legacy,
  );
  return legacy;
}

/** Time goes on, look by look, until the Service leads to these. */
async function untilItLeadsTo(expected: readonly string[], clock: ManualClock, client: Client): Promise<void> {
  for (let tried = 0; ; tried++) {
    try {
      assert.deepEqual(await addresses(client), expected);
      return;
    } catch (error) {
      if (tried === 3_000) throw error;
      clock.advance(INTERVAL_MS);
      await wait(systemClock, 20);
    }
  }
}

test('the Service kubernetes leads to every server over one store; one that ends in peace is gone at once', async (t) => {
  const { client, announcer } = await shared(t, new ManualClock());
  const [one, other] = [announcer(HERE), announcer(THERE)];
  await one.start();
  assert.deepEqual(await addresses(client), ['192.0.2.1']);
  await other.start();
  assert.deepEqual(await addresses(client), ['192.0.2.1', '192.0.2.2']);
  await one.stop();
  assert.deepEqual(await addresses(client), ['192.0.2.2']);
  await other.stop();
  assert.deepEqual(await addresses(client), ['192.0.2.2'], 'the last one leaves its address');
});

test('a server that no longer renews its key is taken out by another, and joins again', async (t) => {
  const clock = new ManualClock();
  const { client, members, announcer } = await shared(t, clock);
  await members.renew(THERE.address); // and then dies
  const one = announcer(HERE);
  await one.start();
  t.after(() => one.stop());
  assert.deepEqual(await addresses(client), ['192.0.2.1', '192.0.2.2']);
  await untilItLeadsTo(['192.0.2.1'], clock, client);
  const back = announcer(THERE);
  await back.start();
  assert.deepEqual(await addresses(client), ['192.0.2.1', '192.0.2.2']);
  await back.stop();
});

test('what somebody deletes or changes is there again at the next look, and strange slices are not', async (t) => {
  const clock = new ManualClock();
  const { client, announcer } = await shared(t, clock);
  const one = announcer(HERE);
  await one.start();
  t.after(() => one.stop());
  await client.delete(services, NAME);
  await client.delete(endpoints, NAME);
  await client.patch(endpointslices, NAME, { type: 'merge', body: { endpoints: [{ addresses: ['192.0.2.77'] }] } });
  await client.create(endpointslices, {
    metadata: { name: 'strange', namespace: 'default', labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv6',
    endpoints: [],
  });
  await untilItLeadsTo(['192.0.2.1'], clock, client);
  const { spec } = await client.get(services, NAME);
  assert.deepEqual([spec.clusterIP, spec.ipFamilyPolicy, spec.sessionAffinity], ['10.96.0.1', 'SingleStack', 'None']);
  assert.deepEqual(spec.ports, [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }]);
  const { items } = await client.list(endpointslices, { namespace: 'default' });
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ['kubernetes'],
  );
});

test('a store that fails is no end: the next look says again that the server serves', async (t) => {
  const clock = new ManualClock();
  const { store, client, announcer } = await shared(t, clock);
  const one = announcer(HERE);
  store.failures.push(new Error('no store'));
  await one.start();
  t.after(() => one.stop());
  await assert.rejects(client.get(endpoints, NAME), /not found/);
  await untilItLeadsTo(['192.0.2.1'], clock, client);
});

test('a server that nobody else reaches keeps the Service, but is no endpoint of it', async (t) => {
  const { client, announcer } = await shared(t, new ManualClock());
  const [alone, other] = [announcer({ ...HERE, address: '127.0.0.1' }), announcer(HERE)];
  await alone.start();
  assert.equal((await client.get(services, NAME)).spec.clusterIP, '10.96.0.1');
  await assert.rejects(client.get(endpoints, NAME), /not found/);
  await other.start();
  assert.deepEqual(await addresses(client), ['192.0.2.1']);
  await alone.stop();
  await other.stop();
});

test('a store of one process holds no keys of members', async (t) => {
  const store = new MemoryStore(systemClock);
  t.after(() => store.close());
  const members = await membersOf(store, new Schema());
  await members.renew('192.0.2.1');
  assert.deepEqual(await members.list(), ['192.0.2.1']);
  await members.remove('192.0.2.1');
  assert.deepEqual(await members.list(), []);
  assert.equal((await store.range({ start: '/', end: '0' })).count, 0);
});

test('wantedEndpoints and wantedSlice keep the ports they find, and write nothing that is right already', () => {
  const ports = [{ name: 'https', port: 443, protocol: 'TCP' as const }];
  const legacy = wantedEndpoints({ metadata: { ...NAME }, subsets: [{ addresses: [{ ip: '192.0.2.9' }], ports }] }, ['192.0.2.1'], 6443);
  assert.deepEqual(legacy?.subsets, [{ addresses: [{ ip: '192.0.2.1' }], ports }]);
  assert.equal(wantedEndpoints(legacy, ['192.0.2.1'], 6443), undefined);
  const slice = wantedSlice(undefined, ['2001:db8::1'], 6443);
  assert.equal(slice?.addressType, 'IPv6');
  assert.deepEqual(slice?.ports, [{ name: 'https', port: 6443, protocol: 'TCP' }]);
  assert.equal(wantedSlice(slice, ['2001:db8::1'], 6443), undefined);
});
