import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { definitions, shortName } from '#api/schema/tables.ts';
import { Schema, type ResourceInfo } from '#api/schema.ts';
import { customObjectSchema, type Props } from '#api/structural/from-crd.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { http1, json, type HttpAnswer } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { describedFields } from './descriptions.ts';
import { componentSchema } from './component-schemas.ts';
import { documentCodec, documentProtobuf } from './document-protobuf.ts';
import { collectRefs, type OpenApiDocument, type Operation } from './document.ts';
import { openapiRoutes } from './routes.ts';
import { SWAGGER_PROTOBUF, swaggerCodec } from './swagger-protobuf.ts';
import type { SwaggerDocument, SwaggerSchema } from './swagger.ts';
import { StoredDocuments } from './stored-documents.ts';

const CORE = 'io.k8s.api.core.v1.';

describe('componentSchema', () => {
  const spec = componentSchema(`${CORE}PodSpec`).properties ?? {};

  test('says how lists and maps are merged', () => {
    const { items: _, description: __, ...containers } = spec['containers'] ?? {};
    assert.deepEqual(containers, {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      'x-kubernetes-patch-strategy': 'merge',
      'x-kubernetes-patch-merge-key': 'name',
    });
    assert.equal(spec['nodeSelector']?.['x-kubernetes-map-type'], 'atomic');
  });

  test('refers to other definitions, with an empty default where the field is no pointer', () => {
    assert.deepEqual(spec['containers']?.items, { allOf: [{ $ref: `#/components/schemas/${CORE}Container` }], default: {} });
    assert.deepEqual(spec['dnsConfig'], { $ref: `#/components/schemas/${CORE}PodDNSConfig` });
    assert.deepEqual(spec['securityContext']?.allOf, [{ $ref: `#/components/schemas/${CORE}PodSecurityContext` }]);
  });

  test('names required fields, kinds and values', () => {
    assert.deepEqual(componentSchema(`${CORE}PodSpec`).required, ['containers']);
    assert.deepEqual(componentSchema(`${CORE}Pod`)['x-kubernetes-group-version-kind'], [{ group: '', version: 'v1', kind: 'Pod' }]);
    assert.deepEqual(spec['restartPolicy']?.enum, ['Always', 'Never', 'OnFailure']);
  });

  test('knows values with two JSON types', () => {
    assert.deepEqual(componentSchema('io.k8s.apimachinery.pkg.util.intstr.IntOrString'), {
      format: 'int-or-string',
      oneOf: [{ type: 'integer' }, { type: 'string' }],
    });
    assert.deepEqual(componentSchema('io.k8s.apimachinery.pkg.api.resource.Quantity').oneOf, [{ type: 'string' }, { type: 'number' }]);
    assert.deepEqual(componentSchema('io.k8s.apimachinery.pkg.apis.meta.v1.Time'), { type: 'string', format: 'date-time' });
  });

  test('describes no field that does not exist', () => {
    const known = new Set(
      Object.entries(definitions).flatMap(([name, { fields }]) => Object.keys(fields).map((field) => `${shortName(name)}.${field}`)),
    );
    assert.deepEqual(
      describedFields().filter((field) => !known.has(field)),
      [],
    );
  });

  test('describes every kind that is served', () => {
    const without = [...new Schema().resources()].filter(({ schema }) => componentSchema(schema.name).description === undefined);
    assert.deepEqual(
      without.map(({ kind }) => kind),
      [],
    );
  });
});

const everything = new StoredDocuments(new Schema({ serves: () => true }));
const documents = (await Array.fromAsync(everything.all())).map(([path]) => [path, everything.document(path) as OpenApiDocument] as const);
const operationsOf = ({ paths }: OpenApiDocument): readonly Operation[] =>
  Object.values(paths).flatMap(({ parameters: _, ...operations }) => Object.values(operations) as readonly Operation[]);

test('every reference of every document leads to a schema in it, and no schema is there for nothing', () => {
  for (const [path, document] of documents) {
    const found = new Set<string>();
    collectRefs(document, found);
    assert.deepEqual([...found].toSorted(), Object.keys(document.components.schemas ?? {}), path);
  }
});

