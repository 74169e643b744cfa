import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseJsonStrict } from '#apimachinery/json.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { decodeBody } from './decode-body.ts';
import { decodeValue, type FieldValidation } from './decode.ts';
import { Schema, schemaOfDefinition } from './schema.ts';

const schema = new Schema();
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
const CORE = 'io.k8s.api.core.v1.';
const decode = (value: unknown, definition: string, fieldValidation: FieldValidation = 'Strict'): unknown =>
  decodeValue(value, schemaOfDefinition(definition), { fieldValidation }).object;

for (const c of [
  {
    name: 'puts fields in declaration order',
    type: 'ContainerPort',
    in: '{"containerPort":80,"name":"http"}',
    out: '{"name":"http","containerPort":80}',
  },
  {
    name: 'drops empty optional scalars',
    type: 'ContainerPort',
    in: '{"containerPort":80,"name":"","hostPort":0}',
    out: '{"containerPort":80}',
  },
  {
    name: 'drops an empty optional list and map',
    type: 'ConfigMap',
    in: '{"metadata":{"labels":{},"finalizers":[]},"data":{}}',
    out: '{"metadata":{}}',
  },
  { name: 'takes null for absent', type: 'ContainerPort', in: '{"containerPort":80,"protocol":null}', out: '{"containerPort":80}' },
  { name: 'keeps a zero behind a pointer', type: 'ConfigMap', in: '{"immutable":false}', out: '{"metadata":{},"immutable":false}' },
  { name: 'keeps an empty struct behind a pointer', type: 'Volume', in: '{"name":"a","emptyDir":{}}', out: '{"name":"a","emptyDir":{}}' },
  {
    name: 'writes always-present members',
    type: 'PodCondition',
    in: '{"type":"Ready","status":"True"}',
    out: '{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null}',
  },
  { name: 'writes the zero of an int-or-string and a quantity', type: 'ServicePort', in: '{"port":1}', out: '{"port":1,"targetPort":0}' },
  { name: 'writes a missing list that validation would miss as empty', type: 'NodeSelector', in: '{}', out: '{"nodeSelectorTerms":[]}' },
  {
    name: 'writes a required list that is empty as null',
    type: 'LimitRange',
    in: '{"spec":{"limits":[]}}',
    out: '{"metadata":{},"spec":{"limits":null}}',
  },
  {
    name: 'writes a required map that is missing as null',
    type: 'NodeAllocatableResourceClaimStatus',
    in: '{"resourceClaimName":"a"}',
    out: '{"resourceClaimName":"a","resources":null}',
  },
  { name: 'sorts map keys', type: 'ConfigMap', in: '{"data":{"b":"1","a":"2"}}', out: '{"metadata":{},"data":{"a":"2","b":"1"}}' },
  {
    name: 'keeps a map key named __proto__',
    type: 'ConfigMap',
    in: '{"data":{"__proto__":"1"}}',
    out: '{"metadata":{},"data":{"__proto__":"1"}}',
  },
  {
    name: 'canonicalises quantities',
    type: 'ResourceRequirements',
    in: '{"limits":{"cpu":"1000m","memory":0.5}}',
    out: '{"limits":{"cpu":"1","memory":"500m"}}',
  },
  {
    name: 'turns a time to UTC',
    type: 'ContainerStateRunning',
    in: '{"startedAt":"2026-01-31T23:30:00.25-01:00"}',
    out: '{"startedAt":"2026-02-01T00:30:00Z"}',
  },
  {
    name: 'writes the zero time as null',
    type: 'ContainerStateRunning',
    in: '{"startedAt":"0001-01-01T00:00:00Z"}',
    out: '{"startedAt":null}',
  },
  { name: 'normalises base64', type: 'ConfigMap', in: '{"binaryData":{"a":"YW\\nI="}}', out: '{"metadata":{},"binaryData":{"a":"YWI="}}' },
  { name: 'reads no bytes as empty ones', type: 'Secret', in: '{"data":{"a":null}}', out: '{"metadata":{},"data":{"a":""}}' },
  { name: 'fills null items with their zero', type: 'ContainerImage', in: '{"names":[null,"a"]}', out: '{"names":["","a"]}' },
]) {
  test(`decodeValue ${c.name}`, () => assert.equal(JSON.stringify(decode(JSON.parse(c.in), CORE + c.type)), c.out));
}

