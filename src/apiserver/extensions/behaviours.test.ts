// What conformance says of custom resources beyond serving them: field validation, watches, admission, changes of versions.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { Schema } from '#api/schema.ts';
import { isTrue } from '#api/structural/resources.ts';
import { customresourcedefinitions } from '#api/resources.ts';
import type { KubeObject } from '#api/types.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { silentLogger } from '#base/log.ts';
import type { MutatingPlugin } from '../admission/contract.ts';
import { ADMIN } from '../testing.ts';
import { http1 } from '../testing/http.ts';
import { Api, definition, DEFINITIONS, objectOf, OPEN, version, type Json } from './testing.ts';

/** Adds what a webhook may add: data of two stages, of which a schema may know one. */
const stages: MutatingPlugin = {
  name: 'Stages',
  operations: ['CREATE', 'UPDATE'],
  admit: ({ object, resource }) => {
    if (object === undefined || resource.group !== 'mutated.example.com') return undefined;
    const { data } = object as KubeObject & { readonly data?: Json };
    return { ...object, data: { ...data, 'stage-1': 'yes', 'stage-2': 'yes' } } as KubeObject;
  },
};

let api: Api;
let client: Client;
before(async () => {
  api = await Api.start({ parts: () => ({ admission: { mutating: [stages], validating: [] } }) });
  client = createClient(api.test.server.loopback(ADMIN));
});
after(() => api.stop());

const APPLY = { contentType: 'application/apply-patch+yaml' };
const MERGE = { contentType: 'application/merge-patch+json' };

