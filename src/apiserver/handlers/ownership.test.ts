// Who owns which field, as writes through the endpoints record it and server-side apply enforces it.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { configmaps, daemonsets, deployments, resourcequotas } from '#api/resources.ts';
import type { DaemonSet, Deployment, KubeObject } from '#api/types.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { ManualClock } from '#base/clock.ts';
import type { Client } from '#client/contract.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';

const NS = 'default';
const clock = new ManualClock();
let running: LoopbackServer;
let client: Client;
before(async () => {
  running = await startLoopbackServer({ clock });
  ({ client } = running);
});
after(() => running.stop());

const ref = (name: string) => ({ name, namespace: NS });
const settings = (name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NS },
  data,
});
const web = (name: string, replicas?: number) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace: NS },
  spec: {
    ...(replicas === undefined ? {} : { replicas }),
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
  },
});

/** `manager operation subresource` of each record. */
const owners = ({ metadata }: KubeObject): readonly string[] =>
  (metadata.managedFields ?? []).map(({ manager = '', operation = '', subresource = '' }) =>
    `${manager} ${operation} ${subresource}`.trim(),
  );

async function conflictOf(promise: Promise<unknown>): Promise<readonly string[]> {
  let caught: unknown;
  await promise.catch((error: unknown) => {
    caught = error;
  });
  assert.ok(isStatusError(caught), `not refused: ${String(caught)}`);
  assert.equal(caught.reason, 'Conflict', caught.message);
  return [caught.message, ...(caught.details?.causes ?? []).map(({ field, message }) => `${field}: ${message}`)];
}

const apply = <T extends KubeObject>(
  resource: Resource<T>,
  body: KubeObject | ReturnType<typeof web> | ReturnType<typeof settings>,
  fieldManager: string,
  force = false,
): Promise<T> => client.patch(resource, ref(body.metadata.name), { type: 'apply', body, fieldManager, force });
const applyData = (name: string, data: Record<string, string>, fieldManager: string, force = false) =>
  apply(configmaps, settings(name, data), fieldManager, force);

describe('server-side apply', () => {
  test('creates what is missing, and an apply that changes nothing writes nothing', async () => {
    const first = await applyData('fresh', { a: '1' }, 'one');
    assert.deepEqual(owners(first), ['one Apply']);
    clock.advance(5000);
    const second = await applyData('fresh', { a: '1' }, 'one');
    assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
  });

  test('a field of another manager is a conflict, unless forced', async () => {
    await applyData('shared', { a: '1', b: '1' }, 'one');
    assert.deepEqual(await conflictOf(applyData('shared', { a: '2' }, 'two')), [
      'Apply failed with 1 conflict: conflict with "one": .data.a',
      '.data.a: conflict with "one"',
    ]);
    const forced = await applyData('shared', { a: '2' }, 'two', true);
    assert.deepEqual([forced.data, owners(forced)], [{ a: '2', b: '1' }, ['one Apply', 'two Apply']]);
  });

  test('a field that is applied no more goes, if nobody else owns it', async () => {
    await applyData('less', { a: '1', b: '1' }, 'one');
    await applyData('less', { a: '1' }, 'two');
    const { data } = await applyData('less', {}, 'one');
    assert.deepEqual(data, { a: '1' });
  });
});

test('Objects of one template share the record of their fields', async () => {
  const [a, b] = await Promise.all(
    ['twin-a', 'twin-b'].map((name) => client.create(configmaps, { metadata: { name, namespace: NS }, data: { k: name } })),
  );
  const fieldsOf = (object: KubeObject | undefined) => object?.metadata.managedFields?.[0]?.fieldsV1;
  assert.deepEqual(fieldsOf(a), { 'f:data': { '.': {}, 'f:k': {} } });
  assert.equal(fieldsOf(a), fieldsOf(b));
});

describe('ownership through subresources', () => {
  test('the status endpoint owns status only', async () => {
    const made = await client.create(deployments, web('status') as unknown as Deployment, { fieldManager: 'one' });
    clock.advance(1000);
    const written = await client.update(
      deployments,
      { ...made, status: { replicas: 1 } },
      { subresource: 'status', fieldManager: 'controller' },
    );
    assert.deepEqual(owners(written), ['one Update', 'controller Update status']);
    assert.deepEqual(written.metadata.managedFields?.[1]?.fieldsV1, { 'f:status': { 'f:replicas': {} } });
  });

  test('whoever scales owns the replicas, and an apply that says otherwise conflicts', async () => {
    await apply(deployments, web('scaled', 1), 'one');
    clock.advance(1000);
    const patch = { type: 'merge', body: { spec: { replicas: 3 } } } as const;
    await client.patch(deployments, ref('scaled'), patch, { subresource: 'scale', fieldManager: 'kubectl' });
    const scaled = await client.get(deployments, ref('scaled'));
    assert.equal(scaled.spec.replicas, 3);
    assert.deepEqual(owners(scaled), ['one Apply', 'kubectl Update scale']);
    assert.deepEqual(scaled.metadata.managedFields?.[1]?.fieldsV1, { 'f:spec': { 'f:replicas': {} } });
    const [message] = await conflictOf(apply(deployments, web('scaled', 1), 'one'));
    assert.equal(message, 'Apply failed with 1 conflict: conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas');
    const without = await apply(deployments, web('scaled'), 'one');
    assert.equal(without.spec.replicas, 3);
  });

  test('scale itself can be applied', async () => {
    await apply(deployments, web('sized', 1), 'one');
    const scale = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: ref('sized'), spec: { replicas: 5 } };
    const patch = (force: boolean) =>
      client.patch(deployments, ref('sized'), { type: 'apply', body: scale, fieldManager: 'two', force }, { subresource: 'scale' });
    assert.match((await conflictOf(patch(false)))[0] as string, /conflict with "one": \.spec\.replicas/);
    await patch(true);
    const sized = await client.get(deployments, ref('sized'));
    // Upstream dates no owner that came through scale, which sorts it first.
    assert.deepEqual([sized.spec.replicas, owners(sized)], [5, ['two Apply scale', 'one Apply']]);
  });
});