for (const [given, kept] of [
  [2n ** 63n - 1n, 2n ** 63n - 1n],
  [-(2n ** 63n), -(2n ** 63n)],
  [2n ** 53n + 1n, 2n ** 53n + 1n],
  [2 ** 60, 2n ** 60n],
  [7n, 7],
  [-0, 0],
] as const) {
  test(`decodeValue keeps every digit of ${typeof given} ${given} in an int64 field`, () =>
    assert.deepEqual(decode({ tolerationSeconds: given }, `${CORE}Toleration`), { tolerationSeconds: kept }));
}

test('decodeValue refuses what no int64 is', () => {
  assert.throws(() => decode({ tolerationSeconds: 2 ** 64 }, `${CORE}Toleration`), /cannot unmarshal number 18446744073709552000/);
  assert.throws(() => decode({ tolerationSeconds: 2n ** 63n }, `${CORE}Toleration`), /cannot unmarshal number 9223372036854775808/);
});

test('decodeValue prunes schemas nested in a CRD', () => {
  const props = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
  const value = { items: { type: 'string', unknown: 1 }, additionalProperties: true, dependencies: { a: ['b'], c: { type: 'object' } } };
  assert.deepEqual(decode(value, props), {
    items: { type: 'string' },
    additionalProperties: true,
    dependencies: { a: ['b'], c: { type: 'object' } },
  });
});

const CRD = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition';
const crdOf = (openAPIV3Schema: unknown): unknown => ({ spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema } }] } });
for (const c of [
  { schema: { items: [1] }, type: 'v1.JSONSchemaProps', kind: 'number', at: 'items' },
  { schema: { dependencies: { a: ['x', 1] } }, type: 'string', kind: 'number', at: 'dependencies' },
  { schema: { items: { maxLength: 1.5 } }, type: 'int64', kind: 'number 1.5', at: 'items.maxLength' },
  {
    schema: { additionalProperties: { properties: { a: { items: [{ pattern: 1 }] } } } },
    type: 'string',
    kind: 'number',
    at: 'additionalProperties.properties.items.pattern',
  },
]) {
  test(`decodeValue refuses a CRD of the schema ${JSON.stringify(c.schema)}`, () =>
    assert.throws(() => decode(crdOf(c.schema), CRD), {
      message: `json: cannot unmarshal ${c.kind} into Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema.${c.at} of type ${c.type}`,
    }));
}

test('decodeValue takes a null in a list for an empty schema, or text', () => {
  const schemaOfCrd = schemaOfDefinition(CRD);
  const crd = decodeValue<{ readonly spec: { readonly versions: readonly { readonly schema: unknown }[] } }>(
    crdOf({ items: [null], dependencies: { a: [null] } }),
    schemaOfCrd,
    { fieldValidation: 'Strict' },
  );
  assert.deepEqual(crd.object.spec.versions[0]?.schema, { openAPIV3Schema: { items: [{}], dependencies: { a: [''] } } });
});

test('decodeValue takes undefined for absent, as objects inside the process have it', () => {
  const value = { metadata: { name: 'a', labels: { b: undefined } }, data: undefined, binaryData: { c: undefined } };
  assert.equal(JSON.stringify(decode(value, `${CORE}ConfigMap`)), '{"metadata":{"name":"a"}}');
});

