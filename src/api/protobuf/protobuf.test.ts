import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { ProtobufDecodeError } from '#base/protobuf/errors.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { decodeBody } from '../decode-body.ts';
import { decodeValue } from '../decode.ts';
import { definitions } from '../schema/tables.ts';
import { Schema, schemaOfDefinition } from '../schema.ts';
import { Generator } from '../testing/generate.ts';
import { assertSameText } from '../testing/same-text.ts';
import type { KubeObject } from '../types.ts';
import { hasMessage, messageCodec } from './codec.ts';
import { encodeProtobuf, openEnvelope, readProtobufBody } from './envelope.ts';
import { kubeProtobuf } from './kube-protobuf.ts';
import { encodeItem, listEnvelope, listItem, messageOfItem } from './lists.ts';
import { encodeWatchFrame, WatchFrameReader } from './watch.ts';

const OBJECTS_A_TYPE = 8;
const schema = new Schema();
const named = Object.entries(definitions).filter(([, { gvk, fields }]) => gvk !== undefined && fields.kind !== undefined);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

test('only Table and the version have no message', () => {
  const without = Object.keys(definitions).filter((name) => schemaOf(name) !== undefined && !hasMessage(schemaOfDefinition(name)));
  assert.deepEqual(
    without.map((name) => name.split('.').pop()),
    ['Table', 'TableColumnDefinition', 'TableRow', 'TableRowCondition', 'Info'],
  );
});

function schemaOf(name: string) {
  try {
    return schemaOfDefinition(name);
  } catch (error) {
    assert.ok(error instanceof RangeError); // a scalar
    return undefined;
  }
}

test('what goes through protobuf comes back the same, for every kind', () => {
  for (const [name, { gvk = [] }] of named) {
    const type = schemaOfDefinition(name);
    const kind = gvk[0];
    if (!hasMessage(type) || kind === undefined) continue;
    const generator = new Generator(seededIds(name.length));
    for (let i = 0; i < OBJECTS_A_TYPE; i++) {
      const object = generator.object(kind, type);
      const { message, ...head } = openEnvelope(encodeProtobuf(object, type));
      assert.deepEqual(head, kind);
      const decoded = { kind: object.kind, apiVersion: object.apiVersion, ...messageCodec(type).decode(message) };
      const { object: back } = decodeValue(decoded, type, { fieldValidation: 'Strict' });
      assertSameText(JSON.stringify(back), JSON.stringify(object));
    }
  }
});

const namespace = schemaOfDefinition('io.k8s.api.core.v1.Namespace');
const object = (definition: string, value: object): KubeObject =>
  decodeValue<KubeObject>(value, schemaOfDefinition(definition), { fieldValidation: 'Strict' }).object;

test('encodeProtobuf writes the bytes Go writes', () => {
  const a = object('io.k8s.api.core.v1.Namespace', {
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'a', creationTimestamp: '1970-01-01T00:00:01Z' },
  });
  const metadata = '0a0161' + '1200' + '1a00' + '2200' + '2a00' + '3200' + '3800' + '420408011000';
  const message = `0a${(metadata.length / 2).toString(16).padStart(2, '0')}${metadata}` + '1200' + '1a020a00';
  const typeMeta = `0a02${hex(Buffer.from('v1'))}1209${hex(Buffer.from('Namespace'))}`;
  assert.equal(
    hex(encodeProtobuf(a, namespace)),
    `6b387300` + `0a0f${typeMeta}` + `12${(message.length / 2).toString(16)}${message}` + '1a002200',
  );
});

test('encodeProtobuf writes special scalars as Go does', () => {
  const port = (value: object): string => hex(messageCodec(schemaOfDefinition('io.k8s.api.core.v1.ServicePort')).encode(value));
  assert.equal(port({ port: 80, targetPort: 'web' }), '0a00' + '1200' + '1850' + '22090801' + '1000' + '1a03776562' + '2800');
  assert.equal(port({ port: 80, targetPort: 8080 }), '0a00' + '1200' + '1850' + '2207' + '0800' + '10903f' + '1a00' + '2800');
});

