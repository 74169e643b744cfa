// The examples, as a newcomer applies them: real software, by the files in examples/.
// The images come first: they are made before the file loses its network, and found in the cache inside.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { exampleArchives } from '../examples/images.ts';

import { succeed } from '../harness/command.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ARCHIVES = join(ROOT, '.cache', 'examples');
mkdirSync(ARCHIVES, { recursive: true });
const archives = await exampleArchives(ARCHIVES);

const { startCluster } = await import('../harness/cluster.ts');

const NODE = 'http://192.0.2.1';
const cluster = await startCluster({ after });
await cluster.proa('image', 'import', ...archives);
for (const folder of ['visits', 'nginx']) await cluster.kubectl.succeed(['apply', '-f', join(ROOT, 'examples', folder)]);
for (const name of ['redis', 'visits', 'nginx'])
  await cluster.kubectl.succeed(['rollout', 'status', `deployment/${name}`, '--timeout=120s']);

const get = (port: number): Promise<string> =>
  succeed(process.execPath, [
    '-e',
    `fetch('${NODE}:${port}/').then(async (r) => { if (!r.ok) throw new Error(await r.text()); process.stdout.write(await r.text()) })`,
  ]);
const visit = async (): Promise<number> => Number(/^visit (\d+) \(visits-/.exec(await get(30081))?.[1]);

test('the front end counts visits in Redis, which it finds by the name of its Service', async () => {
  for (const n of [1, 2, 3]) assert.equal(await visit(), n);
});

test('nginx serves the page of its ConfigMap and logs the request', async () => {
  assert.equal(await get(30082), 'hello from nginx\n');
  assert.match(await cluster.kubectl.succeed(['logs', 'deployment/nginx']), /"GET \/ HTTP\/1\.1" 200/);
});

test('scaled to five, then rolled to another version and undone, it loses no visit', async () => {
  await cluster.kubectl.succeed(['scale', 'deployment/visits', '--replicas=5']);
  await cluster.kubectl.succeed(['rollout', 'status', 'deployment/visits', '--timeout=120s']);
  let counted = await visit();
  let asked = 0;
  const stop = { now: false };
  const visiting = (async () => {
    while (!stop.now) {
      asked++;
      assert.equal(await visit(), ++counted);
    }
  })();
  visiting.catch(() => {}); // awaited below
  await cluster.kubectl.succeed(['set', 'env', 'deployment/visits', 'VERSION=2']);
  await cluster.kubectl.succeed(['rollout', 'status', 'deployment/visits', '--timeout=120s']);
  await cluster.kubectl.succeed(['rollout', 'undo', 'deployment/visits']);
  await cluster.kubectl.succeed(['rollout', 'status', 'deployment/visits', '--timeout=120s']);
  stop.now = true;
  await visiting;
  assert.ok(asked > 10, `${asked} visits`);
});

test('an image that cannot be had is told as upstream tells it, and nothing else suffers', async () => {
  await cluster.kubectl.succeed(['run', 'lost', '--image=nowhere.test/lost:1']);
  await cluster.kubectl.succeed([
    'wait',
    'pod/lost',
    '--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ImagePullBackOff',
    '--timeout=60s',
  ]);
  assert.match(await cluster.kubectl.succeed(['get', 'events', '--field-selector', 'involvedObject.name=lost']), /Failed to pull image/);
});