test('decodeValue does not change its argument', () => {
  const value = Object.freeze({ data: Object.freeze({ b: '1', a: '2' }) });
  assert.deepEqual(decode(value, `${CORE}ConfigMap`), { metadata: {}, data: { a: '2', b: '1' } });
});

const spec = { selector: {}, template: { spec: { containers: [{ name: 'a', nam: 1 }] } }, foo: 1 };

test('decodeValue under Warn drops unknown fields and names each', () => {
  const { object, warnings } = decodeValue<{ readonly spec: object }>({ spec }, schemaOfDefinition('io.k8s.api.apps.v1.Deployment'), {
    fieldValidation: 'Warn',
    duplicates: ['duplicate field "spec.replicas"'],
  });
  assert.equal('foo' in object.spec, false);
  assert.deepEqual(warnings, [
    'duplicate field "spec.replicas"',
    'unknown field "spec.template.spec.containers[0].nam"',
    'unknown field "spec.foo"',
  ]);
});

test('decodeValue tells what a text repeats in its order, but not of what it skips; of a patched object sorted by path', () => {
  const deployment = schemaOfDefinition('io.k8s.api.apps.v1.Deployment');
  const json = '{"zzz":1,"spec":{"foo":1,"foo":{"a":1,"a":2},"replicas":1,"replicas":2,"bar":3},"metadata":{"aaa":1}}';
  const { value, duplicates: paths } = parseJsonStrict(json);
  const duplicates = paths.map((path) => `duplicate field "${path}"`);
  const read = decodeValue(value, deployment, { fieldValidation: 'Warn', duplicates, json }).warnings;
  assert.deepEqual(read, [
    'unknown field "zzz"',
    'unknown field "spec.foo"',
    'duplicate field "spec.replicas"',
    'unknown field "spec.bar"',
    'unknown field "metadata.aaa"',
  ]);
  const unknown = ['metadata.aaa', 'spec.bar', 'spec.foo', 'zzz'].map((path) => `unknown field "${path}"`);
  const patched = decodeValue(value, deployment, { fieldValidation: 'Warn', duplicates, before: {} }).warnings;
  assert.deepEqual(patched, [...duplicates, ...unknown]);
});

test('decodeValue under Ignore drops unknown fields in silence', () => {
  const { warnings } = decodeValue({ spec }, schemaOfDefinition('io.k8s.api.apps.v1.Deployment'), {
    fieldValidation: 'Ignore',
    duplicates: ['duplicate field "a"'],
  });
  assert.deepEqual(warnings, []);
});

const refusal = (body: unknown, fieldValidation: FieldValidation = 'Strict'): string => {
  try {
    decodeBody(body, schema, { expected: deployment, fieldValidation, text: JSON.stringify(body) });
  } catch (error) {
    assert.ok(error instanceof StatusError);
    assert.equal(error.code, 400);
    return error.message;
  }
  return '';
};