test('operation ids are unique', () => {
  const ids = documents.flatMap(([, document]) => operationsOf(document).map(({ operationId }) => operationId));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of [
    'listCoreV1NamespacedPod',
    'createAppsV1NamespacedDeployment',
    'readCoreV1NamespacedPodLog',
    'patchAppsV1NamespacedDeploymentScale',
    'deleteRbacAuthorizationV1CollectionNamespacedRole',
    'connectCoreV1PostNamespacedPodExec',
    'listCoreV1PodForAllNamespaces',
    'getAppsV1APIResources',
    'watchCoreV1NamespacedPod',
    'watchCoreV1NamespacedPodList',
    'watchCoreV1PodListForAllNamespaces',
    'connectCoreV1OptionsNodeProxyWithPath',
    'getServiceAccountIssuerOpenIDKeyset',
  ]) {
    assert.ok(ids.includes(id), id);
  }
});

test('each parameter of a path is declared, and each name is said once', () => {
  for (const [, { paths }] of documents) {
    for (const [path, { parameters = [], ...operations }] of Object.entries(paths)) {
      const declared = parameters.filter((one) => one.in === 'path').map(({ name }) => name);
      assert.deepEqual(declared.toSorted(), [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as string).toSorted(), path);
      for (const operation of Object.values(operations) as readonly Operation[]) {
        const names = (operation.parameters ?? []).map(({ name }) => name);
        assert.equal(new Set(names).size, names.length, path);
      }
    }
  }
});

test('what all operations of a path take is said once, beside them, in the order of names', () => {
  const { paths } = everything.document('api/v1') as OpenApiDocument;
  const names = (path: string): object => {
    const { parameters = [], ...operations } = paths[path] ?? {};
    const own = Object.entries(operations as Readonly<Record<string, Operation>>);
    return {
      beside: parameters.map(({ name }) => name).join(' '),
      ...Object.fromEntries(own.map(([method, one]) => [method, (one.parameters ?? []).map(({ name }) => name).join(' ')])),
    };
  };
  assert.deepEqual(names('/api/v1/namespaces/{namespace}/pods/{name}/binding'), {
    beside: 'dryRun fieldManager fieldValidation name namespace pretty',
    post: '',
  });
  assert.deepEqual(names('/api/v1/namespaces/{namespace}/pods/{name}/portforward'), { beside: 'name namespace ports', get: '', post: '' });
  assert.deepEqual(names('/api/v1/nodes/{name}/status'), {
    beside: 'name pretty',
    get: '',
    put: 'dryRun fieldManager fieldValidation',
    patch: 'dryRun fieldManager fieldValidation force',
  });
});

test('DELETE answers with the object of some kinds, with a Status of others', () => {
  const answerOf = (document: string, path: string): unknown =>
    documents.find(([one]) => one === document)?.[1].paths[path]?.delete?.responses['200']?.content?.['application/json']?.schema;
  assert.deepEqual(answerOf('api/v1', '/api/v1/namespaces/{namespace}/pods/{name}'), { $ref: `#/components/schemas/${CORE}Pod` });
  assert.deepEqual(answerOf('api/v1', '/api/v1/namespaces/{namespace}/secrets/{name}'), {
    $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.Status',
  });
});

test('writes take fieldValidation, which is how kubectl knows that the server validates', () => {
  const patch = documents.find(([path]) => path === 'apis/apps/v1')?.[1].paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']
    ?.patch;
  assert.ok(patch?.parameters?.some(({ name }) => name === 'fieldValidation'));
  assert.deepEqual(patch?.['x-kubernetes-group-version-kind'], { group: 'apps', kind: 'Deployment', version: 'v1' });
});

const swagger = JSON.parse((await everything.swagger('json')).body.toString()) as SwaggerDocument;

describe('the document of v2', () => {
  test('leads from every reference to a definition', () => {
    const text = JSON.stringify(swagger);
    const found = new Set([...text.matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, name]) => name as string));
    assert.deepEqual([...found].toSorted(), Object.keys(swagger.definitions));
    assert.ok(!text.includes('#/components/'));
  });

  test('says in the words of v2 what v3 says', () => {
    const { 'io.k8s.api.apps.v1.Deployment': deployment, 'io.k8s.apimachinery.pkg.util.intstr.IntOrString': either } = swagger.definitions;
    assert.equal(deployment?.properties?.['spec']?.$ref, '#/definitions/io.k8s.api.apps.v1.DeploymentSpec');
    assert.deepEqual(either, { type: 'string', format: 'int-or-string' });
    const { post } = swagger.paths['/apis/apps/v1/namespaces/{namespace}/deployments'] ?? {};
    assert.deepEqual(post?.parameters?.[0], {
      in: 'body',
      name: 'body',
      required: true,
      schema: { $ref: '#/definitions/io.k8s.api.apps.v1.Deployment' },
    });
    assert.deepEqual(post.responses['201'], { description: 'Created', schema: { $ref: '#/definitions/io.k8s.api.apps.v1.Deployment' } });
    assert.deepEqual([post.consumes, post.produces?.includes('application/yaml')], [['*/*'], true]);
  });
});

