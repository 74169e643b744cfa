// An etcd of three members that loses its majority and gets it back, with members killed, stopped and behind: what was acknowledged is
// kept, watches miss nothing, and while there is no majority writes are refused, not left without an answer.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { configmaps } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { startEtcdMembers } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { insist, Watcher, write } from './watchers.ts';

const owner = { after };
const NAMESPACE = 'default';
const WRITERS = 16;
const WATCHERS = 16;
const CHANGES = 250;
const CONFIGMAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

const members = await startEtcdMembers(owner, 3);
const server = await startApiServer(owner, await controlPlanePki(owner), {
  'etcd-servers': members.map(({ endpoint }) => endpoint).join(','),
});
const client = createClient(server.connect());

test('a majority that is lost and regained costs no acknowledged write and no event', async () => {
  const watchers = Array.from({ length: WATCHERS }, (_, i) => new Watcher(client, NAMESPACE, i % 2 === 0 ? 'list' : 'stream'));
  for (const watcher of watchers) await watcher.list();
  const watching = watchers.map((watcher) => watcher.until('last'));
  const acknowledged: string[] = [];
  const writing = Array.from({ length: WRITERS }, (_, i) => write(client, NAMESPACE, `writer-${i}`, CHANGES, acknowledged));
  for (let round = 0; round < 3; round++) {
    const [one, other] = [members[round % 3], members[(round + 1) % 3]] as const;
    await one?.kill();
    const progress = acknowledged.length;
    await eventually(async () => assert.ok(acknowledged.length > progress || acknowledged.length === WRITERS * (CHANGES + 1)));
    await other?.kill();
    const refusal = JSON.parse(await server.text(CONFIGMAPS)) as { readonly code?: number };
    assert.ok((refusal.code ?? 0) >= 500, 'what must be asked of the majority is refused');
    const known = JSON.parse(await server.text(`${CONFIGMAPS}?resourceVersion=0`)) as { readonly kind: string };
    assert.equal(known.kind, 'ConfigMapList', 'what is known is told');
    await Promise.all([one?.restart(), other?.restart()]);
    const lost = acknowledged.length;
    await eventually(async () => assert.ok(acknowledged.length > lost || acknowledged.length === WRITERS * (CHANGES + 1)));
    // One that does not answer, and does not end either.
    members[round % 3]?.process.child.kill('SIGSTOP');
    const stopped = acknowledged.length;
    await eventually(async () => assert.ok(acknowledged.length > stopped + 20 || acknowledged.length === WRITERS * (CHANGES + 1)));
    members[round % 3]?.process.child.kill('SIGCONT');
  }
  await Promise.all(writing);
  await insist(() => client.create(configmaps, { metadata: { name: 'last', namespace: NAMESPACE } }));
  await Promise.all(watching);

  const { items } = await insist(() => client.list(configmaps, { namespace: NAMESPACE }));
  const stored = new Map(items.map(({ metadata }) => [metadata.name, metadata.resourceVersion]));
  for (let i = 0; i < WRITERS; i++)
    assert.equal(items.find(({ metadata }) => metadata.name === `writer-${i}`)?.data?.['n'], String(CHANGES));
  for (const { seen, state, missed, gaps } of watchers) {
    assert.deepEqual(
      seen,
      [...new Set(seen)].toSorted((a, b) => Number(a) - Number(b)),
      'each change once, in order',
    );
    assert.deepEqual(missed, []);
    assert.deepEqual(state, stored);
    const told = new Set(seen);
    const between = (version: string): boolean => gaps.some(({ after: from, to }) => Number(version) > from && Number(version) <= to);
    assert.deepEqual(
      acknowledged.filter((version) => !told.has(version) && !between(version)),
      [],
    );
  }
});
