// How a definition goes: past admission, after its objects, telling what it waits for. Source: CRDFinalizer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { customresourcedefinitions } from '#api/resources.ts';
import type { CustomResourceDefinition } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { forbidden } from '#apimachinery/errors.ts';
import type { ValidatingPlugin } from '../admission/contract.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { Api, definition, DEFINITIONS } from './testing.ts';

const GROUP = 'going.example.com';
const NAME = `widgets.${GROUP}`;
const WIDGETS = `/apis/${GROUP}/v1/namespaces/default/widgets`;
const MERGE = { contentType: 'application/merge-patch+json' };

const keepsAll: ValidatingPlugin = {
  name: 'KeepsAll',
  operations: ['DELETE'],
  validate: ({ resource, name }) => {
    if (resource.group === GROUP) throw forbidden(resource, name, 'stays');
  },
};

const reasonOf = (crd: CustomResourceDefinition | undefined): string | undefined =>
  findCondition(crd?.status.conditions, 'Terminating')?.reason;

test('a definition goes whatever admission says of its objects, and tells that finalizers keep one', async () => {
  const clock = new ManualClock();
  const parts = () => ({ admission: { mutating: [], validating: [keepsAll] } });
  const api = await Api.start({ clock, store: new MemoryStore(clock), parts });
  await api.define(definition({ group: GROUP }));
  const widget = (name: string, finalizers: readonly string[] = []) => ({
    apiVersion: `${GROUP}/v1`,
    kind: 'Widget',
    metadata: { name, finalizers },
  });
  await api.done('POST', WIDGETS, widget('free'));
  await api.done('POST', WIDGETS, widget('held', ['example.com/hold']));
  assert.equal((await api.request('DELETE', `${WIDGETS}/free`)).code, 403);

  const marked = await api.done('DELETE', `${DEFINITIONS}/${NAME}`);
  assert.equal(reasonOf(marked as unknown as CustomResourceDefinition), 'InstanceDeletionPending');
  const late = await api.request('PATCH', `${WIDGETS}/late?fieldManager=m`, widget('late'), {
    contentType: 'application/apply-patch+yaml',
  });
  assert.match(late.body.message, /create not allowed while custom resource definition is terminating$/);
  await api.until(NAME, (crd) => reasonOf(crd) === 'InstanceDeletionInProgress');
  for (;;) {
    const left = (await api.get(WIDGETS)).body.items;
    if (left.length === 1 && left[0]?.metadata['deletionTimestamp'] !== undefined) break;
  }
  clock.advance(60_000);
  const overdue = await api.until(NAME, (crd) => reasonOf(crd) === 'InstanceDeletionCheck');
  assert.equal(
    findCondition(overdue?.status.conditions, 'Terminating')?.message,
    'could not confirm zero CustomResources remaining: context deadline exceeded',
  );
  await api.done('PATCH', `${WIDGETS}/held`, { metadata: { finalizers: null } }, MERGE);
  await api.until(NAME, (crd) => crd === undefined);
  await api.stop();
});

test('whoever hears of the end of a definition is shown that its objects went before it', async () => {
  const api = await Api.start();
  await api.define(definition({ group: GROUP }));
  await api.done('POST', WIDGETS, { apiVersion: `${GROUP}/v1`, kind: 'Widget', metadata: { name: 'w' } });
  const last = new Promise<CustomResourceDefinition | undefined>((resolve) => {
    api.test.server.reader.onChange(customresourcedefinitions, ({ object, previous }) =>
      object === undefined ? resolve(previous) : undefined,
    );
  });
  await api.done('DELETE', `${DEFINITIONS}/${NAME}`);
  const { status, reason } = findCondition((await last)?.status.conditions, 'Terminating') ?? {};
  assert.deepEqual([status, reason], ['False', 'InstanceDeletionCompleted']);
  await api.stop();
});

test('a definition that takes the name of one just gone waits for objects of its own', async () => {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  // Holds the status of the definitions it is told of back, and with it the one who writes them all.
  const gate: ValidatingPlugin = {
    name: 'Gate',
    operations: ['UPDATE'],
    validate: ({ resource, subresource, name }) =>
      resource.resource === 'customresourcedefinitions' && subresource === 'status' ? gates.get(name)?.promise : undefined,
  };
  const clock = new ManualClock();
  const api = await Api.start({ clock, store: new MemoryStore(clock), parts: () => ({ admission: { mutating: [], validating: [gate] } }) });
  const held = { apiVersion: `${GROUP}/v1`, kind: 'Widget', metadata: { name: 'held', finalizers: ['example.com/hold'] } };
  const letGo = (): Promise<unknown> => api.done('PATCH', `${WIDGETS}/held`, { metadata: { finalizers: null } }, MERGE);
  const leave = async (): Promise<void> => {
    await api.done('POST', WIDGETS, held);
    await api.done('DELETE', `${DEFINITIONS}/${NAME}`);
    while ((await api.get(`${WIDGETS}/held`)).body.metadata.deletionTimestamp === undefined);
  };
  await api.define(definition({ group: GROUP }));
  await leave();
  const [first, other] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  gates.set(NAME, first);
  await letGo();
  gates.set(`lamps.${GROUP}`, other);
  await api.done('POST', DEFINITIONS, definition({ group: GROUP, plural: 'lamps', kind: 'Lamp' }));
  gates.delete(NAME);
  first.resolve();
  await api.until(NAME, (crd) => crd === undefined);
  await api.done('POST', DEFINITIONS, definition({ group: GROUP }));
  other.resolve();
  await api.until(NAME, (crd) => findCondition(crd?.status.conditions, 'Established')?.status === 'True');
  await leave();
  await letGo();
  await api.until(NAME, (crd) => crd === undefined);
  await api.stop();
});

test('a definition in a group of the built-in API is never served, and goes as it came', async () => {
  const api = await Api.start();
  const plural = 'lamps';
  const metadata = { annotations: { 'api-approved.kubernetes.io': 'unapproved, a test' } };
  const crd = definition({ group: 'networking.k8s.io', plural, kind: 'Lamp', metadata });
  await api.done('POST', DEFINITIONS, crd);
  const name = `${plural}.networking.k8s.io`;
  await api.until(name, (found) => findCondition(found?.status.conditions, 'NamesAccepted')?.status === 'True');
  assert.equal((await api.get('/apis/networking.k8s.io/v1/namespaces/default/lamps')).code, 404);
  assert.equal((await api.get('/apis/networking.k8s.io/v1/namespaces/default/ingresses')).code, 200);
  await api.done('DELETE', `${DEFINITIONS}/${name}`);
  await api.until(name, (found) => found === undefined);
  await api.stop();
});