test('the document of v2 says the same in protobuf', async () => {
  interface Named {
    readonly name: string;
    readonly value: {
      readonly properties?: { readonly additional_properties: readonly Named[] };
      readonly _ref?: string;
      readonly vendor_extension?: readonly { readonly name: string; readonly value: { readonly yaml: string } }[];
    };
  }
  const decoded = swaggerCodec.decode((await everything.swagger('protobuf')).body) as {
    readonly paths: { readonly path: readonly Named[] };
    readonly definitions: { readonly additional_properties: readonly Named[] };
  };
  assert.deepEqual(
    decoded.paths.path.map(({ name }) => name),
    Object.keys(swagger.paths),
  );
  assert.deepEqual(
    decoded.definitions.additional_properties.map(({ name }) => name),
    Object.keys(swagger.definitions),
  );
  const deployment = decoded.definitions.additional_properties.find(({ name }) => name === 'io.k8s.api.apps.v1.Deployment')?.value;
  assert.equal(
    deployment?.properties?.additional_properties.find(({ name }) => name === 'spec')?.value._ref,
    '#/definitions/io.k8s.api.apps.v1.DeploymentSpec',
  );
  assert.deepEqual(deployment.vendor_extension, [
    { name: 'x-kubernetes-group-version-kind', value: { yaml: '- group: apps\n  kind: Deployment\n  version: v1\n' } },
  ]);
});

test('documents in pieces are what they would be if they were made at once', async () => {
  const changed = new Schema();
  const kept = new StoredDocuments(changed);
  const widget = widgets(changed);
  const gadget = { ...widget, resource: 'gadgets', kind: 'Gadget', listKind: 'GadgetList' };
  const steps = [
    () => changed.add(widget),
    () => changed.add(gadget),
    () => changed.add({ ...widget, namespaced: false }),
    () => changed.remove({ group: 'example.com', version: 'v1', resource: 'widgets' }),
  ];
  for (const step of steps) {
    step();
    const fresh = new StoredDocuments(changed);
    for (const form of ['json', 'protobuf'] as const) assert.deepEqual(await kept.swagger(form), await fresh.swagger(form));
    assert.deepEqual(await Array.fromAsync(kept.all()), await Array.fromAsync(fresh.all()));
    const custom = await kept.get('apis/example.com/v1');
    assert.deepEqual(JSON.parse(String(custom?.body)), kept.document('apis/example.com/v1'));
  }
});

test('many new definitions stop nobody else: a turn of the event loop lies between any two', async () => {
  const many = new Schema();
  const stored = new StoredDocuments(many);
  const read = [() => stored.swagger('json'), () => stored.swagger('protobuf'), () => stored.get('apis/example.com/v1')];
  for (const one of read) await one();
  const widget = widgets(many);
  for (let i = 0; i < 20; i++) many.add({ ...widget, resource: `widgets${i}`, kind: `Widget${i}`, listKind: `Widget${i}List` });
  for (const one of read) {
    let turns = 0;
    let done = false;
    const count = (): void => {
      turns++;
      if (!done) setImmediate(count);
    };
    setImmediate(count);
    await one();
    done = true;
    assert.ok(turns >= 20, `${turns} turns`);
  }
});

test('SWAGGER_PROTOBUF keeps what other servers and custom resources say beside', () => {
  const said = {
    type: 'object',
    externalDocs: { url: 'https://x' },
    example: { a: 1 },
    additionalProperties: true,
    allOf: [{ $ref: '#/definitions/a' }],
  };
  const schema = SWAGGER_PROTOBUF.schema('said', said as SwaggerSchema);
  const { definitions } = swaggerCodec.decode(SWAGGER_PROTOBUF.whole([], [schema])) as {
    readonly definitions: { readonly additional_properties: readonly { readonly value: unknown }[] };
  };
  assert.deepEqual(definitions.additional_properties[0]?.value, {
    type: { value: ['object'] },
    external_docs: { url: 'https://x' },
    example: { yaml: '{"a":1}' },
    additional_properties: { boolean: true },
    all_of: [{ _ref: '#/definitions/a' }],
  });
});

