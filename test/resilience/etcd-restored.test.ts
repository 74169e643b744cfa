// An etcd that comes back as it was some time ago, under an API server that runs: revisions go back, and all that was written
// since is gone.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configmaps } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { startEtcd } from '../harness/etcd.ts';
import { eventually } from '../harness/eventually.ts';
import { temporaryFolder } from '../harness/temp.ts';
import { insist } from './watchers.ts';

const NAMESPACE = 'default';

test('an API server follows an etcd that was put back to an older state, and its clients hear of it', async (t) => {
  const etcd = await startEtcd(t);
  const server = await startApiServer(t, await controlPlanePki(t), { 'etcd-servers': etcd.endpoint });
  const client = createClient(server.connect());
  const map = (name: string) => ({ metadata: { name, namespace: NAMESPACE } });
  await client.create(configmaps, map('kept'));
  const copy = join(temporaryFolder(t), 'copy');
  await etcd.kill();
  cpSync(etcd.dataFolder, copy, { recursive: true });
  await etcd.restart();

  const names = async (): Promise<readonly string[]> =>
    (await insist(() => client.list(configmaps, { namespace: NAMESPACE }))).items.map(({ metadata }) => metadata.name);
  for (let i = 0; i < 200; i++) await insist(() => client.create(configmaps, map(`lost-${i}`)).catch(unlessThere));
  await insist(() => client.delete(configmaps, map('kept').metadata).catch(unlessGone));
  const { metadata } = await client.list(configmaps, { namespace: NAMESPACE });
  const watching = (async () => {
    const gone = new Set<string>();
    for await (const event of client.watch(configmaps, { namespace: NAMESPACE, resourceVersion: metadata.resourceVersion ?? '' }))
      if (event.type === 'DELETED') gone.add(event.object.metadata.name);
    return gone;
  })();
  await etcd.kill();
  rmSync(etcd.dataFolder, { recursive: true });
  cpSync(copy, etcd.dataFolder, { recursive: true });
  await etcd.restart();

  await eventually(async () =>
    assert.deepEqual(
      (await names()).filter((name) => name !== 'kube-root-ca.crt'),
      ['kept'],
    ),
  );
  await watching.catch(() => {}); // it ends, in whatever way, so that its client lists again
  await insist(() => client.create(configmaps, map('after')));
  assert.ok((await names()).includes('after'));
  const again = await client.list(configmaps, { namespace: NAMESPACE });
  const seen = (async () => {
    for await (const event of client.watch(configmaps, { namespace: NAMESPACE, resourceVersion: again.metadata.resourceVersion ?? '' }))
      if (event.type === 'ADDED') return event.object.metadata.name;
    return undefined;
  })();
  await client.create(configmaps, map('watched'));
  assert.equal(await seen, 'watched');
});

const unlessThere = passing('AlreadyExists');
const unlessGone = passing('NotFound');

/** A write whose answer was lost may have been done. */
function passing(reason: string): (error: unknown) => void {
  return (error) => {
    if ((error as { reason?: string }).reason !== reason) throw error;
  };
}
