// Whole numbers beyond 2^53 in built-in kinds keep every digit, whatever way they take.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { parseTime } from '#apimachinery/time.ts';
import { systemClock } from '#base/clock.ts';
import { parseExactly } from '#apimachinery/json.ts';
import { encodeProtobuf, readProtobufBody } from '#api/protobuf/envelope.ts';
import { Schema, schemaOfDefinition } from '#api/schema.ts';
import type { Pod } from '#api/types.ts';
import { http1, json, text } from '../testing/http.ts';
import { startTestServer, type TestServer } from '../testing.ts';

const GREATEST = 2n ** 63n - 1n;
const PODS = '/api/v1/namespaces/default/pods';
const POD = schemaOfDefinition('io.k8s.api.core.v1.Pod');
const JSON_TYPE = { 'content-type': 'application/json' };
const PROTOBUF = 'application/vnd.kubernetes.protobuf';

let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

const podText = (name: string, seconds: string): string =>
  `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"${name}"},"spec":{"terminationGracePeriodSeconds":${seconds},` +
  '"containers":[{"name":"c","image":"i:1"}]}}';

const graceOf = (body: string): unknown => (parseExactly(body) as Pod).spec.terminationGracePeriodSeconds;

test('int64 fields keep every digit through create, store, get, list and protobuf', async () => {
  const made = await http1(server, PODS, { method: 'POST', headers: JSON_TYPE, body: podText('a', String(GREATEST)) });
  assert.equal(made.status, 201, text(made));
  assert.equal(graceOf(text(made)), GREATEST);
  assert.equal(graceOf(text(await http1(server, `${PODS}/a`))), GREATEST);
  assert.match(text(await http1(server, PODS)), /"terminationGracePeriodSeconds":9223372036854775807,/);

  const { body } = await http1(server, `${PODS}/a`, { headers: { accept: PROTOBUF } });
  const value = readProtobufBody(body, new Schema(), { group: '', version: 'v1', kind: 'Pod' }) as Pod;
  assert.equal(value.spec.terminationGracePeriodSeconds, GREATEST);

  const sent = { ...value, metadata: { name: 'b' } };
  const again = await http1(server, PODS, {
    method: 'POST',
    headers: { 'content-type': PROTOBUF },
    body: encodeProtobuf(sent, POD),
  });
  assert.equal(again.status, 201, text(again));
  assert.equal(graceOf(text(again)), GREATEST);
});

test('int64 fields keep every digit through merge, JSON and strategic patches and through apply', async () => {
  const templates = '/api/v1/namespaces/default/podtemplates';
  const body =
    '{"apiVersion":"v1","kind":"PodTemplate","metadata":{"name":"t"},"template":' +
    `{"spec":${JSON.stringify((parseExactly(podText('x', '30')) as Pod).spec)}}}`;
  assert.equal((await http1(server, templates, { method: 'POST', headers: JSON_TYPE, body })).status, 201);
  const grace = (value: bigint): string => `{"template":{"spec":{"terminationGracePeriodSeconds":${value}}}}`;
  for (const [type, patch, expected] of [
    ['application/merge-patch+json', grace(GREATEST), GREATEST],
    ['application/strategic-merge-patch+json', grace(GREATEST - 1n), GREATEST - 1n],
    [
      'application/json-patch+json',
      `[{"op":"replace","path":"/template/spec/terminationGracePeriodSeconds","value":${2n ** 53n + 1n}}]`,
      2n ** 53n + 1n,
    ],
    [
      'application/apply-patch+yaml',
      'apiVersion: v1\nkind: PodTemplate\nmetadata: {name: t}\ntemplate:\n  spec:\n    terminationGracePeriodSeconds: 9007199254740995\n',
      9007199254740995n,
    ],
  ] as const) {
    const query = type.includes('apply') ? '?fieldManager=me&force=true' : '';
    const answer = await http1(server, `${templates}/t${query}`, { method: 'PATCH', headers: { 'content-type': type }, body: patch });
    assert.equal(answer.status, 200, text(answer));
    const { template } = parseExactly(text(await http1(server, `${templates}/t`))) as { template: Pod };
    assert.equal(template.spec.terminationGracePeriodSeconds, expected, type);
  }
});

test('int64 fields keep every digit in another process of the same store', async () => {
  const { entries } = await server.store.range({ start: '/registry/pods/default/a' });
  assert.match(Buffer.from(entries[0]?.value ?? []).toString(), /:9223372036854775807,/);
});

test('a pod with the longest grace period is deleted as upstream does it: the duration wraps around', async () => {
  await http1(server, PODS, {
    method: 'POST',
    headers: JSON_TYPE,
    body: podText('bound', String(GREATEST)).replace('"spec":{', '"spec":{"nodeName":"n",'),
  });
  const before = systemClock.now();
  const answer = await http1(server, `${PODS}/bound`, { method: 'DELETE' });
  assert.equal(answer.status, 200, text(answer));
  const { metadata } = parseExactly(text(answer)) as Pod;
  assert.equal(metadata.deletionGracePeriodSeconds, GREATEST);
  const deletion = parseTime(metadata.deletionTimestamp ?? '');
  assert.ok(deletion <= systemClock.now() && deletion >= before - 3_000, String(deletion)); // a second ago
});