for (const c of [
  {
    body: { spec: { replicas: '3', foo: 1 } },
    why: 'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  },
  {
    body: { spec: { replicas: 3.5 } },
    why: 'json: cannot unmarshal number 3.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
  },
  {
    body: { spec: { replicas: 2147483648 } },
    why: 'json: cannot unmarshal number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32',
  },
  { body: { spec: [] }, why: 'json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec' },
  {
    body: { metadata: { labels: { a: 1 } } },
    why: 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  },
  {
    body: { metadata: { labels: ['a'] } },
    why: 'json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string',
  },
  {
    body: { metadata: { creationTimestamp: 5 } },
    why: 'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.creationTimestamp of type string',
  },
  {
    body: { spec: { strategy: { rollingUpdate: { maxSurge: true } } } },
    why: 'json: cannot unmarshal bool into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32',
  },
  {
    body: { spec: { template: { spec: { containers: [{ imagePullPolicy: 1 }] } } } },
    why: 'json: cannot unmarshal number into Go struct field Container.spec.template.spec.containers.imagePullPolicy of type v1.PullPolicy',
  },
  {
    body: { spec: { template: { spec: { containers: [{ livenessProbe: { httpGet: { port: true } } }] } } } },
    why: 'json: cannot unmarshal bool into Go struct field HTTPGetAction.spec.template.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32',
  },
  {
    body: { spec: { template: { spec: { volumes: [{ configMap: { name: 7 } }] } } } },
    why: 'json: cannot unmarshal number into Go struct field ConfigMapVolumeSource.spec.template.spec.volumes.VolumeSource.configMap.LocalObjectReference.name of type string',
  },
  {
    body: { spec, metadata: { name: 'a', nme: 'b' } },
    why: 'strict decoding error: unknown field "spec.template.spec.containers[0].nam", unknown field "spec.foo", unknown field "metadata.nme"',
  },
  {
    body: { kind: 'Foo' },
    kind: 'Foo',
    why: 'no kind "Foo" is registered for version "apps/v1" in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"',
  },
  { body: { kind: 'Service', apiVersion: 'v1' }, kind: 'Service', why: 'converting (v1.Service) to (apps.Deployment): unknown conversion' },
]) {
  test(`decodeBody refuses ${JSON.stringify(c.body)} in upstream's words`, () =>
    assert.equal(refusal(c.body), `${c.kind ?? 'Deployment'} in version "v1" cannot be handled as a Deployment: ${c.why}`));
}

test('decodeValue takes bytes as numbers too', () => {
  const schemaOfSecret = schemaOfDefinition(`${CORE}Secret`);
  const decodeData = (a: unknown): unknown =>
    decodeValue<{ readonly data: object }>({ data: { a } }, schemaOfSecret, { fieldValidation: 'Strict' }).object.data;
  assert.deepEqual(decodeData([104, 105]), { a: 'aGk=' });
  assert.deepEqual(decodeData([null]), { a: 'AA==' });
  for (const [given, found] of [
    [['x'], 'string'],
    [[{}], 'object'],
    [[256], 'number 256'],
    [[-1], 'number -1'],
  ] as const) {
    const message = `json: cannot unmarshal ${found} into Go struct field Secret.data of type uint8`;
    assert.throws(() => decodeData(given), { message });
  }
});

test('decodeBody reports the first type error in document order', () => {
  assert.match(refusal({ spec: { paused: 1, replicas: 'x' } }), /DeploymentSpec\.spec\.paused of type bool$/);
  assert.match(refusal({ spec: { replicas: 'x', paused: 1 } }), /DeploymentSpec\.spec\.replicas of type int32$/);
});

test('decodeBody lets a malformed time outrank an earlier type error', () => {
  assert.match(refusal({ spec: { replicas: 'x' }, metadata: { creationTimestamp: 'x' } }), /cannot parse "x" as "2006"$/);
});

test('decodeBody refuses what is no object, with the start of the body', () => {
  assert.match(
    refusal([1]),
    /^the object provided is unrecognized \(must be of type Deployment\): couldn't get version\/kind; .* \(5b315d\)$/,
  );
});

test('decodeBody refuses another version of the same kind', () => {
  const hpa = { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' };
  const body = { kind: 'HorizontalPodAutoscaler', apiVersion: 'autoscaling/v1' };
  assert.throws(() => decodeBody(body, schema, { expected: hpa, fieldValidation: 'Strict', text: '' }), {
    message: 'the API version in the data (autoscaling/v1) does not match the expected API version (autoscaling/v2)',
  });
});

test('decodeBody gives a body without kind the one expected', () => {
  const { object } = decodeBody<{ readonly kind: string; readonly apiVersion: string }>({ metadata: { name: 'a' } }, schema, {
    expected: deployment,
    fieldValidation: 'Strict',
    text: '',
  });
  assert.deepEqual(Object.keys(object).slice(0, 3), ['kind', 'apiVersion', 'metadata']);
  assert.equal(object.apiVersion, 'apps/v1');
});
