// Namespaces that are filled, deleted and held up in every way, told by a seed: pods go before everything else, nothing is left
// behind in a namespace that is gone, and one that nobody deleted keeps what it has.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError, tooManyRequests } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { seededIds } from '#base/ids.ts';
import { configmaps, namespaces, pods, replicasets, secrets, serviceaccounts, services } from '#api/resources.ts';
import type { KubeObject, New } from '#api/types.ts';
import type { ApiRequest, Transport } from '#client/contract.ts';
import { garbageCollector } from '#controllers/garbage-collector/controller.ts';
import { namespaceController } from '#controllers/namespace/controller.ts';
import { startControllerTest } from '../harness/controllers.ts';

const STEPS = 60;
const SPACES = ['a', 'b', 'c'];
const KINDS = [configmaps, secrets, services, replicasets, pods] as unknown as readonly Resource<KubeObject>[];
const HOLD = 'example.test/hold';

const specOf = (kind: Resource<KubeObject>): object => {
  const template = { metadata: { labels: { app: 'x' } }, spec: { containers: [{ name: 'c', image: 'i' }] } };
  if (kind.resource === 'pods') return { spec: template.spec };
  if (kind.resource === 'services') return { spec: { ports: [{ port: 80 }] } };
  return kind.resource === 'replicasets' ? { spec: { replicas: 0, selector: { matchLabels: { app: 'x' } }, template } } : {};
};

async function run(seed: number): Promise<void> {
  const ids = seededIds(seed);
  const below = (n: number): number => Math.floor(ids.fraction() * n);
  let storm = 0;
  const violations: string[] = [];
  let podsIn = async (_: string): Promise<number> => 0;
  const between = (transport: Transport): Transport => ({
    watch: (request) => transport.watch(request),
    getPath: (path, query, signal) => transport.getPath(path, query, signal),
    close: () => transport.close(),
    async request(request: ApiRequest) {
      if (ids.fraction() < storm) throw tooManyRequests('busy', 0);
      const { verb, resource, namespace = '' } = request;
      if (verb === 'deletecollection' && resource.resource !== 'pods' && (await podsIn(namespace)) > 0)
        violations.push(`${resource.resource} of ${namespace} go before its pods`);
      return transport.request(request);
    },
  });
  const t = await startControllerTest({ controllers: [namespaceController, garbageCollector], between });
  podsIn = async (namespace) => (await t.client.list(pods, { namespace })).items.length;
  const missing = (error: unknown): undefined => {
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Forbidden') && !isStatusError(error, 'Conflict')) throw error;
    return undefined;
  };
  const spaceOf = (name: string) => t.client.get(namespaces, { name }).catch(missing);
  const contentOf = async (namespace: string): Promise<readonly string[]> => {
    const lists = await Promise.all(
      KINDS.map(async (kind) => (await t.client.list(kind, { namespace })).items.map((item) => `${kind.resource} ${item.metadata.name}`)),
    );
    return lists.flat();
  };
  const open = async (name: string): Promise<void> => {
    await t.client.create(namespaces, { metadata: { name } });
    await t.client.create(serviceaccounts, { metadata: { name: 'default', namespace: name } });
  };
  /** What each living namespace must have, by `kind name`. */
  const owned = new Map<string, Set<string>>();
  try {
    for (let step = 0, made = 0; step < STEPS; step++) {
      const name = SPACES[below(SPACES.length)] as string;
      const space = await spaceOf(name);
      switch (below(8)) {
        case 0:
          if (space?.metadata.deletionTimestamp !== undefined || space === undefined) break;
          owned.delete(name);
          await t.client.delete(namespaces, { name });
          break;
        case 1:
          await t.restart();
          break;
        case 2:
          storm = below(2) * 0.3;
          break;
        case 3: {
          // Somebody lets go of what was held.
          for (const kind of KINDS)
            for (const { metadata } of (await t.client.list(kind, { namespace: name })).items)
              if (metadata.deletionTimestamp !== undefined)
                await t.client.patch(kind, metadata, { type: 'merge', body: { metadata: { finalizers: null } } }).catch(missing);
          break;
        }
        default: {
          if (space === undefined) {
            await open(name);
            owned.set(name, new Set());
          }
          const kind = KINDS[below(KINDS.length)] as Resource<KubeObject>;
          const metadata = { name: `o${++made}`, namespace: name, ...(below(3) === 0 ? { finalizers: [HOLD] } : {}) };
          const created = await t.client.create(kind, { metadata, ...specOf(kind) } as New<KubeObject>).catch(missing);
          if (created !== undefined) owned.get(name)?.add(`${kind.resource} ${metadata.name}`);
        }
      }
      for (let look = below(4); look >= 0; look--) {
        let looked = false;
        await t.until(() => Promise.resolve(looked || !(looked = true) ? true : undefined), 300);
      }
      assert.deepEqual(violations, [], `seed ${seed}, step ${step}`);
      for (const each of SPACES) {
        if ((await spaceOf(each)) === undefined) assert.deepEqual(await contentOf(each), [], `seed ${seed}: ${each} is gone`);
        const wanted = owned.get(each);
        if (wanted !== undefined) assert.deepEqual(new Set(await contentOf(each)), wanted, `seed ${seed}: ${each} keeps what it has`);
      }
    }
    storm = 0;
    for (const name of SPACES) {
      if ((await spaceOf(name)) !== undefined) await t.client.delete(namespaces, { name }).catch(missing);
      await t.until(async () => {
        for (const kind of KINDS)
          for (const { metadata } of (await t.client.list(kind, { namespace: name })).items)
            if (metadata.deletionTimestamp !== undefined && (metadata.finalizers?.length ?? 0) > 0)
              await t.client.patch(kind, metadata, { type: 'merge', body: { metadata: { finalizers: null } } }).catch(missing);
        return (await spaceOf(name)) === undefined ? true : undefined;
      }, 1_000);
      assert.deepEqual(await contentOf(name), []);
    }
    assert.deepEqual(violations, []);
  } finally {
    await t.stop();
  }
}

for (const seed of [1, 2, 3]) {
  test(`a deleted namespace is emptied pods first and leaves nothing behind (seed ${seed})`, () => run(seed));
}
