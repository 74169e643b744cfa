import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { CompressedRuns } from '../cache/compressed-runs.ts';
import { EncodedItems } from '../cache/encoded-items.ts';
import { ResourceCache } from '../cache/resource-cache.ts';
import { ObjectLayout, StoredObject } from '../cache/stored-object.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { http1 } from '../testing/http.ts';
import type { ListBody } from './list-parts.ts';
import { planZipped, zippedList } from './zipped-list.ts';

const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: true });

function stored(name: string, revision: number): StoredObject {
  const data = { text: `${name}-${revision} `.repeat(800) };
  const metadata = { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' };
  const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data };
  return new StoredObject(layout, `default/${name}`, revision, layout.encode(object), object);
}

const bodyOf = (objects: readonly StoredObject[]): ListBody => ({
  form: 'v1 json',
  objects,
  lengthFirst: false,
  encoded: 0,
  item: (index) => [(objects[index] as StoredObject).json()],
  around: (bytes) => ({ before: [Buffer.from(`${bytes} bytes\n`)], behind: [Buffer.from('end\n')] }),
});

const plain = (objects: readonly StoredObject[]): string => {
  const items = Buffer.concat(objects.map((object) => object.json()));
  return `${items.length} bytes\n${items.toString()}end\n`;
};

const COUNT = 500;

function filledCache(): ResourceCache {
  const prepared = { items: new EncodedItems(), runs: new CompressedRuns() };
  const resource = { name: 'configmaps', prefix: '/registry/configmaps/', layout, fields: new Map() };
  const cache = new ResourceCache(resource, { revision: COUNT }, prepared);
  const names = Array.from({ length: COUNT }, (_, i) => `map-${String(i).padStart(4, '0')}`);
  cache.load(
    names.map((name, i) => stored(name, i + 1)),
    COUNT,
  );
  return cache;
}

/** What a list unpacks to, and how many of its objects had to be compressed. */
async function listed(objects: readonly StoredObject[], cache: ResourceCache): Promise<{ text: string; compressed: number }> {
  const plan = await planZipped(bodyOf(objects), cache);
  const chunks: Buffer[] = [];
  for await (const chunk of zippedList(plan)) chunks.push(chunk);
  const compressed = plan.steps.reduce((sum, step) => sum + ('deflated' in step ? 0 : step.to - step.from), 0);
  return { text: gunzipSync(Buffer.concat(chunks)).toString(), compressed };
}

test('zippedList compresses again only what stands beside a change', async () => {
  const cache = filledCache();
  const before = [...cache.range('')];
  assert.deepEqual(await listed(before, cache), { text: plain(before), compressed: COUNT });
  assert.deepEqual(await listed(before, cache), { text: plain(before), compressed: 1 }); // the first is in no run

  cache.change('default/map-0250', COUNT + 1, stored('map-0250', COUNT + 1), 0);
  cache.change('default/map-0100', COUNT + 2, undefined, 0);
  cache.change('default/map-0300b', COUNT + 3, stored('map-0300b', COUNT + 3), 0);
  const changed = [...cache.range('')];
  const again = await listed(changed, cache);
  assert.equal(again.text, plain(changed));
  assert.ok(again.compressed < COUNT / 2, String(again.compressed));
  assert.equal((await listed(changed, cache)).compressed, 1);

  const some = changed.slice(37, 411);
  assert.equal((await listed(some, cache)).text, plain(some));
  // A list of the past is right, too, and leaves nothing behind that is not current.
  assert.deepEqual((await listed(before, cache)).text, plain(before));
});

test('zippedList keeps nothing of objects that are gone', async () => {
  const prepared = { items: new EncodedItems(), runs: new CompressedRuns() };
  const resource = { name: 'configmaps', prefix: '/registry/configmaps/', layout, fields: new Map() };
  const cache = new ResourceCache(resource, { revision: 60 }, prepared);
  cache.load(
    Array.from({ length: 60 }, (_, i) => stored(`map-${String(i).padStart(2, '0')}`, i + 1)),
    60,
  );
  await listed([...cache.range('')], cache);
  assert.ok(prepared.runs.bytes > 0);
  for (const [i, { key }] of [...cache.range('')].entries()) cache.change(key, 61 + i, undefined, 0);
  assert.equal(prepared.runs.bytes, 0);
});

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

async function write(method: string, name: string, text: string): Promise<void> {
  const labels = { half: name.endsWith('1') ? 'odd' : 'even' };
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels }, data: { text } });
  const path = method === 'POST' ? CONFIG_MAPS : `${CONFIG_MAPS}/${name}`;
  const answer = await http1(server, path, { method, headers: { 'content-type': 'application/json' }, body });
  assert.ok(answer.status < 300, answer.body.toString());
}

/** The same bytes as without compression, whichever way a client asks. */
async function sameBytes(): Promise<void> {
  for (const accept of ['application/json', 'application/vnd.kubernetes.protobuf']) {
    for (const query of ['', '?limit=12', '?labelSelector=half%3Deven', '?fieldSelector=metadata.name%21%3Dmap-02']) {
      const path = CONFIG_MAPS + query;
      const [one, zipped, again] = [
        await http1(server, path, { headers: { accept } }),
        await http1(server, path, { headers: { accept, 'accept-encoding': 'gzip' } }),
        await http1(server, path, { headers: { accept, 'accept-encoding': 'gzip' } }),
      ];
      assert.equal(zipped.headers['content-encoding'], 'gzip', path);
      assert.deepEqual(gunzipSync(zipped.body), one.body, path);
      assert.deepEqual(again.body, zipped.body, path);
    }
  }
}

test('a list unpacks to the same bytes in every encoding, page and selection, before and after changes', async () => {
  const text = (name: string): string => `${name} `.repeat(3_000);
  const names = Array.from({ length: 30 }, (_, i) => `map-${String(i).padStart(2, '0')}`);
  for (const name of names) await write('POST', name, text(name));
  await sameBytes();
  await write('PUT', 'map-07', text('another'));
  await write('POST', 'map-07b', text('new'));
  assert.equal((await http1(server, `${CONFIG_MAPS}/map-00`, { method: 'DELETE' })).status, 200);
  await sameBytes();
});
