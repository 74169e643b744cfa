// A whole API server whose disk runs full, and whose disk then fails: it refuses what it cannot keep, serves all it has, keeps every
// promise it made, and goes on by itself where the disk does.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { Pki } from '#cluster/pki/store.ts';
import { cutOffDisk, smallDisk } from './cut-off-disk.ts';

const NAMESPACE = 'default';
const VALUE = 'x'.repeat(50_000);

/** A file that takes all the room there is left. */
function fill(folder: string): string {
  const path = join(folder, 'ballast');
  const file = openSync(path, 'w');
  const bytes = Buffer.alloc(64 << 10, 'b');
  try {
    for (;;) writeSync(file, bytes);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(file);
  }
  return path;
}

const create = (client: Client, name: string): Promise<unknown> =>
  client.create(configmaps, { metadata: { name, namespace: NAMESPACE }, data: { value: VALUE } });

/** Names of what was created, and how the first that was not was refused. */
async function createUntilRefused(client: Client, prefix: string): Promise<{ readonly created: string[]; readonly refusal: StatusError }> {
  const created: string[] = [];
  for (;;) {
    const name = `${prefix}-${created.length}`;
    try {
      await create(client, name);
      created.push(name);
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      return { created, refusal: error };
    }
  }
}

async function namesIn(client: Client): Promise<readonly string[]> {
  const { items } = await client.list(configmaps, { namespace: NAMESPACE });
  for (const { metadata, data } of items) if (metadata.name.startsWith('map-')) assert.equal(data?.['value'], VALUE, metadata.name);
  return items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith('map-'));
}

test('an API server on a full disk refuses writes, serves reads and watches, and writes again when there is room', async (t) => {
  const disk = await smallDisk(t, '40m');
  const server = await startApiServer(t, await controlPlanePki(t), { 'data-dir': join(disk, 'store') });
  const client = createClient(server.connect());
  const { revision } = await client
    .list(configmaps, { namespace: NAMESPACE })
    .then(({ metadata }) => ({ revision: metadata.resourceVersion }));
  const watched: string[] = [];
  const watching = (async () => {
    for await (const event of client.watch(configmaps, { namespace: NAMESPACE, resourceVersion: revision ?? '' })) {
      if (event.type === 'BOOKMARK') continue;
      watched.push(event.object.metadata.name);
      if (event.object.metadata.name === 'map-after') return;
    }
  })();
  const ballast = fill(disk);
  const { created, refusal } = await createUntilRefused(client, 'map');
  t.diagnostic(`${created.length} were created; then: ${refusal.code} ${refusal.reason} ${refusal.message}`);
  assert.deepEqual([refusal.code, refusal.reason], [503, 'ServiceUnavailable']);
  assert.match(refusal.message, /ENOSPC/);
  assert.match(await server.text('/readyz/etcd-readiness'), /the store cannot write: ENOSPC/);
  assert.equal(await server.text('/livez'), 'ok');
  await assert.rejects(create(client, 'map-refused'), StatusError);
  assert.deepEqual([...(await namesIn(client))].toSorted(), created.toSorted());
  rmSync(ballast);
  await create(client, 'map-after');
  assert.equal(await server.text('/readyz'), 'ok');
  await watching;
  const all = [...created, 'map-after'];
  assert.deepEqual(
    watched.filter((name) => name.startsWith('map-')),
    all,
  );
  await server.kill();
  await server.restart();
  assert.deepEqual([...(await namesIn(client))].toSorted(), all.toSorted());
});

test('an API server whose disk is cut off refuses writes, serves what it has, and starts again from it with all it promised', async (t) => {
  const { folder: disk, cutOff, mountAgain } = await cutOffDisk(t);
  const server = await startApiServer(t, await controlPlanePki(t), { 'data-dir': join(disk, 'store') });
  const client = createClient(server.connect());
  const promised: string[] = [];
  const refusals: StatusError[] = [];
  const writers = Array.from({ length: 8 }, async (_, writer) => {
    for (let i = 0; ; i++) {
      const name = `map-${writer}-${i}`;
      try {
        await create(client, name);
        promised.push(name);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        refusals.push(error);
        return;
      }
      if (promised.length === 200) await cutOff();
    }
  });
  await Promise.all(writers);
  for (const { code, message } of refusals) {
    assert.ok(code === 503 || code === 504, `${code}`);
    assert.match(message, /EIO/);
  }
  const served = new Set(await namesIn(client));
  assert.deepEqual(
    promised.filter((name) => !served.has(name)),
    [],
    'what was acknowledged is served from memory',
  );
  await server.kill();
  await mountAgain();
  await server.restart();
  const kept = new Set(await namesIn(client));
  assert.deepEqual(
    promised.filter((name) => !kept.has(name)),
    [],
  );
  await create(client, 'map-after');
});

test('authorities, keys and a certificate that was asked for are there after a power failure that came as soon as they were made', async (t) => {
  const { folder, cutOff, mountAgain } = await cutOffDisk(t);
  const pki = (): Pki => new Pki(join(folder, 'data', 'pki'), { clock: systemClock, ids: randomIds });
  const first = pki();
  await first.ensureServiceAccountKey();
  await Promise.all([first.ensureAuthority('ca'), first.ensureAuthority('front-proxy-ca')]);
  await first.keep('kubelet-client', first.read('ca'));
  const kept = await readFolder(first.dir);
  await cutOff();
  await mountAgain();
  assert.deepEqual(await readFolder(pki().dir), kept);
});

async function readFolder(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = (await readdir(folder)).toSorted();
  return new Map(await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)));
}