test('what is applied with a quantity that is none is refused in the words of its conversion', async () => {
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q', namespace: NS }, spec: { hard: { pods: '25%' } } };
  const words =
    'failed to convert new object (default/q; /v1, Kind=ResourceQuota) to proper version: unable to convert unstructured object to ' +
    "/v1, Kind=ResourceQuota: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  await assert.rejects(
    client.patch(resourcequotas, ref('q'), { type: 'apply', body: quota, fieldManager: 'one', force: false }),
    (error) => isStatusError(error) && error.code === 500 && error.reason === '' && error.message === words,
  );
});

test('lists and watches without managedFields give the rest, and a write of what they gave leaves the owners', async () => {
  await applyData('unowned', { a: '1' }, 'one');
  const select = { namespace: NS, fieldSelector: 'metadata.name=unowned', managedFields: false };
  const [listed] = (await client.list(configmaps, select)).items;
  assert.deepEqual([listed?.metadata.managedFields, listed?.data], [undefined, { a: '1' }]);
  const watch = client.watch(configmaps, { ...select, resourceVersion: '0' });
  const { value } = await watch.next();
  assert.equal(value?.type === 'ADDED' && value.object, listed, 'one object for all who ask for it');
  await watch.return?.();

  const updated = await client.update(configmaps, { ...(listed as KubeObject), data: { a: '1', b: '2' } } as never, {
    fieldManager: 'two',
  });
  assert.deepEqual(owners(updated), ['one Apply', 'two Update']);
});

for (const [name, write] of [
  ['PUT', (object: KubeObject) => client.update(configmaps, object as never)],
  [
    'a merge patch',
    ({ metadata }: KubeObject) => client.patch(configmaps, metadata as never, { type: 'merge', body: { metadata: { managedFields: [] } } }),
  ],
] as const) {
  test(`an empty list of owners, by ${name}, makes an object without owners, which none of the next writes comes to own`, async () => {
    const owned = await applyData(`forgotten-${name.length}`, { a: '1' }, 'one');
    const forgotten = await write({ ...owned, metadata: { ...owned.metadata, managedFields: [] } });
    assert.equal(forgotten.metadata.managedFields, undefined);
    const next = await client.patch(configmaps, owned.metadata as never, { type: 'merge', body: { data: { a: '2' } } });
    assert.deepEqual([next.data, next.metadata.managedFields], [{ a: '2' }, undefined]);
  });
}

test('whoever writes a DaemonSet without the count of its templates owns the count', async () => {
  const KEY = 'deprecated.daemonset.template.generation';
  const { spec } = web('counted');
  const given = { metadata: ref('counted'), spec: { selector: spec.selector, template: spec.template } };
  const fields = ({ metadata }: KubeObject) =>
    (metadata.managedFields ?? []).map(({ manager, fieldsV1 }) => [manager, (fieldsV1 as Record<string, object>)['f:metadata']]);
  const made = await client.create(daemonsets, given as never, { fieldManager: 'one' });
  assert.deepEqual(fields(made), [['one', { 'f:annotations': { '.': {}, [`f:${KEY}`]: {} } }]]);
  const same = await client.update(daemonsets, made, { fieldManager: 'two' });
  assert.equal(same.metadata.resourceVersion, made.metadata.resourceVersion);
  const without: DaemonSet = { ...made, metadata: { ...made.metadata, annotations: {} } };
  assert.deepEqual(fields(await client.update(daemonsets, without, { fieldManager: 'two' })), [
    ['one', { 'f:annotations': {} }],
    ['two', { 'f:annotations': { [`f:${KEY}`]: {} } }],
  ]);
});

test('an object that is too large with its owners goes without them, unless it is applied', async () => {
  const data = Object.fromEntries(Array.from({ length: 9999 }, (_, i) => [`${'key'.repeat(24)}-${i}`, 'A']));
  const large = await client.create(configmaps, settings('large', data) as never);
  assert.equal(large.metadata.managedFields, undefined);
  await assert.rejects(
    applyData('large', {}, 'one'),
    (error) => isStatusError(error) && error.message === 'etcdserver: request is too large',
  );
});
