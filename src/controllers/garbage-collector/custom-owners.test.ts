// What custom resources own when their definition goes with them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isStatusError, tooManyRequests } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { configmaps, customresourcedefinitions } from '#api/resources.ts';
import type { CustomResourceDefinition, KubeObject, New } from '#api/types.ts';
import { type Simulation, simulate } from '../testing/simulation.ts';
import { garbageCollector } from './controller.ts';

const widgets: Resource<KubeObject> = { group: 'example.com', version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true };
const DEFINITION = { name: 'widgets.example.com' };

const condition = (type: string, status: string, reason: string) => ({ type, status, reason, message: '', lastTransitionTime: null });

/** A widget that owns a config map, both seen by the collector. */
async function world(): Promise<Simulation> {
  const running = await simulate([garbageCollector], 1);
  const { client } = running;
  running.server.seed(customresourcedefinitions, {
    metadata: DEFINITION,
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', kind: 'Widget' },
      versions: [{ name: 'v1', served: true, storage: true }],
    },
    status: {
      acceptedNames: { plural: 'widgets', kind: 'Widget' },
      conditions: [condition('Established', 'True', 'InitialNamesAccepted')],
    },
  } as unknown as New<CustomResourceDefinition>);
  const { metadata } = await client.create(widgets, { metadata: { name: 'w', namespace: 'ns' } } as never);
  await running.quiet();
  const ownerReferences = [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: metadata.uid }];
  await client.create(configmaps, { metadata: { name: 'owned', namespace: 'ns', ownerReferences } });
  await running.quiet();
  return running;
}

/** As the API server does before it lets a definition go. */
const finish = ({ client }: Simulation): Promise<unknown> =>
  client.patch(
    customresourcedefinitions,
    DEFINITION,
    {
      type: 'merge',
      body: {
        status: { conditions: [condition('Established', 'True', ''), condition('Terminating', 'False', 'InstanceDeletionCompleted')] },
      },
    },
    { subresource: 'status' },
  );

async function isThere({ client }: Simulation): Promise<boolean> {
  try {
    await client.get(configmaps, { name: 'owned', namespace: 'ns' });
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return false;
    throw error;
  }
}

test('what a custom resource owned goes, though nobody serves its kind any more when that is looked at', async (t) => {
  const running = await world();
  t.after(running.stop);
  const { server } = running;
  server.failNext(({ verb, resource }) => verb === 'delete' && resource.resource === 'configmaps', tooManyRequests('busy', 0), 1);
  server.failNext(({ verb, resource }) => verb === 'get' && resource.resource === 'widgets', tooManyRequests('busy', 0), 1);
  await running.client.delete(widgets, { name: 'w', namespace: 'ns' });
  await finish(running);
  await running.client.delete(customresourcedefinitions, DEFINITION);
  await running.quiet();
  assert.equal(await isThere(running), false);
});

test('what a custom resource owned goes when the end of its definition is heard of first', async (t) => {
  const running = await world();
  t.after(running.stop);
  running.hold('widgets');
  await running.client.delete(widgets, { name: 'w', namespace: 'ns' });
  await finish(running);
  await running.client.delete(customresourcedefinitions, DEFINITION);
  await running.quiet();
  assert.equal(await isThere(running), false);
});

test('what a custom resource owns stays when its definition was taken away from over it', async (t) => {
  const running = await world();
  t.after(running.stop);
  await running.client.delete(customresourcedefinitions, DEFINITION);
  await running.quiet();
  assert.equal(await isThere(running), true);
});

test('what a custom resource owns stays when another version is read from now on', async (t) => {
  const running = await world();
  t.after(running.stop);
  const versions = [
    { name: 'v1', served: true, storage: false },
    { name: 'v2', served: true, storage: true },
  ];
  running.server.react({ verb: 'get', resource: 'widgets' }, () => ({ metadata: { name: 'w', namespace: 'ns', uid: owner } }));
  const [{ uid: owner } = { uid: '' }] =
    (await running.client.get(configmaps, { name: 'owned', namespace: 'ns' })).metadata.ownerReferences ?? [];
  await running.client.patch(customresourcedefinitions, DEFINITION, { type: 'merge', body: { spec: { versions } } });
  await running.quiet();
  assert.equal(await isThere(running), true);
});

test('of an owner that was seen to go nobody asks the server', async (t) => {
  const running = await world();
  t.after(running.stop);
  const before = running.server.actions.length;
  await running.client.delete(widgets, { name: 'w', namespace: 'ns' });
  await running.quiet();
  assert.equal(await isThere(running), false);
  const asked = running.server.actions.slice(before).filter(({ verb, resource }) => verb === 'get' && resource === 'widgets');
  assert.deepEqual(asked, []);
});