test('documentProtobuf keeps what a schema says, false and zero included', () => {
  const said = {
    type: 'object',
    nullable: true,
    properties: {
      one: { $ref: '#/components/schemas/x', description: 'that', default: {} },
      flag: { type: 'boolean', default: false },
      count: { type: 'integer', default: 0, minimum: 1, enum: [1, 2] },
      text: { type: 'string', default: '', maxLength: 3 },
      list: { type: 'array', items: { type: 'string' }, default: [], 'x-kubernetes-list-type': 'set' },
      map: { type: 'object', additionalProperties: { anyOf: [{ type: 'integer' }, { not: { type: 'string' } }] } },
      open: { type: 'object', additionalProperties: false },
    },
  };
  const document = {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1' },
    paths: {},
    components: { schemas: { said }, securitySchemes: {} },
  };
  const { components } = documentCodec.decode(documentProtobuf(document as unknown as OpenApiDocument)) as {
    readonly components: { readonly schemas: { readonly additional_properties: readonly { readonly value: unknown }[] } };
  };
  const property = (name: string, schema: object): object => ({ name, value: { schema } });
  const extension = { name: 'x-kubernetes-list-type', value: { yaml: '"set"' } };
  const either = [{ schema: { type: 'integer' } }, { schema: { not: { type: 'string' } } }];
  assert.deepEqual(components.schemas.additional_properties[0]?.value, {
    schema: {
      nullable: true,
      type: 'object',
      properties: {
        additional_properties: [
          { name: 'one', value: { reference: { _ref: '#/components/schemas/x', description: 'that' } } },
          property('flag', { type: 'boolean', default: { boolean: false } }),
          property('count', { minimum: 1, enum: [{ yaml: '1' }, { yaml: '2' }], type: 'integer', default: { number: 0 } }),
          property('text', { max_length: 3, type: 'string', default: { string: '' } }),
          property('list', {
            type: 'array',
            items: { schema_or_reference: [{ schema: { type: 'string' } }] },
            default: {},
            specification_extension: [extension],
          }),
          property('map', { type: 'object', additional_properties: { schema_or_reference: { schema: { any_of: either } } } }),
          property('open', { type: 'object', additional_properties: { boolean: false } }),
        ],
      },
    },
  });
});

