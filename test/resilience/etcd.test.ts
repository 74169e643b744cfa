// API servers over a real etcd: crashes of either, compaction, and two servers over one etcd.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { configmaps, endpoints, endpointslices } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { succeed } from '../harness/command.ts';
import { startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { insist, Watcher, write } from './watchers.ts';

const owner = { after };
const NAMESPACE = 'default';
/** Of two API servers that pods could reach. */
const HOSTS = ['192.0.2.11', '192.0.2.12'];
const etcd = await startEtcd(owner);
const pki = await controlPlanePki(owner);
const flags = { 'etcd-servers': etcd.endpoint };
const one = await startApiServer(owner, pki, flags);
const other = await startApiServer(owner, pki, flags);
const [here, there] = [createClient(one.connect()), createClient(other.connect())];

test('two API servers on one etcd see each other’s writes, at once and by watch', async () => {
  const watcher = new Watcher(there, NAMESPACE);
  await watcher.list();
  const watching = watcher.until('seen');
  const made = await here.create(configmaps, { metadata: { name: 'seen', namespace: NAMESPACE }, data: { from: 'one' } });
  assert.deepEqual((await there.get(configmaps, { name: 'seen', namespace: NAMESPACE })).data, { from: 'one' });
  await watching;
  await there.patch(configmaps, { name: 'seen', namespace: NAMESPACE }, { type: 'merge', body: { data: { from: 'other' } } });
  assert.deepEqual((await here.get(configmaps, { name: 'seen', namespace: NAMESPACE })).data, { from: 'other' });
  await assert.rejects(here.update(configmaps, { ...made, data: { from: 'late' } }), (error) => isStatusError(error, 'Conflict'));
});

test('every acknowledged write outlives crashes of etcd and of the API servers, and watches go on', async () => {
  const watcher = new Watcher(there, NAMESPACE);
  await watcher.list();
  const watching = watcher.until('last');
  const acknowledged: string[] = [];
  const writing = Array.from({ length: 10 }, (_, i) => write(i % 2 === 0 ? here : there, NAMESPACE, `writer-${i}`, 30, acknowledged));
  await etcd.kill();
  await etcd.restart();
  await one.kill();
  await one.restart();
  await Promise.all([etcd.kill(), other.kill()]);
  await etcd.restart();
  await other.restart();
  await Promise.all(writing);
  await insist(() => here.create(configmaps, { metadata: { name: 'last', namespace: NAMESPACE } }));
  await watching;

  const { items } = await insist(() => here.list(configmaps, { namespace: NAMESPACE }));
  const stored = new Map(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  for (let i = 0; i < 10; i++) assert.equal(items.find(({ metadata }) => metadata.name === `writer-${i}`)?.data?.['n'], '30');
  assert.equal(new Set(acknowledged).size, acknowledged.length);
  assert.deepEqual(watcher.missed, []);
  assert.deepEqual(
    watcher.seen,
    [...new Set(watcher.seen)].toSorted((a, b) => Number(a) - Number(b)),
  );
  assert.deepEqual(watcher.state, stored);
});

test('what etcd has compacted is refused with 410, and a client starts again from a list', async () => {
  const { metadata } = await here.list(configmaps, { namespace: NAMESPACE });
  const old = metadata.resourceVersion ?? '';
  const last = { name: 'last', namespace: NAMESPACE };
  const { metadata: newest } = await here.patch(configmaps, last, { type: 'merge', body: { data: { a: '1' } } });
  await succeed('etcdctl', [`--endpoints=${etcd.endpoint}`, 'compact', newest.resourceVersion], {
    env: { ...process.env, ETCDCTL_API: '3' },
  });
  for (const [server, client] of [
    [one, here],
    [other, there],
  ] as const) {
    await server.kill();
    await server.restart();
    const stale = { namespace: NAMESPACE, resourceVersion: old };
    const expired = (error: unknown): boolean => isStatusError(error, 'Expired');
    await assert.rejects(
      insist(() => client.list(configmaps, { ...stale, resourceVersionMatch: 'Exact' })),
      expired,
    );
    await assert.rejects(
      insist(() => client.watch(configmaps, stale).next()),
      expired,
    );
    const { items } = await client.list(configmaps, { namespace: NAMESPACE });
    assert.equal(items.find(({ metadata: { name } }) => name === 'last')?.metadata.resourceVersion, newest.resourceVersion);
  }
});

test('the Service kubernetes leads to every API server on one etcd that lives', async (t) => {
  for (const address of HOSTS) await succeed('ip', ['address', 'add', `${address}/32`, 'dev', 'lo']);
  const servers = await Promise.all(
    HOSTS.map(async (address) => startApiServer({ after: (stop) => t.after(stop) }, await controlPlanePki(owner, address), flags, address)),
  );
  const client = createClient(one.connect());
  const leadsTo = async (expected: readonly string[]): Promise<void> => {
    const { subsets = [] } = await client.get(endpoints, { name: 'kubernetes', namespace: NAMESPACE });
    assert.deepEqual(
      subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip)),
      expected,
    );
    const { items } = await client.list(endpointslices, { namespace: NAMESPACE, labelSelector: 'kubernetes.io/service-name=kubernetes' });
    assert.deepEqual(
      items.flatMap((slice) => slice.endpoints?.flatMap(({ addresses }) => addresses)),
      expected,
    );
  };
  await eventually(() => leadsTo(HOSTS));
  await servers[0]?.kill();
  await eventually(() => leadsTo(HOSTS.slice(1)));
  await servers[0]?.restart();
  await eventually(() => leadsTo(HOSTS));
});
