import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { configmaps } from '#api/resources.ts';
import { fakeClient } from '#client/testing.ts';
import { container, pod } from '../testing/pods.ts';
import { ObjectCache } from './object-cache.ts';
import { referencedBy } from './referenced.ts';

test('referencedBy finds what env, volumes and pull secrets name', () => {
  const { configMaps, secrets } = referencedBy(
    pod({
      spec: {
        imagePullSecrets: [{ name: 'pull' }],
        initContainers: [container('i', { envFrom: [{ configMapRef: { name: 'c1' } }, { secretRef: { name: 's1' } }] })],
        containers: [
          container('a', {
            env: [
              { name: 'A', valueFrom: { configMapKeyRef: { name: 'c2', key: 'k' } } },
              { name: 'B', valueFrom: { secretKeyRef: { name: 's2', key: 'k' } } },
            ],
          }),
        ],
        volumes: [
          { name: '1', configMap: { name: 'c3', defaultMode: 420 } },
          { name: '2', secret: { secretName: 's3', defaultMode: 420 } },
          { name: '3', projected: { defaultMode: 420, sources: [{ configMap: { name: 'c4' } }, { secret: { name: 's4' } }] } },
        ],
      },
    }).spec,
  );
  assert.deepEqual([...configMaps].toSorted(), ['c1', 'c2', 'c3', 'c4']);
  assert.deepEqual([...secrets].toSorted(), ['pull', 's1', 's2', 's3', 's4']);
});

test('ObjectCache watches an object for as long as some pod refers to it', async (t) => {
  const { client, server } = fakeClient();
  const changes: (readonly string[])[] = [];
  const cache = new ObjectCache(configmaps, {
    client,
    clock: new ManualClock(),
    ids: seededIds(1),
    logger: silentLogger,
    changed: (holders) => changes.push(holders),
  });
  t.after(() => cache.stop());
  cache.hold('p1', 'default', ['a', 'b']);
  cache.hold('p2', 'default', ['a']);
  assert.equal(cache.size, 2);
  await assert.rejects(cache.get('default', 'a'), { message: 'configmap "a" not found' });
  const appeared = new Promise<void>((resolve) => {
    const poll = (): void => void (changes.length > 0 ? resolve() : setImmediate(poll));
    poll();
  });
  server.seed(configmaps, { metadata: { name: 'a', namespace: 'default' }, data: { k: 'v' } });
  await appeared;
  assert.deepEqual(changes, [['p1', 'p2']]);
  assert.equal((await cache.get('default', 'a')).data?.['k'], 'v');
  cache.hold('p1', 'default', ['b']);
  cache.release('p2');
  assert.equal(cache.size, 1);
  cache.release('p1');
  assert.equal(cache.size, 0);
});