describe('/openapi/v3', () => {
  let server: TestServer;
  let schema: Schema;
  before(async () => {
    schema = new Schema();
    server = await startTestServer({
      store: new MemoryStore(systemClock),
      options: { schema },
      parts: () => ({ routes: openapiRoutes(schema) }),
    });
  });
  after(() => server.stop());

  const get = (path: string, headers: Record<string, string> = {}): Promise<HttpAnswer> => http1(server, path, { headers });
  const locations = async (): Promise<Readonly<Record<string, { readonly serverRelativeURL: string }>>> =>
    json<{ paths: Record<string, { serverRelativeURL: string }> }>(await get('/openapi/v3')).paths;

  test('leads to every group version, whose document may be kept for ever', async () => {
    const paths = await locations();
    assert.deepEqual(
      ['api', 'api/v1', 'apis/apps', 'apis/apps/v1', 'version'].filter((path) => paths[path] === undefined),
      [],
    );
    const answer = await get(paths['apis/apps/v1']?.serverRelativeURL ?? '');
    assert.deepEqual(
      [answer.status, answer.headers['content-type'], answer.headers['cache-control']],
      [200, 'application/json', 'public, immutable'],
    );
    assert.match(String(answer.headers['expires']), /GMT$/);
    assert.equal(json(answer)['openapi'], '3.0.0');
    assert.equal((await get('/openapi/v3/apis/apps/v1', { 'if-none-match': String(answer.headers['etag']) })).status, 304);
  });

  test('sends a client with an old hash to the new one', async () => {
    const answer = await get('/openapi/v3/apis/apps/v1?hash=ABC');
    assert.deepEqual([answer.status, answer.headers['location']], [301, (await locations())['apis/apps/v1']?.serverRelativeURL]);
  });

  test('has everything in one document for clients of v2', async () => {
    const answer = await get('/openapi/v2');
    assert.deepEqual([answer.status, json(answer)['swagger']], [200, '2.0']);
    assert.equal((await get('/openapi/v2', { 'if-none-match': String(answer.headers['etag']) })).status, 304);
    const protobuf = await get('/openapi/v2', { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' });
    assert.deepEqual(
      [protobuf.status, protobuf.headers['content-type']],
      [200, 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'],
    );
    assert.equal((await get('/openapi/v2', { accept: 'text/html' })).status, 406);
  });

  test('refuses what it does not have', async () => {
    assert.equal((await get('/openapi/v3/apis/nothing/v1')).status, 404);
    assert.equal((await get('/openapi/v3/api/v1', { accept: 'text/html' })).status, 406);
    assert.equal((await get('/openapi/v3', { accept: 'text/html' })).headers['content-type'], 'application/json');
  });

  test('has each group version in protobuf too, under both names of the form', async () => {
    const location = (await locations())['apis/apps/v1']?.serverRelativeURL ?? '';
    const plain = await get(location);
    for (const name of ['v3@v1.0', 'v3.v1.0']) {
      const answer = await get(location, { accept: `application/com.github.proto-openapi.spec.${name}+protobuf` });
      assert.deepEqual(
        [answer.status, answer.headers['content-type'], answer.headers['etag'], answer.headers['vary'], answer.headers['cache-control']],
        [200, 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf', plain.headers['etag'], 'Accept', 'public, immutable'],
      );
      const { paths } = documentCodec.decode(answer.body) as { readonly paths: { readonly path: readonly { readonly name: string }[] } };
      assert.deepEqual(
        paths.path.map((one) => one.name),
        Object.keys(json<OpenApiDocument>(plain).paths),
      );
    }
  });

  test('has custom resources as long as they are served', async () => {
    const before = await locations();
    schema.add(widgets(schema));
    const now = await locations();
    assert.deepEqual(
      Object.keys(now).filter((path) => before[path] === undefined),
      ['apis/example.com/v1'],
    );
    assert.equal(now['apis/apps/v1']?.serverRelativeURL, before['apis/apps/v1']?.serverRelativeURL);
    const document = json<OpenApiDocument>(await get('/openapi/v3/apis/example.com/v1'));
    assert.deepEqual([document.info.title, Object.keys(document.components)], ['Kubernetes CRD Swagger', ['schemas']]);
    assert.ok(!Object.hasOwn(document.paths, '/apis/example.com/v1/'), 'discovery is described of built-in groups');
    const widget = document.components.schemas?.['com.example.v1.Widget'];
    assert.deepEqual(widget?.properties?.['spec'], {
      type: 'object',
      required: ['size'],
      properties: { size: { type: 'integer', minimum: 1 } },
    });
    assert.deepEqual(widget['x-kubernetes-group-version-kind'], [{ group: 'example.com', kind: 'Widget', version: 'v1' }]);
    const { get: list, post, delete: deletion } = document.paths['/apis/example.com/v1/namespaces/{namespace}/widgets'] ?? {};
    const { put, patch } = document.paths['/apis/example.com/v1/namespaces/{namespace}/widgets/{name}'] ?? {};
    const types = (content: object | undefined): readonly string[] => Object.keys(content ?? {});
    // Of what no .proto describes there is no protobuf, nor a strategic patch.
    const custom = ['application/json', 'application/yaml'];
    for (const answer of [list?.responses['200'], post?.responses['201'], put?.responses['200'], patch?.responses['200']])
      assert.deepEqual(types(answer?.content), custom);
    for (const operation of [post, put]) assert.deepEqual(types(operation?.requestBody?.content), custom);
    assert.deepEqual(types(patch?.requestBody?.content), [
      'application/json-patch+json',
      'application/merge-patch+json',
      'application/apply-patch+yaml',
    ]);
    assert.equal(deletion?.requestBody, undefined);
    schema.remove({ group: 'example.com', version: 'v1', resource: 'widgets' });
    assert.deepEqual(Object.keys(await locations()), Object.keys(before));
    assert.equal((await get('/openapi/v3/apis/example.com/v1')).status, 404);
  });
});

function widgets(schema: Schema): ResourceInfo {
  const lease = schema.resource({ group: 'coordination.k8s.io', version: 'v1', resource: 'leases' });
  assert.ok(lease !== undefined);
  const props: Props = {
    type: 'object',
    properties: { spec: { type: 'object', required: ['size'], properties: { size: { type: 'integer', minimum: 1 } } } },
  };
  return {
    ...lease,
    group: 'example.com',
    version: 'v1',
    resource: 'widgets',
    kind: 'Widget',
    listKind: 'WidgetList',
    schema: customObjectSchema(props),
    origin: 'custom',
    custom: { props, preserveUnknownFields: false, columns: [], selectableFields: [], deprecationWarning: undefined, terminating: false },
  };
}
