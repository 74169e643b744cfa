// A protobuf client that shares nothing with ours, against a live API server.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { encode, ProtobufClient } from './protobuf-client.ts';

const owner = { after };
const pki = await controlPlanePki(owner);
const { server } = await startApiServer(owner, pki);
const client = new ProtobufClient(server, pki);

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
const TYPE = 'application/vnd.kubernetes.protobuf';
const configMap = (object: object) => encode('v1', 'ConfigMap', object);

/**
 * What k8s.io/client-go v0.36.0 sends for ConfigMap `golden` with label a=b, data k=v, binaryData raw=00ff, immutable.
 * Source: runtime.Encode of the protobuf serializer, run once.
 */
const GOLDEN = 'azhzAAoPCgJ2MRIJQ29uZmlnTWFwEjUKHgoGZ29sZGVuEgAaACIAKgAyADgAQgBaBgoBYRIBYhIGCgFrEgF2GgkKA3JhdxICAP8gARoAIgA=';

test('objects are created, read, updated, listed and deleted', async () => {
  const metadata = { name: 'one', labels: { app: 'x' }, annotations: { note: 'ä' }, finalizers: ['example.com/held'] };
  const bytes = Buffer.from([0, 255, 128]);
  const made = await client.call('POST', CONFIG_MAPS, configMap({ metadata, data: { a: '1', '': '' }, binaryData: { raw: bytes } }));
  assert.deepEqual([made.code, made.object.reason], [422, 'Invalid'], 'an empty key is refused, in protobuf too');
  assert.match(made.object.message, /a valid config key must consist of alphanumeric characters/);

  const created = await client.call('POST', CONFIG_MAPS, configMap({ metadata, data: { a: '1', b: '' }, binaryData: { raw: bytes } }));
  assert.deepEqual([created.code, created.contentType, created.apiVersion, created.kind], [201, TYPE, 'v1', 'ConfigMap']);
  const { object } = created;
  assert.deepEqual(object.data, { a: '1', b: '' });
  assert.deepEqual(object.binaryData, { raw: bytes });
  assert.deepEqual([object.metadata.labels, object.metadata.annotations], [metadata.labels, metadata.annotations]);
  assert.deepEqual([object.metadata.finalizers, object.metadata.namespace], [metadata.finalizers, 'default']);
  assert.match(object.metadata.uid, /^[0-9a-f-]{36}$/);
  assert.ok(Number(object.metadata.creationTimestamp.seconds) > 1.7e9);
  const [managed] = object.metadata.managedFields;
  assert.deepEqual([managed.operation, managed.apiVersion, managed.fieldsType], ['Update', 'v1', 'FieldsV1']);
  assert.ok(JSON.parse(managed.fieldsV1.Raw.toString())['f:data']['f:a']);

  const path = `${CONFIG_MAPS}/one`;
  assert.deepEqual((await client.call('GET', path)).object, object);
  const updated = await client.call('PUT', path, configMap({ ...object, data: { a: '2' }, immutable: true }));
  assert.deepEqual([updated.code, updated.object.data, updated.object.immutable], [200, { a: '2' }, true]);
  const stale = await client.call('PUT', path, configMap(object));
  assert.deepEqual([stale.code, stale.kind, stale.object.reason, stale.object.code], [409, 'Status', 'Conflict', 409]);

  const list = await client.call('GET', `${CONFIG_MAPS}?labelSelector=app%3Dx`);
  assert.equal(list.kind, 'ConfigMapList');
  assert.ok(Number(list.object.metadata.resourceVersion) >= Number(updated.object.metadata.resourceVersion));
  assert.deepEqual(list.object.items, [updated.object]);
  const first = await client.call('GET', '/api/v1/configmaps?limit=1');
  assert.equal(first.object.items.length, 1);
  assert.ok(first.object.metadata.continue.length > 0);
  assert.ok(Number(first.object.metadata.remainingItemCount) > 0);

  const wrong = encode('v1', 'DeleteOptions', { preconditions: { uid: 'another' } });
  assert.deepEqual((await client.call('DELETE', path, wrong)).object.reason, 'Conflict');
  const options = encode('v1', 'DeleteOptions', { gracePeriodSeconds: 0, preconditions: { uid: object.metadata.uid } });
  const deleting = await client.call('DELETE', path, options);
  assert.deepEqual([deleting.code, deleting.kind], [200, 'ConfigMap']);
  assert.ok(Number(deleting.object.metadata.deletionTimestamp.seconds) > 0, 'a finalizer holds it');
  const freed = { ...deleting.object, metadata: { ...deleting.object.metadata, finalizers: [] } };
  assert.equal((await client.call('PUT', path, configMap(freed))).code, 200);
  const gone = await client.call('GET', path);
  const { name, kind } = gone.object.details;
  assert.deepEqual([gone.code, gone.object.reason, name, kind], [404, 'NotFound', 'one', 'configmaps']);
});

test('a watch brings what happens, and from where', async () => {
  const { object: list } = await client.call('GET', CONFIG_MAPS);
  const path = `${CONFIG_MAPS}?watch=true&labelSelector=watched&resourceVersion=${list.metadata.resourceVersion}`;
  const events = client.watch(path);
  const { object } = await client.call('POST', CONFIG_MAPS, configMap({ metadata: { name: 'seen', labels: { watched: '' } } }));
  const added = (await events.next()).value;
  assert.deepEqual([added?.type, added?.kind, added?.contentType], ['ADDED', 'ConfigMap', `${TYPE};stream=watch`]);
  assert.deepEqual(added?.object, object);
  const { object: updated } = await client.call('PUT', `${CONFIG_MAPS}/seen`, configMap({ ...object, data: { a: '1' } }));
  const modified = (await events.next()).value;
  assert.deepEqual([modified?.type, modified?.object], ['MODIFIED', updated]);
  const answer = await client.call('DELETE', `${CONFIG_MAPS}/seen`);
  assert.deepEqual([answer.kind, answer.object.status, answer.object.details.name], ['Status', 'Success', 'seen']);
  assert.equal((await events.next()).value?.type, 'DELETED');
  await events.return(undefined);
});

test('the bytes of a client in Go are taken as they are', async () => {
  const { code, object } = await client.call('POST', CONFIG_MAPS, Buffer.from(GOLDEN, 'base64'));
  assert.equal(code, 201);
  assert.deepEqual([object.metadata.name, object.metadata.labels, object.immutable], ['golden', { a: 'b' }, true]);
  assert.deepEqual([object.data, object.binaryData], [{ k: 'v' }, { raw: Buffer.from([0, 255]) }]);
});

test('what is no protobuf, or no object of that kind, is refused and the connection lives', async () => {
  for (const [body, code] of [
    [Buffer.from('k8s\0\xff\xff', 'latin1'), 400],
    [Buffer.from('{"kind":"ConfigMap"}'), 400],
    [encode('v1', 'DeleteOptions', {}), 400],
  ] as const) {
    const answer = await client.call('POST', CONFIG_MAPS, body);
    assert.deepEqual([answer.kind, answer.code], ['Status', code], answer.object.message);
  }
  assert.equal((await client.call('GET', CONFIG_MAPS)).code, 200);
});
