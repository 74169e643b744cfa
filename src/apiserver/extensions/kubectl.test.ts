// The real kubectl with custom resources, and the documents it learns them from.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { KubeClient } from '#test/harness/kubectl.ts';
import { Scope } from '#test/harness/scope.ts';
import { adminKubectl } from '../openapi/testing.ts';
import { Api, definition, DEFINITIONS, objectOf, OPEN, version, type Json } from './testing.ts';

const scope = new Scope();
let api: Api;
let client: KubeClient;
before(async () => {
  api = await Api.start();
  client = await adminKubectl(scope, api.test);
});
after(async () => {
  await api.stop();
  await scope[Symbol.asyncDispose]();
});

const FOO: Json = {
  description: 'Foo CRD for Testing',
  type: 'object',
  properties: {
    spec: {
      type: 'object',
      description: 'Specification of Foo',
      properties: {
        bars: {
          description: 'List of Bars and their specs.',
          type: 'array',
          items: {
            type: 'object',
            required: ['name'],
            properties: {
              name: { description: 'Name of Bar.', type: 'string' },
              age: { description: 'Age of Bar.', type: 'string' },
              feeling: { description: 'Whether Bar is feeling great.', type: 'string', enum: ['Great', 'Down'] },
              bazs: { description: 'List of Bazs.', type: 'array', items: { type: 'string' } },
            },
          },
        },
      },
    },
    status: { description: 'Status of Foo', type: 'object', properties: { size: { type: 'integer', minimum: 0, maximum: 10 } } },
  },
};

const swagger = async (): Promise<Readonly<Record<string, Json>>> =>
  ((await api.get('/openapi/v2')).body as unknown as { definitions: Readonly<Record<string, Json>> }).definitions;

/** A published definition without what the server adds. */
function stated(schema: Json | undefined): unknown {
  const { properties, 'x-kubernetes-group-version-kind': _, ...rest } = (schema ?? {}) as Json & { properties?: Json };
  const { apiVersion: _apiVersion, kind: _kind, metadata: _metadata, ...own } = properties ?? {};
  return { ...rest, ...(Object.keys(own).length === 0 ? {} : { properties: own }) };
}

describe('kubectl', () => {
  test('creates, applies and explains what a schema describes', async () => {
    await api.define(definition({ group: 'foo.example.com', plural: 'foos', kind: 'Foo', versions: [version('v1', FOO)] }));
    const manifest = (spec: object): string =>
      JSON.stringify({ kind: 'Foo', apiVersion: 'foo.example.com/v1', metadata: { name: 'test-foo' }, spec });
    const valid = manifest({ bars: [{ name: 'test-bar' }] });
    for (const verb of ['create', 'apply']) {
      await client.succeed([verb, '--filename=-'], { input: valid });
      await client.succeed(['delete', 'foos', 'test-foo']);
      const unknown = await client.run([verb, '--filename=-'], { input: manifest({ foo: true }) });
      assert.match(unknown.stderr, /unknown field "spec\.foo"/);
      const missing = await client.run([verb, '--filename=-'], { input: manifest({ bars: [{ age: '10' }] }) });
      assert.match(missing.stderr, /spec\.bars\[0\]\.name: Required value/);
      const value = await client.run([verb, '--filename=-'], { input: manifest({ bars: [{ name: 'b', feeling: 'Odd' }] }) });
      assert.match(value.stderr, /Unsupported value: "Odd": supported values: "Great", "Down"/);
    }
    const explain = (path: string): Promise<string> => client.succeed(['explain', path]);
    assert.match(
      await explain('foos'),
      /DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
    );
    assert.match(
      await explain('foos.metadata'),
      /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
    );
    assert.match(
      await explain('foos.spec'),
      /DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s,
    );
    assert.match(
      await explain('foos.spec.bars'),
      /bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
    );
    assert.match((await client.run(['explain', 'foos.spec.bars2'])).stderr, /field "bars2" does not exist/);
  });

  test('takes anything where unknown fields are kept', async () => {
    const nested = {
      description: 'preserve-unknown-properties in nested field for Testing',
      type: 'object',
      properties: { spec: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { dummy: { type: 'object' } } } },
    };
    await api.define(definition({ group: 'open.example.com', plural: 'opens', kind: 'Open' }));
    await api.define(definition({ group: 'nested.example.com', plural: 'nests', kind: 'Nest', versions: [version('v1', nested)] }));
    const cases = [
      ['open.example.com', 'Open', 'opens', { a: { b: [{ c: 'd' }] } }],
      ['nested.example.com', 'Nest', 'nests', { spec: { a: null, b: [{ c: 'd' }] } }],
    ] as const;
    for (const [group, kind, plural, more] of cases) {
      const input = JSON.stringify({ kind, apiVersion: `${group}/v1`, metadata: { name: 'x' }, ...more });
      for (const verb of ['create', 'apply']) {
        await client.succeed([verb, '--filename=-'], { input });
        await client.succeed(['delete', plural, 'x']);
      }
    }
    assert.match(await client.succeed(['explain', 'opens']), /KIND:\s+Open[\s\S]*DESCRIPTION:\s+<empty>/);
    assert.match(await client.succeed(['explain', 'nests']), /DESCRIPTION:\s+preserve-unknown-properties in nested field for Testing/);
  });

  test('scales, lists by short name and category, and applies on the server', async () => {
    const schema = objectOf(
      { properties: { replicas: { type: 'integer', default: 1 } } },
      { properties: { replicas: { type: 'integer' } } },
    );
    const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
    await api.define(
      definition({
        group: 'scale.example.com',
        plural: 'sets',
        kind: 'Set',
        names: { shortNames: ['st'], categories: ['sizes'] },
        versions: [
          version('v1', schema, {
            subresources: { status: {}, scale },
            additionalPrinterColumns: [{ name: 'Wanted', type: 'integer', jsonPath: '.spec.replicas' }],
          }),
        ],
      }),
    );
    const input = JSON.stringify({ kind: 'Set', apiVersion: 'scale.example.com/v1', metadata: { name: 'a' }, spec: {} });
    assert.equal(
      await client.succeed(['apply', '--server-side', '--filename=-'], { input }),
      'set.scale.example.com/a serverside-applied\n',
    );
    assert.equal(await client.succeed(['scale', 'sets/a', '--replicas=3']), 'set.scale.example.com/a scaled\n');
    assert.match(await client.succeed(['get', 'st']), /^NAME +WANTED\na +3\n$/);
    assert.match(await client.succeed(['get', 'sizes']), /^NAME +WANTED\na +3\n$/);
    assert.equal(
      await client.succeed(['delete', 'crd', 'sets.scale.example.com']),
      'customresourcedefinition.apiextensions.k8s.io "sets.scale.example.com" deleted\n',
    );
    assert.match((await client.run(['get', 'sets'])).stderr, /could not find the requested resource|doesn't have a resource type/);
  });
});