describe('field validation', () => {
  const string = { type: 'string' };
  const spec = {
    properties: {
      foo: string,
      cronSpec: { type: 'string', pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$` },
      ports: {
        type: 'array',
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['containerPort', 'protocol'],
        items: {
          type: 'object',
          required: ['containerPort', 'protocol'],
          properties: { containerPort: { type: 'integer', format: 'int32' }, name: string, protocol: string },
        },
      },
    },
  };
  const body = (group: string, { root = '', meta = '', within = '' } = {}): string => `
apiVersion: ${group}/v1
kind: Widget
metadata:
  name: mytest
  finalizers:
  - test-finalizer${meta}${root}
spec:
  foo: foo1${within}
  cronSpec: "* * * * */5"
  ports:
  - name: x
    containerPort: 80
    protocol: TCP`;
  const apply = (group: string, text: string) =>
    api.request('PATCH', `/apis/${group}/v1/widgets/mytest?fieldManager=m&fieldValidation=Strict`, text, APPLY);

  test('takes a valid object, and anything for a definition that keeps unknown fields', async () => {
    await api.define(definition({ group: 'good.example.com', scope: 'Cluster', versions: [version('v1', objectOf(spec))] }));
    const { code, warnings } = await apply('good.example.com', body('good.example.com'));
    assert.equal(code, 201);
    assert.match(warnings.join(), /prefer a domain-qualified finalizer name/);
    await api.define(definition({ group: 'free.example.com', scope: 'Cluster', versions: [version('v1', OPEN)] }));
    assert.equal((await apply('free.example.com', body('free.example.com', { root: '\nunknown: 1' }))).code, 201);
  });

  test('refuses unknown fields, those of metadata too, in the object and in objects inside it', async () => {
    const group = 'bad.example.com';
    await api.define(definition({ group, scope: 'Cluster', versions: [version('v1', objectOf(spec))] }));
    assert.match(
      (await apply(group, body(group, { root: '\nunknownField: unknown' }))).text,
      /\.unknownField: field not declared in schema/,
    );
    assert.match(
      (await apply(group, body(group, { meta: '\n  unknownMeta: unknown' }))).text,
      /\.metadata\.unknownMeta: field not declared in schema/,
    );
    const inner = 'inner.example.com';
    const template = { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } };
    await api.define(
      definition({ group: inner, scope: 'Cluster', versions: [version('v1', objectOf({ properties: { ...spec.properties, template } }))] }),
    );
    const within =
      '\n  template:\n    apiVersion: foo/v1\n    kind: Sub\n    metadata:\n      unknownSubMeta: unknown\n      name: subobject';
    assert.match(
      (await apply(inner, body(inner, { within }))).text,
      /\.spec\.template\.metadata\.unknownSubMeta: field not declared in schema/,
    );
  });

  test('refuses a field that is there twice, though unknown ones are kept', async () => {
    const group = 'twice.example.com';
    const schema = objectOf({ ...spec, 'x-kubernetes-preserve-unknown-fields': true });
    await api.define(definition({ group, scope: 'Cluster', versions: [version('v1', schema)] }));
    const { text } = await apply(group, body(group, { within: '\n  unknown: uk1\n  foo: foo2' }));
    assert.match(text, /line 11: key \\"foo\\" already set in map/);
  });

  test('finds fields given twice in a JSON body of an apply, but tells of what does not fit first', async () => {
    const group = 'json.example.com';
    await api.define(definition({ group, scope: 'Cluster', versions: [version('v1', objectOf(spec))] }));
    const twice = (more: string): string =>
      `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"mytest"},"spec":{"foo":"a","foo":"b"${more}}}`;
    const refused = await apply(group, twice(''));
    assert.deepEqual(
      [refused.code, refused.body.message],
      [400, 'error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 1: key "foo" already set in map'],
    );
    assert.match((await apply(group, twice(',"other":1'))).body.message, /\.spec\.other: field not declared in schema$/);
    const warned = await api.request('PATCH', `/apis/${group}/v1/widgets/mytest?fieldManager=m`, twice(''), APPLY);
    assert.deepEqual([warned.code, warned.warnings], [201, ['299 - "line 1: key \\"foo\\" already set in map"']]);
  });

  test('keeps a null that is applied, and refuses it where none may be', async () => {
    const group = 'null.example.com';
    await api.define(definition({ group, scope: 'Cluster', versions: [version('v1', objectOf(spec))] }));
    const { code, body: refused } = await apply(
      group,
      `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"mytest"},"spec":{"foo":null}}`,
    );
    assert.equal(code, 422);
    assert.match(refused.message, /spec\.foo: Invalid value: "null": spec\.foo in body must be of type string: "null"$/);
  });

  test('applies what only the server sets and nobody can read as if it were not said', async () => {
    const group = 'untold.example.com';
    await api.define(definition({ group, scope: 'Cluster', versions: [version('v1', objectOf(spec))] }));
    const meta = '\n  creationTimestamp: yesterday\n  deletionTimestamp: tomorrow\n  generation: 1.5\n  deletionGracePeriodSeconds: 0.5';
    const made = await apply(group, body(group, { meta }));
    assert.equal(made.code, 201, made.text);
    const { creationTimestamp, deletionTimestamp, generation, deletionGracePeriodSeconds } = made.body.metadata;
    assert.match(creationTimestamp as string, /^\d{4}-.*Z$/);
    assert.deepEqual([deletionTimestamp, generation, deletionGracePeriodSeconds], [undefined, 1, undefined]);
    const again = await apply(group, body(group, { meta }));
    assert.deepEqual([again.code, again.body.metadata], [200, made.body.metadata]);
  });

  test('tells of unknown fields by place: own metadata, members, metadata inside; of JSON patches by operation', async () => {
    const group = 'order.example.com';
    const inside = { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: OPEN } };
    const schema = objectOf({ properties: { ...spec.properties, inside } });
    await api.define(definition({ group, scope: 'Cluster', versions: [version('v1', schema)] }));
    const url = `/apis/${group}/v1/widgets`;
    const object = {
      apiVersion: `${group}/v1`,
      kind: 'Widget',
      metadata: { name: 'a', what: 1 },
      spec: { inside: { apiVersion: 'v1', kind: 'X', metadata: { aha: 1 }, zzz: 1 } },
      bar: 1,
    };
    const { warnings } = await api.request('POST', `${url}?fieldValidation=Warn`, object);
    const told = ['metadata.what', 'bar', 'spec.inside.zzz', 'spec.inside.metadata.aha'].map(
      (path) => `299 - "unknown field \\"${path}\\""`,
    );
    assert.equal(warnings.join(', '), told.join(', '));
    const patch = '[{"op":"add","path":"/spec/foo","value":"a","x":1},{"op":"add","path":"/spec/foo","path":"/spec/foo","value":"b"}]';
    const patched = await api.request('PATCH', `${url}/a`, patch, { contentType: 'application/json-patch+json' });
    assert.equal(
      patched.warnings.join(', '),
      '299 - "json patch unknown field \\"[0].x\\"", 299 - "json patch duplicate field \\"[1].path\\""',
    );
    const strict = await api.request('PATCH', `${url}/a?fieldValidation=Strict`, { spec: { a: 1 }, aaa: 1 }, MERGE);
    assert.match(strict.body.message, /^ "" is invalid: patch: Invalid value: "\{\\"aaa\\":1,\\"apiVersion\\":/);
  });
});

test('what a custom resource has not is told in its own words', async () => {
  const group = 'refused.example.com';
  await api.define(definition({ group, scope: 'Cluster', versions: [version('v1', OPEN)] }));
  const url = `/apis/${group}/v1/widgets`;
  const object = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'a', deletionTimestamp: '2020-01-01T00:00:00Z' } };
  const created = await api.done('POST', url, object);
  assert.equal(created.metadata['managedFields'], undefined); // nobody owns what is not taken
  for (const [method, path, accept, code, message] of [
    ['GET', `${url}/a/status`, undefined, 404, `widgets.${group} "a" not found`],
    ['GET', `${url}/a/bogus`, undefined, 404, `widgets.${group} "a" not found`],
    ['PUT', url, undefined, 400, 'name must be provided'],
    ['PATCH', url, undefined, 400, 'name must be provided'],
    ['GET', `${url}/a%25b`, undefined, 400, `Name parameter invalid: "a%b": may not contain '%'`],
    [
      'GET',
      `${url}?continue=invalid`,
      undefined,
      400,
      String.raw`invalid continue token: continue key is not valid: invalid character '\u008a' looking for beginning of value`,
    ],
    [
      'GET',
      `${url}?continue=bogus`,
      undefined,
      400,
      'invalid continue token: continue key is not valid: illegal base64 data at input byte 4',
    ],
    [
      'GET',
      url,
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      406,
      'you requested PartialObjectMetadata, but the requested object is a list (*unstructured.UnstructuredList)',
    ],
    [
      'GET',
      `${url}/a`,
      'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1',
      406,
      'you requested PartialObjectMetadataList, but the requested object is not a list (*unstructured.Unstructured)',
    ],
    [
      'GET',
      '/api/v1/pods',
      'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1',
      406,
      'you requested PartialObjectMetadata, but the requested object is a list (*core.PodList)',
    ],
    [
      'GET',
      `${url}?includeObject=Bogus`,
      'application/json;as=Table;g=meta.k8s.io;v=v1',
      400,
      `Unable to convert to Table as requested: includeObject: Invalid value: "Bogus": must be 'Metadata', 'Object', 'None', or empty`,
    ],
  ] as const) {
    const body = { PUT: object, PATCH: {}, GET: undefined }[method];
    const answer = await api.request(method, path, body, {
      ...(accept === undefined ? {} : { accept }),
      ...(method === 'PATCH' ? MERGE : {}),
    });
    assert.deepEqual([answer.code, answer.body.message], [code, message], `${method} ${path}`);
  }
  assert.equal((await api.get(`${url}?includeObject=Bogus`)).code, 200, 'who asks for no table');
  const text = await api.request('POST', url, 'x', { contentType: 'text/plain' });
  assert.match(text.body.message, /: application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf$/);
  assert.match((await api.get(url)).text, /"metadata":\{"continue":"","resourceVersion":"\d+"\}\}\n$/);
});

test('the status of a new definition is that of upstream', async () => {
  const created = await api.done('POST', DEFINITIONS, definition({ group: 'new.example.com' }));
  assert.deepEqual(created['status'], { conditions: null, acceptedNames: { plural: '', kind: '' }, storedVersions: ['v1'] });
});

test('definitions are watched', async () => {
  const watch = client.watch(customresourcedefinitions, { fieldSelector: 'metadata.name=widgets.watched.example.com' });
  const types: string[] = [];
  const seen = (async () => {
    for await (const event of watch) {
      types.push(event.type);
      if (event.type === 'DELETED') return;
    }
  })();
  await api.define(definition({ group: 'watched.example.com' }));
  await api.done('DELETE', `${DEFINITIONS}/widgets.watched.example.com`);
  await seen;
  assert.deepEqual([types[0], types[1], types.at(-1)], ['ADDED', 'MODIFIED', 'DELETED']);
});

test('what admission adds is pruned by the schema', async () => {
  const group = 'mutated.example.com';
  const data = { type: 'object', properties: { 'mutation-start': { type: 'string' }, 'stage-1': { type: 'string' } } };
  await api.define(definition({ group, versions: [version('v1', { type: 'object', properties: { data } })] }));
  const created = await api.done('POST', `/apis/${group}/v1/namespaces/default/widgets`, {
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { name: 'x' },
    data: { 'mutation-start': 'yes' },
  });
  assert.deepEqual(created['data'], { 'mutation-start': 'yes', 'stage-1': 'yes' });
});

test('an object of a version that is no longer stored can be patched', async () => {
  const group = 'moved.example.com';
  await api.define(definition({ group, versions: [version('v1', OPEN), version('v2', OPEN, { storage: false })] }));
  const path = `/apis/${group}/v1/namespaces/default/widgets`;
  await api.done('POST', path, { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'x' }, data: { a: '1' } });
  const versions = [version('v1', OPEN, { storage: false }), version('v2', OPEN)];
  await api.done('PATCH', `${DEFINITIONS}/widgets.${group}`, { spec: { versions } }, MERGE);
  const patched = await api.done('PATCH', `${path}/x`, { data: { b: '2' } }, MERGE);
  assert.deepEqual([patched['apiVersion'], patched['data']], [`${group}/v1`, { a: '1', b: '2' }]);
  const refused = await api.request('PATCH', `${DEFINITIONS}/widgets.${group}`, { spec: { versions: [version('v2', OPEN)] } }, MERGE);
  assert.match(refused.body.message, /status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions/);
  const crd = (await api.get(`${DEFINITIONS}/widgets.${group}/status`)).body;
  await api.done('PUT', `${DEFINITIONS}/widgets.${group}/status`, { ...crd, status: { ...crd.status, storedVersions: ['v2'] } });
  await api.done('PATCH', `${DEFINITIONS}/widgets.${group}`, { spec: { versions: [version('v2', OPEN)] } }, MERGE);
  assert.equal((await api.get(path)).code, 404);
});

test('watches end when what they watch is defined anew, and informers go on', async () => {
  const group = 'anew.example.com';
  const schema = (more: object): Json => objectOf({ properties: { a: { type: 'string' }, ...more } });
  await api.define(definition({ group, versions: [version('v1', schema({}))] }));
  const resource = { group, version: 'v1', resource: 'widgets', kind: 'Widget', namespaced: true } as const;
  const stop = new AbortController();
  const informers = createInformerFactory({ client, logger: silentLogger });
  const informer = informers.informer<KubeObject & { readonly spec: Json }>(resource);
  informers.start(stop.signal);
  await informer.synced();
  const watch = client.watch(resource, { namespace: 'default', resourceVersion: informer.resourceVersion });
  const ended = watch.next();
  const crd = (await api.get(`${DEFINITIONS}/widgets.${group}`)).body;
  await api.done('PUT', `${DEFINITIONS}/widgets.${group}`, {
    ...crd,
    spec: { ...crd.spec, versions: [version('v1', schema({ b: { type: 'string', default: 'B' } }))] },
  });
  assert.equal((await ended).done, true);
  const added = new Promise<Json>((resolve) => informer.addHandlers({ added: ({ spec }) => resolve(spec) }));
  await api.done('POST', `/apis/${group}/v1/namespaces/default/widgets`, {
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { name: 'x' },
    spec: {},
  });
  assert.deepEqual(await added, { b: 'B' });
  stop.abort();
});

test('whole objects inside an object get defaults of their own, and nulls give way to defaults', async () => {
  const group = 'within.example.com';
  const schema = objectOf({
    properties: {
      template: {
        type: 'object',
        'x-kubernetes-embedded-resource': true,
        properties: { spec: { type: 'object', default: { mode: 'fast' }, properties: { mode: { type: 'string' } } } },
      },
      color: { type: 'string', default: 'red' },
      note: { type: 'string', nullable: true, default: 'none' },
    },
  });
  await api.define(definition({ group, versions: [version('v1', schema)] }));
  const created = await api.done('POST', `/apis/${group}/v1/namespaces/default/widgets`, {
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { name: 'x' },
    spec: { color: null, note: null, template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', bogus: 1 } } },
  });
  assert.deepEqual(created.spec, {
    color: 'red',
    note: null,
    template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { mode: 'fast' } },
  });
});

test('what every object says of itself has defaults in an object inside another', async () => {
  const group = 'meta.example.com';
  const string = (value: string): Json => ({ type: 'string', default: value });
  const type = { apiVersion: string('foos/v1'), kind: string('Foo') };
  const inner = (properties: Json): Json => ({ type: 'object', 'x-kubernetes-embedded-resource': true, properties });
  const schema = objectOf({
    properties: {
      fields: inner({ ...type, metadata: { type: 'object', properties: { name: string('bar'), unknown: string('x') } } }),
      metadata: inner({ ...type, metadata: { type: 'object', default: { name: 'bar', unknown: 'x' } } }),
      whole: {
        ...inner({ spec: { type: 'object' } }),
        default: { apiVersion: 'foos/v1', kind: 'Foo', metadata: { name: 'bar', unknown: 'x' } },
      },
    },
  });
  await api.define(definition({ group, versions: [version('v1', schema)] }));
  const created = await api.done('POST', `/apis/${group}/v1/namespaces/default/widgets`, {
    apiVersion: `${group}/v1`,
    kind: 'Widget',
    metadata: { name: 'x' },
    spec: { fields: { metadata: {} }, metadata: {} },
  });
  const foo = { apiVersion: 'foos/v1', kind: 'Foo', metadata: { name: 'bar' } };
  assert.deepEqual(created.spec, { fields: foo, metadata: foo, whole: foo });
});

test('an object without metadata, or of another kind, is refused by its own name', async () => {
  const group = 'nameless.example.com';
  await api.define(definition({ group }));
  const path = `/apis/${group}/v1/namespaces/default/widgets`;
  const nameless = await api.request('POST', path, { apiVersion: `${group}/v1`, kind: 'Widget' });
  assert.deepEqual(
    [nameless.code, nameless.body.message],
    [422, 'Widget.nameless.example.com "" is invalid: metadata.name: Required value: name or generateName is required'],
  );
  const other = await api.request('POST', path, { apiVersion: `${group}/v1`, kind: 'Gadget', metadata: { name: 'x' } });
  assert.deepEqual(
    [other.code, other.body.message],
    [422, 'Gadget.nameless.example.com "x" is invalid: kind: Invalid value: "Gadget": must be Widget'],
  );
});

test('whole numbers of 64 bits stay what they were, in every encoding and patch, and for rules', async () => {
  const group = 'exact.example.com';
  const big = '9223372036854775807';
  const limit = { rule: 'self.n > 9007199254740992 || self.n == -9007199254740993', message: 'is small' };
  const n = { type: 'integer', format: 'int64', minimum: -9007199254740994 };
  const schema = objectOf({ properties: { n, any: OPEN, half: { type: 'number' } }, 'x-kubernetes-validations': [limit] });
  await api.define(
    definition({
      group,
      versions: [version('v1', schema, { additionalPrinterColumns: [{ name: 'N', type: 'integer', jsonPath: '.spec.n' }] })],
    }),
  );
  const path = `/apis/${group}/v1/namespaces/default/widgets`;
  const body = (spec: string, name = 'x'): string =>
    `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"${name}"},"spec":${spec}}`;
  const spec = `{"any":{"deep":[${big}]},"half":0.5,"n":${big}}`;
  assert.match((await api.request('POST', path, body(spec))).text, new RegExp(`"spec":${spec.replaceAll(/[[\]{}]/g, String.raw`\$&`)}`));
  const merged = await api.request('PATCH', `${path}/x`, `{"spec":{"half":1,"n":-9007199254740993}}`, MERGE);
  assert.match(merged.text, /"half":1,"n":-9007199254740993\}/);
  const applied = `${body('{"n":9007199254740993}').replace('{', '---\n{')}`;
  const forced = await api.request('PATCH', `${path}/x?fieldManager=m&force=true`, applied, APPLY);
  assert.match(forced.text, /"n":9007199254740993\}/);
  assert.match((await api.get(path, { accept: 'application/yaml' })).text, /^ {4}"n": 9007199254740993$/m);
  assert.match((await api.get(path, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' })).text, /"cells":\["x",9007199254740993\]/);
  const refused = await api.request('POST', path, body('{"n":9007199254740992}', 'y'));
  assert.match(refused.body.message, /spec: Invalid value: is small$/);
  const low = await api.request('POST', path, body('{"n":-9223372036854775808}', 'y'));
  assert.match(low.body.message, /spec\.n: Invalid value: .*: spec\.n in body should be greater than or equal to -9007199254740994/);
  assert.match((await api.request('PUT', `${path}/x`, (await api.get(`${path}/x`)).text)).text, /"n":9007199254740993\}/);
});

test('paths of the other scope lead nowhere, for built-in resources too', async () => {
  const [cluster, namespaced] = ['wide.example.com', 'narrow.example.com'];
  await api.define(definition({ group: cluster, scope: 'Cluster' }));
  await api.define(definition({ group: namespaced }));
  const code = async (method: string, path: string): Promise<number> =>
    (await api.request(method, path, method === 'POST' ? {} : undefined)).code;
  for (const path of ['', '/x', '/x/status']) {
    assert.equal(await code('GET', `/apis/${cluster}/v1/namespaces/default/widgets${path}`), 404, path);
    if (path !== '') assert.equal(await code('GET', `/apis/${namespaced}/v1/widgets${path}`), 404, path);
  }
  assert.equal(await code('POST', `/apis/${namespaced}/v1/widgets`), 404);
  assert.equal(await code('DELETE', `/apis/${namespaced}/v1/widgets`), 404);
  assert.equal(await code('GET', `/apis/${namespaced}/v1/widgets`), 200);
  for (const path of ['nodes', 'nodes/x', 'namespaces', 'namespaces/other'])
    assert.equal(await code('GET', `/api/v1/namespaces/default/${path}`), 404, path);
  assert.equal(await code('GET', '/api/v1/pods/x'), 404);
  assert.equal(await code('POST', '/api/v1/pods'), 405);
});

test('replicas set through the scale are taken from whoever had them in another version', async () => {
  const group = 'owners.example.com';
  const scale = (path: string): Json => ({ subresources: { scale: { specReplicasPath: path, statusReplicasPath: '.status.replicas' } } });
  const versions = [version('v1', OPEN, { storage: false, ...scale('.spec.count') }), version('v2', OPEN, scale('.spec.replicas'))];
  await api.define(definition({ group, versions }));
  const at = (v: string): string => `/apis/${group}/${v}/namespaces/default/widgets`;
  const body = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'x' }, spec: { count: 1, replicas: 1 } };
  await api.done('POST', `${at('v1')}?fieldManager=maker`, body);
  await api.done('PATCH', `${at('v2')}/x/scale?fieldManager=scaler`, { spec: { replicas: 5 } }, MERGE);
  const { metadata } = await api.done('GET', `${at('v2')}/x`);
  const owners = (metadata['managedFields'] as readonly Json[]).map(({ manager, subresource, apiVersion, fieldsV1 }) => [
    manager,
    subresource,
    apiVersion,
    fieldsV1,
  ]);
  assert.deepEqual(owners, [
    ['scaler', 'scale', `${group}/v2`, { 'f:spec': { 'f:replicas': {} } }],
    ['maker', undefined, `${group}/v1`, { 'f:spec': { '.': {}, 'f:replicas': {} } }],
  ]);
  const strategic = { contentType: 'application/strategic-merge-patch+json' };
  assert.equal((await api.request('PATCH', `${at('v2')}/x/scale`, {}, strategic)).code, 415);
});

test('a definition is taken and given in protobuf', async () => {
  const group = 'wire.example.com';
  const spec = { properties: { n: { type: 'integer', default: 3, enum: [1, 3] } } };
  const wanted = definition({ group, versions: [version('v1', objectOf(spec))] });
  const protobuf = kubeProtobuf(new Schema());
  const headers = { 'content-type': 'application/vnd.kubernetes.protobuf', accept: 'application/vnd.kubernetes.protobuf' };
  const answer = await http1(api.test, DEFINITIONS, { method: 'POST', headers, body: protobuf.encode(wanted as unknown as KubeObject) });
  assert.equal(answer.status, 201);
  const created = protobuf.decode(answer.body, 'CustomResourceDefinition') as KubeObject;
  assert.equal(created.metadata.name, `widgets.${group}`);
  const { versions } = (await api.get(`${DEFINITIONS}/widgets.${group}`)).body.spec as { readonly versions: readonly Json[] };
  assert.deepEqual(versions[0]?.['schema'], { openAPIV3Schema: objectOf(spec) });
  await api.until(`widgets.${group}`, (found) => found !== undefined && isTrue(found, 'Established'));
  const widget = { apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'x' }, spec: {} };
  const stored = await api.done('POST', `/apis/${group}/v1/namespaces/default/widgets`, widget);
  assert.deepEqual(stored.spec, { n: 3 });
});
