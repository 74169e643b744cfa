import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { ObjectLayout, StoredObject } from './stored-object.ts';

const layout = new ObjectLayout({ apiVersion: 'v1', kind: 'ConfigMap', typedItems: false });
const object = {
  kind: 'ConfigMap',
  apiVersion: 'v1',
  metadata: {
    name: 'a',
    namespace: 'ns',
    uid: 'u',
    resourceVersion: '3',
    creationTimestamp: '2026-01-01T00:00:00Z',
    annotations: { note: '}"},\\"data":{\\', quote: '\\"', grüß: '{' },
  },
  data: { greeting: 'grüß "dich"' },
} satisfies KubeObject & { data: Record<string, string> };

for (const revision of [1, 9, 10, 99, 1_000, 9_999_999, 2 ** 40]) {
  test(`StoredObject serves resourceVersion ${revision} spliced into the stored bytes`, () => {
    const stored = new StoredObject(layout, 'ns/a', revision, layout.encode(object), object);
    const expected = { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
    assert.deepEqual(JSON.parse(stored.json().toString()), expected);
    assert.equal(stored.json().length, stored.jsonLength + 1);
    assert.deepEqual(stored.object, expected);

    const metadata = Buffer.alloc(stored.metadataLength);
    assert.equal(stored.copyMetadata(metadata, 0), metadata.length);
    assert.deepEqual(JSON.parse(metadata.toString()), expected.metadata);

    const item = Buffer.alloc(stored.itemLength);
    assert.equal(stored.copyItem(item, 0), item.length);
    const { kind: _kind, apiVersion: _apiVersion, ...untyped } = expected;
    assert.deepEqual(JSON.parse(item.toString()), untyped);
  });
}

test('StoredObject of a custom kind keeps kind and apiVersion in lists', () => {
  const custom = new ObjectLayout({ apiVersion: 'x.io/v1', kind: 'Toy', typedItems: true });
  const toy = { kind: 'Toy', apiVersion: 'x.io/v1', metadata: { ...object.metadata } };
  const stored = new StoredObject(custom, 'ns/a', 5, custom.encode(toy), toy);
  const item = Buffer.alloc(stored.itemLength);
  stored.copyItem(item, 0);
  assert.equal(JSON.parse(item.toString()).kind, 'Toy');
});

test('ObjectLayout reads bytes that were laid out by someone else', () => {
  const foreign = Buffer.from(JSON.stringify({ data: object.data, metadata: object.metadata, apiVersion: 'v1', kind: 'ConfigMap' }));
  const stored = layout.read('ns/a', 7, foreign);
  assert.deepEqual(JSON.parse(stored.json().toString()), { ...object, metadata: { ...object.metadata, resourceVersion: '7' } });
});

test('StoredObject decodes lazily to the same object each time, and at another revision to the same content', () => {
  const stored = layout.read('ns/a', 7, layout.encode(object).toBuffer());
  assert.equal(stored.object, stored.object);
  assert.equal(stored.namespace, 'ns');
  assert.equal(stored.name, 'a');
  const gone = stored.at(8);
  assert.deepEqual(gone.object, { ...object, metadata: { ...object.metadata, resourceVersion: '8' } });
  assert.equal(gone.value, stored.value);
});

const meta = {
  resourceVersion: '3',
  labels: { a: 'b' },
  uid: 'u-1',
  name: 'a',
  creationTimestamp: '2026-01-01T00:00:00Z',
  ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'other' }],
  managedFields: [{ manager: 'm', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:data': {} } }],
} as unknown as KubeObject['metadata'];

test('members of a built-in kind are in the order of Go structs, those of a custom one in that of the alphabet', () => {
  const rest = { data: { x: '<&>' } };
  const built = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { ...meta, generateName: 'a"', namespace: 'uid":"n' }, ...rest };
  const text = new StoredObject(layout, 'ns/a', 7, layout.encode(built), built).json().toString();
  const owner = '{"apiVersion":"v1","kind":"Pod","name":"p","uid":"other"}';
  assert.equal(
    text,
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"a","generateName":"a\\"","namespace":"uid\\":\\"n","uid":"u-1",' +
      '"resourceVersion":"7","creationTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"b"},"ownerReferences":[' +
      `${owner}],"managedFields":[{"manager":"m","operation":"Update","apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}}}]},` +
      '"data":{"x":"\\u003c\\u0026\\u003e"}}\n',
  );
  const toys = new ObjectLayout({ apiVersion: 'x.io/v1', kind: 'Toy', typedItems: true });
  const toy = { kind: 'Toy', apiVersion: 'x.io/v1', metadata: meta, spec: {} };
  const stored = new StoredObject(toys, 'a', 7, toys.encode(toy), toy);
  assert.equal(
    stored.json().toString(),
    '{"apiVersion":"x.io/v1","kind":"Toy","metadata":{"creationTimestamp":"2026-01-01T00:00:00Z","labels":{"a":"b"},"managedFields":[' +
      '{"apiVersion":"v1","fieldsType":"FieldsV1","fieldsV1":{"f:data":{}},"manager":"m","operation":"Update"}],"name":"a",' +
      `"ownerReferences":[${owner}],"resourceVersion":"7","uid":"u-1"},"spec":{}}\n`,
  );
  assert.deepEqual(stored.ordered, { ...toy, metadata: { ...meta, resourceVersion: '7' } });
});

test('metadata without a uid takes its resourceVersion too', () => {
  for (const [kind, layoutOf] of [
    ['ConfigMap', layout],
    ['Toy', new ObjectLayout({ apiVersion: 'v1', kind: 'Toy', typedItems: true })],
  ] as const) {
    const bare = { kind, apiVersion: 'v1', metadata: { name: 'a', ownerReferences: meta.ownerReferences }, involved: { uid: 'x' } };
    const stored = new StoredObject(layoutOf, 'a', 7, layoutOf.encode(bare as never), bare as never);
    assert.deepEqual(JSON.parse(stored.json().toString()), { ...bare, metadata: { ...bare.metadata, resourceVersion: '7' } });
  }
});

const owned = { ...object, metadata: { ...object.metadata, managedFields: meta.managedFields } } as unknown as KubeObject;

test('trimmed is the object without its managedFields, the same at each call, however often the whole is let go of', () => {
  for (const stored of [
    new StoredObject(layout, 'ns/a', 7, layout.encode(owned), owned),
    layout.read('ns/a', 7, layout.encode(owned).toBuffer()),
  ]) {
    const { trimmed } = stored;
    assert.deepEqual(trimmed, { ...object, metadata: { ...object.metadata, resourceVersion: '7' } });
    assert.deepEqual(stored.object.metadata.managedFields, meta.managedFields);
    stored.forgetObject();
    assert.equal(stored.trimmed, trimmed);
    stored.forgetDecoded();
    assert.deepEqual(stored.trimmed, trimmed);
    assert.deepEqual(stored.object.metadata.managedFields, meta.managedFields);
  }
});

test('what is decoded stays with an object that no cache has had, and not with a past version', () => {
  const stored = layout.read('ns/a', 7, layout.encode(owned).toBuffer());
  assert.equal(stored.object, stored.object);
  stored.hold();
  assert.equal(stored.object, stored.object);
  stored.forgetDecoded();
  assert.notEqual(stored.object, stored.object);
  assert.deepEqual(stored.object, stored.object);
});