describe('OpenAPI v2', () => {
  test('has every version that is served, as its schema states it', async () => {
    const group = 'published.example.com';
    const versions = [version('v2', FOO), version('v3', FOO, { storage: false })];
    await api.define(definition({ group, plural: 'foos', kind: 'Foo', versions }));
    const name = (v: string): string => `com.example.published.${v}.Foo`;
    const first = await swagger();
    assert.deepEqual([stated(first[name('v2')]), stated(first[name('v3')])], [FOO, FOO]);
    const path = `${DEFINITIONS}/foos.${group}`;
    await api.done('PATCH', path, [{ op: 'replace', path: '/spec/versions/1/name', value: 'v4' }], {
      contentType: 'application/json-patch+json',
    });
    const renamed = await swagger();
    assert.deepEqual([stated(renamed[name('v2')]), renamed[name('v3')], stated(renamed[name('v4')])], [FOO, undefined, FOO]);
    await api.done('PATCH', path, [{ op: 'replace', path: '/spec/versions/1/served', value: false }], {
      contentType: 'application/json-patch+json',
    });
    const unserved = await swagger();
    assert.deepEqual([stated(unserved[name('v2')]), unserved[name('v4')]], [FOO, undefined]);
    await api.done('DELETE', path);
    await api.until(`foos.${group}`, (crd) => crd === undefined);
    assert.equal((await swagger())[name('v2')], undefined);
  });

  test('leaves out what its clients cannot bear, which v3 says', async () => {
    const group = 'bear.example.com';
    const schema = objectOf({
      properties: {
        port: { 'x-kubernetes-int-or-string': true },
        maybe: { type: 'object', nullable: true, properties: { a: { type: 'string' } } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        pod: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: { spec: { type: 'object' } } },
        either: { type: 'string', oneOf: [{ pattern: '^a' }, { pattern: '^b' }] },
      },
      required: ['maybe'],
    });
    await api.define(definition({ group, versions: [version('v1', schema)] }));
    const two = (await swagger())['com.example.bear.v1.Widget'] as unknown as {
      properties: { spec: { properties: Readonly<Record<string, Json>>; required?: unknown } };
    };
    const { spec } = two.properties;
    assert.deepEqual(spec.required, undefined);
    assert.deepEqual(spec.properties['maybe'], {});
    assert.deepEqual(spec.properties['free'], { 'x-kubernetes-preserve-unknown-fields': true });
    assert.deepEqual(spec.properties['either'], { type: 'string' });
    assert.deepEqual(spec.properties['port'], { 'x-kubernetes-int-or-string': true });
    assert.deepEqual(Object.keys(spec.properties['pod']?.['properties'] as object), ['spec', 'apiVersion', 'kind', 'metadata']);
    const three = (await api.get(`/openapi/v3/apis/${group}/v1`)).body as unknown as {
      components: { schemas: Readonly<Record<string, { properties: { spec: { properties: Readonly<Record<string, Json>> } } }>> };
    };
    const said = three.components.schemas['com.example.bear.v1.Widget']?.properties.spec.properties;
    assert.deepEqual(said?.['port'], { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] });
    assert.deepEqual(said['maybe'], { nullable: true, properties: { a: { type: 'string' } }, type: 'object' });
    assert.deepEqual(said['pod']?.['required'], ['kind', 'apiVersion']);
  });

  test('says nothing of fields where any are allowed', async () => {
    await api.define(definition({ group: 'any.example.com', versions: [version('v1', OPEN)] }));
    assert.deepEqual(stated((await swagger())['com.example.any.v1.Widget']), { type: 'object' });
  });
});