test('a micro time keeps its microseconds, a time only its seconds', () => {
  const lease = schemaOfDefinition('io.k8s.api.coordination.v1.LeaseSpec');
  const codec = messageCodec(lease);
  assert.deepEqual(codec.decode(codec.encode({ renewTime: '2026-01-02T03:04:05.000007Z' })), { renewTime: '2026-01-02T03:04:05.000007Z' });
  const running = messageCodec(schemaOfDefinition('io.k8s.api.core.v1.ContainerStateRunning'));
  const withNanos = Buffer.from('0a0408641063', 'hex'); // 100 seconds and 99 nanoseconds
  assert.deepEqual(running.decode(withNanos), { startedAt: '1970-01-01T00:01:40Z' });
});

const expected = { group: '', version: 'v1', kind: 'Namespace' };
const body = (bytes: Uint8Array) =>
  decodeBody<KubeObject>(readProtobufBody(bytes, schema, expected), schema, { expected, fieldValidation: 'Strict', text: '' }).object;

test('readProtobufBody and decodeBody read a canonical object', () => {
  const a = object('io.k8s.api.core.v1.Namespace', {
    kind: 'Namespace',
    apiVersion: 'v1',
    metadata: { name: 'a', labels: { b: 'c' } },
    spec: { finalizers: ['kubernetes'] },
  });
  assert.equal(JSON.stringify(body(encodeProtobuf(a, namespace))), JSON.stringify(a));
});

for (const [bytes, message] of [
  ['', /^the object provided is unrecognized \(must be of type Namespace\): empty data \(<empty>\)$/],
  ['7b7d', /: provided data does not appear to be a protobuf message, expected prefix \[107 56 115 0\] \(\{\}\)$/],
  ['6b387300', /: empty body \(6b387300\)$/],
  ['6b3873000aff', /^the object provided is unrecognized \(must be of type Namespace\): unexpected EOF \(6b3873000aff\)$/],
  ['6b38730012030a0561', /^Namespace in version "v1" cannot be handled as a Namespace: unexpected EOF$/],
] as const) {
  test(`readProtobufBody refuses ${bytes === '' ? 'nothing' : bytes}`, () => {
    assert.throws(
      () => body(Buffer.from(bytes, 'hex')),
      (error) => error instanceof StatusError && error.code === 400 && message.test(error.message),
    );
  });
}

test('an Eviction of policy/v1beta1 is read where it is accepted', () => {
  const gvk = { group: 'policy', version: 'v1', kind: 'Eviction' };
  const read = (apiVersion: string): object => {
    const eviction = { kind: 'Eviction', apiVersion, metadata: { name: 'a' }, deleteOptions: { gracePeriodSeconds: 3 } };
    const bytes = encodeProtobuf(eviction, schemaOfDefinition('io.k8s.api.policy.v1.Eviction'));
    const options = { expected: gvk, accepts: ['policy/v1beta1'], fieldValidation: 'Strict', text: '' } as const;
    return decodeBody<object>(readProtobufBody(bytes, schema, gvk), schema, options).object;
  };
  assert.deepEqual(read('policy/v1beta1'), read('policy/v1'));
});

test('readProtobufBody leaves an unknown kind to decodeBody', () => {
  const other = object('io.k8s.api.core.v1.Namespace', { kind: 'Nonsense', apiVersion: 'v1' });
  assert.throws(
    () => body(encodeProtobuf(other, namespace)),
    /Nonsense in version "v1" cannot be handled as a Namespace: no kind "Nonsense" is registered/,
  );
});

test('readProtobufBody survives any damage', () => {
  const generator = new Generator(seededIds(5));
  const pod = schemaOfDefinition('io.k8s.api.core.v1.Pod');
  const ids = seededIds(9);
  for (let i = 0; i < 300; i++) {
    const bytes = encodeProtobuf(generator.object({ group: '', version: 'v1', kind: 'Pod' }, pod), pod);
    for (let damage = 0; damage < 3; damage++)
      bytes[4 + Math.floor(ids.fraction() * (bytes.length - 4))] = Math.floor(ids.fraction() * 256);
    try {
      decodeBody(readProtobufBody(bytes, schema, expected), schema, { expected, fieldValidation: 'Ignore', text: '' });
    } catch (error) {
      assert.ok(error instanceof StatusError && error.code === 400, String(error));
    }
  }
});