for (const [written, found] of [
  ['1.0', 'number 1.0'],
  ['1e3', 'number 1e3'],
  ['30.5', 'number 30.5'],
  ['9223372036854775808', 'number 9223372036854775808'],
  ['"30"', 'string'],
] as const) {
  test(`an int64 field refuses ${written} in Go's words`, async () => {
    const answer = await http1(server, PODS, { method: 'POST', headers: JSON_TYPE, body: podText('x', written) });
    assert.equal(answer.status, 400);
    assert.equal(
      json<{ message: string }>(answer).message,
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal ' +
        `${found} into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64`,
    );
  });
}

for (const [written, found] of [
  ['3000000000', 'number 3000000000'],
  ['80.0', 'number 80.0'],
  ['8e1', 'number 8e1'],
] as const) {
  test(`an int32 field refuses ${written} in Go's words`, async () => {
    const body = podText('x', '1').replace('"image"', `"ports":[{"containerPort":${written}}],"image"`);
    const answer = await http1(server, PODS, { method: 'POST', headers: JSON_TYPE, body });
    assert.equal(answer.status, 400);
    assert.match(
      json<{ message: string }>(answer).message,
      new RegExp(`cannot unmarshal ${found} into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32$`),
    );
  });
}

const JSON_PATCH = 'application/json-patch+json';
const MERGE_PATCH = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const APPLY = 'application/apply-patch+yaml';
const graceFor = (count: string): string => `{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":${count}}}}}`;

for (const [kind, type, patch, refused] of [
  [
    'a merge patch',
    MERGE_PATCH,
    '{"spec":{"replicas":2.0}}',
    'number 2.0 into Go struct field ReplicationControllerSpec.spec.replicas of type int32',
  ],
  [
    'a merge patch',
    MERGE_PATCH,
    graceFor('1e3'),
    'number 1e3 into Go struct field PodSpec.spec.template.spec.terminationGracePeriodSeconds of type int64',
  ],
  ['a merge patch', MERGE_PATCH, graceFor('1000'), undefined],
  ['a merge patch', MERGE_PATCH, '{"spec":{"minReadySeconds":null}, "metadata":{"annotations":{"a":"1.0 "}}}', undefined],
  [
    'a JSON patch',
    JSON_PATCH,
    '[{"op":"add","path":"/spec/replicas","value":2.0}]',
    'number 2.0 into Go struct field ReplicationControllerSpec.spec.replicas of type int32',
  ],
  ['a strategic merge patch', STRATEGIC, '{"spec":{"replicas":2.0}}', undefined],
  ['a strategic merge patch', STRATEGIC, graceFor('1e3'), undefined],
  ['an apply', APPLY, '{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"n"},"spec":{"replicas":3.0}}', undefined],
] as const) {
  test(`${kind} of ${patch} ${refused === undefined ? 'is taken' : 'is refused'}: Go keeps the text of a number until it knows its type`, async () => {
    const controllers = '/api/v1/namespaces/default/replicationcontrollers';
    const template = '{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i:1"}]}}';
    const body = `{"apiVersion":"v1","kind":"ReplicationController","metadata":{"name":"n"},"spec":{"replicas":1,"selector":{"a":"b"},"template":${template}}}`;
    await http1(server, controllers, { method: 'POST', headers: JSON_TYPE, body });
    const query = type === APPLY ? '?fieldManager=me&force=true' : '';
    const answer = await http1(server, `${controllers}/n${query}`, { method: 'PATCH', headers: { 'content-type': type }, body: patch });
    const { message } = json<{ message: string }>(answer);
    if (refused === undefined) return assert.equal(answer.status, 200, message);
    assert.equal(answer.status, 422, message);
    assert.match(message, /^ "" is invalid: patch: Invalid value: "\{/);
    assert.ok(message.endsWith(`json: cannot unmarshal ${refused}`), message);
  });
}

test('a JSON patch tests the text of a number', async () => {
  const body = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"tested"},"spec":{"ports":[{"port":80}]}}';
  await http1(server, '/api/v1/namespaces/default/services', { method: 'POST', headers: JSON_TYPE, body });
  for (const [value, status] of [
    ['80.0', 422],
    ['80', 200],
  ] as const) {
    const patch = `[{"op":"test","path":"/spec/ports/0/port","value":${value}}]`;
    const headers = { 'content-type': JSON_PATCH };
    assert.equal(
      (await http1(server, '/api/v1/namespaces/default/services/tested', { method: 'PATCH', headers, body: patch })).status,
      status,
    );
  }
});

test('what looks like a number in a string is none', async () => {
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"strings"},"data":{"a":"b 1.0 c","d":"1.0 , 1e3 "}}';
  assert.equal((await http1(server, '/api/v1/namespaces/default/configmaps', { method: 'POST', headers: JSON_TYPE, body })).status, 201);
});

test('a strategic merge patch with a text for a number or a truth is refused in the words of reflection', async () => {
  for (const [patch, why] of [
    ['{"spec":{"replicas":"x"}}', 'unrecognized type: int32'],
    ['{"spec":{"template":{"spec":{"hostNetwork":"x"}}}}', 'unrecognized type: bool'],
    ['{"metadata":{"generateName":5}}', 'cannot convert int64 to string'],
  ] as const) {
    const path = '/api/v1/namespaces/default/replicationcontrollers/n?dryRun=All';
    const answer = await http1(server, path, { method: 'PATCH', headers: { 'content-type': STRATEGIC }, body: patch });
    assert.equal(answer.status, 422);
    assert.match(json<{ message: string }>(answer).message, new RegExp(`: ${why}$`));
  }
});