test('listEnvelope stands around encoded items', () => {
  const list = schemaOfDefinition('io.k8s.api.core.v1.NamespaceList');
  const items = ['a', 'b'].map((name) => object('io.k8s.api.core.v1.Namespace', { metadata: { name } }));
  const whole = { kind: 'NamespaceList', apiVersion: 'v1', metadata: { resourceVersion: '7' }, items };
  const encoded = items.map((item) => listItem(encodeItem(item, namespace)));
  for (const length of [0, 1, 127, 128, 16_383, 16_384]) {
    const message = Buffer.alloc(length, 'm');
    assert.equal(hex(messageOfItem(listItem(message))), hex(message));
  }
  const bytes = Buffer.concat(encoded);
  const { before, behind } = listEnvelope(whole, bytes.length);
  assert.equal(hex(Buffer.concat([...before, bytes, ...behind])), hex(encodeProtobuf(whole, list)));
});

test('WatchFrameReader cuts frames wherever the stream breaks', () => {
  const envelopes = ['a', 'b', 'c'].map((name) => encodeProtobuf({ kind: 'Namespace', apiVersion: 'v1', metadata: { name } }, namespace));
  const stream = Buffer.concat(envelopes.map((envelope, i) => encodeWatchFrame(['ADDED', 'MODIFIED', 'DELETED'][i] as string, envelope)));
  for (const size of [1, 3, 7, stream.length]) {
    const reader = new WatchFrameReader(1 << 20);
    const frames = [];
    for (let at = 0; at < stream.length; at += size) frames.push(...reader.push(stream.subarray(at, at + size)));
    assert.deepEqual(
      frames.map(({ type, object: bytes }) => [type, hex(bytes)]),
      [
        ['ADDED', hex(envelopes[0] as Buffer)],
        ['MODIFIED', hex(envelopes[1] as Buffer)],
        ['DELETED', hex(envelopes[2] as Buffer)],
      ],
    );
  }
});

test('WatchFrameReader refuses a frame that is too long', () => {
  assert.throws(() => new WatchFrameReader(10).push(Buffer.from('0000000b', 'hex')), ProtobufDecodeError);
});

const protobuf = kubeProtobuf(schema);

test('kubeProtobuf encodes by the kind an object names, lists and partial metadata too', () => {
  for (const value of [
    {
      kind: 'NamespaceList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '7' },
      items: [{ metadata: { name: 'a' }, spec: {}, status: {} }],
    },
    { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'a' } },
    { kind: 'PartialObjectMetadataList', apiVersion: 'meta.k8s.io/v1beta1', metadata: {}, items: [{ metadata: { name: 'a' } }] },
    { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404 },
  ]) {
    const { kind, apiVersion } = value;
    const { message, ...gvk } = openEnvelope(protobuf.encode(value));
    const type = schema.kind(gvk);
    assert.ok(type);
    const { object: back } = decodeValue({ kind, apiVersion, ...messageCodec(type).decode(message) }, type, { fieldValidation: 'Strict' });
    assert.deepEqual(back, value);
  }
});

for (const value of [{ kind: 'Table', apiVersion: 'meta.k8s.io/v1' }, { kind: 'Widget', apiVersion: 'example.com/v1' }, {}]) {
  test(`kubeProtobuf refuses ${JSON.stringify(value)}`, () => {
    assert.throws(
      () => protobuf.encode(value),
      (error) => error instanceof StatusError && error.code === 406,
    );
  });
}

test('kubeProtobuf frames carry whole envelopes', () => {
  const a = { kind: 'Namespace', apiVersion: 'v1', metadata: { name: 'a' } };
  const [frame] = new WatchFrameReader(1 << 20).push(protobuf.frame('ADDED', a));
  assert.equal(hex(frame?.object ?? Buffer.alloc(0)), hex(protobuf.encode(a)));
});

test('kubeProtobuf refuses a body that does not name its version', () => {
  const nameless = encodeProtobuf({ metadata: { name: 'a' } }, namespace);
  assert.throws(
    () => protobuf.decode(nameless, 'Namespace'),
    /Object 'apiVersion' is missing in 'runtime\.TypeMeta\{APIVersion:"", Kind:""\}'/,
  );
  assert.equal(body(nameless).metadata.name, 'a');
});
