// What is served of definitions, over TLS.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Api, base, definition, DEFINITIONS, objectOf, OPEN, version, widget } from './testing.ts';

let api: Api;
before(async () => {
  api = await Api.start();
});
after(() => api.stop());

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io';
const MERGE = { contentType: 'application/merge-patch+json' };

describe('a custom resource', () => {
  test('is pruned and given defaults, on write, from the store and after changes of its schema', async () => {
    const group = 'defaults.example.com';
    const path = `${DEFINITIONS}/widgets.${group}`;
    const schema = (spec: object): object => objectOf({ properties: spec });
    await api.define(definition({ group, versions: [version('v1', schema({ a: { type: 'string' }, b: { type: 'string' } }) as never)] }));
    const created = await api.done('POST', base(group), widget(group, 'x', { spec: { unknown: 1 } }));
    assert.deepEqual(created.spec, {});
    const put = async (spec: object): Promise<void> => {
      const crd = (await api.get(path)).body;
      await api.done('PUT', path, { ...crd, spec: { ...crd.spec, versions: [version('v1', schema(spec) as never)] } });
    };
    await put({ a: { type: 'string', default: 'A' }, b: { type: 'string' } });
    assert.deepEqual((await api.get(`${base(group)}/x`)).body.spec, { a: 'A' });
    assert.deepEqual((await api.done('POST', base(group), widget(group, 'y', { spec: {} }))).spec, { a: 'A' });
    await put({ a: { type: 'string' }, b: { type: 'string', default: 'B' } });
    assert.deepEqual((await api.get(`${base(group)}/x`)).body.spec, { b: 'B' });
    assert.deepEqual((await api.get(`${base(group)}/y`)).body.spec, { a: 'A', b: 'B' });
    assert.deepEqual(
      (await api.get(base(group))).body.items.map(({ spec }) => spec),
      [{ b: 'B' }, { a: 'A', b: 'B' }],
    );
  });

  test('has the default status that its schema gives it from its creation on', async () => {
    const group = 'defaultstatus.example.com';
    const status = { type: 'object', default: { observedGeneration: -1 }, properties: { observedGeneration: { type: 'integer' } } };
    const schema = { type: 'object', properties: { spec: { type: 'object', properties: { a: { type: 'string' } } }, status } };
    await api.define(definition({ group, versions: [version('v1', schema as never, { subresources: { status: {} } })] }));
    const expected = { observedGeneration: -1 };
    const path = `${base(group)}/x`;
    const created = await api.done('POST', base(group), widget(group, 'x', { status: { observedGeneration: 7 } }));
    assert.deepEqual(created['status'], expected);
    assert.deepEqual((await api.get(path)).body['status'], expected);
    assert.deepEqual((await api.done('PUT', path, { ...created, spec: { a: 'b' } }))['status'], expected);
    assert.deepEqual((await api.get(base(group))).body.items[0]?.['status'], expected);
  });

  test('is refused for what its schema does not allow, in upstream’s words', async () => {
    const group = 'valid.example.com';
    const spec = {
      required: ['size'],
      properties: { size: { type: 'integer', minimum: 1 }, color: { type: 'string', enum: ['red', 'blue'] } },
    };
    await api.define(definition({ group, versions: [version('v1', objectOf(spec))] }));
    const refused = async (body: object): Promise<string> => {
      const { code, body: status } = await api.request('POST', base(group), widget(group, 'x', { spec: body }));
      assert.equal(code, 422);
      return status.message;
    };
    assert.equal(await refused({}), 'Widget.valid.example.com "x" is invalid: spec.size: Required value');
    assert.equal(
      await refused({ size: 0, color: 'green' }),
      'Widget.valid.example.com "x" is invalid: [spec.color: Unsupported value: "green": supported values: "red", "blue", spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1]',
    );
    assert.equal(
      await refused({ size: 'big' }),
      'Widget.valid.example.com "x" is invalid: spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
    );
    const other = await api.request('POST', base(group), widget(group, 'X_', { spec: { size: 1 } }));
    assert.match(other.body.message, /metadata\.name: Invalid value: "X_": a lowercase RFC 1123 subdomain/);
    const kind = await api.request('POST', base(group), widget(group, 'x', { spec: { size: 1 } }, 'Gadget'));
    assert.match(kind.body.message, /kind: Invalid value: "Gadget": must be Widget/);
  });

  test('keeps what was wrong before where an update does not touch it', async () => {
    const group = 'ratchet.example.com';
    await api.define(
      definition({ group, versions: [version('v1', objectOf({ properties: { a: { type: 'string' }, b: { type: 'string' } } }))] }),
    );
    await api.done('POST', base(group), widget(group, 'x', { spec: { a: 'wrong', b: 'x' } }));
    const path = `${DEFINITIONS}/widgets.${group}`;
    const crd = (await api.get(path)).body;
    const strict = objectOf({ properties: { a: { type: 'string', maxLength: 2 }, b: { type: 'string', maxLength: 2 } } });
    await api.done('PUT', path, { ...crd, spec: { ...crd.spec, versions: [version('v1', strict)] } });
    await api.done('PATCH', `${base(group)}/x`, { spec: { b: 'y' } }, MERGE);
    const refused = await api.request('PATCH', `${base(group)}/x`, { spec: { a: 'worse' } }, MERGE);
    assert.deepEqual(
      [refused.code, refused.body.message],
      [422, 'Widget.ratchet.example.com "x" is invalid: spec.a: Too long: may not be more than 2 bytes'],
    );
  });

  test('has status and scale endpoints where they are stated', async () => {
    const group = 'parts.example.com';
    const schema = objectOf(
      { properties: { replicas: { type: 'integer' } } },
      { properties: { replicas: { type: 'integer' }, selector: { type: 'string' } } },
    );
    const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' };
    await api.define(definition({ group, versions: [version('v1', schema, { subresources: { status: {}, scale } })] }));
    const created = await api.done('POST', base(group), widget(group, 'x', { spec: { replicas: 2 }, status: { replicas: 9 } }));
    assert.equal(created['status'], undefined);
    const status = await api.done(
      'PATCH',
      `${base(group)}/x/status`,
      { spec: { replicas: 7 }, status: { replicas: 1, selector: 'a=b' } },
      MERGE,
    );
    assert.deepEqual([status.spec, status.status, status.metadata['generation']], [{ replicas: 2 }, { replicas: 1, selector: 'a=b' }, 1]);
    const shown = (await api.get(`${base(group)}/x/scale`)).body;
    assert.deepEqual(
      [shown['apiVersion'], shown.spec, shown.status],
      ['autoscaling/v1', { replicas: 2 }, { replicas: 1, selector: 'a=b' }],
    );
    await api.done('PATCH', `${base(group)}/x/scale`, { spec: { replicas: 4 } }, MERGE);
    const scaled = (await api.get(`${base(group)}/x`)).body;
    assert.deepEqual([scaled.spec, scaled.metadata['generation']], [{ replicas: 4 }, 2]);
    const refused = await api.request('PATCH', `${base(group)}/x/status`, { status: { replicas: 'many' } }, MERGE);
    assert.match(refused.body.message, /status\.replicas: Invalid value: "string": replicas in body must be of type integer: "string"/);
    // Kinds of definitions are none that a scale could be read from, whatever is wrong with their objects.
    const foreign = await api.request('PUT', `${base(group)}/x/scale`, widget(group, 'x', { spec: 0 }));
    assert.deepEqual(
      [foreign.code, foreign.body.message.replace(/ in scheme .*/, '')],
      [400, `Widget in version "v1" cannot be handled as a Scale: no kind "Widget" is registered for version "${group}/v1"`],
    );
    const resources = (await api.get(`/apis/${group}/v1`)).body as unknown as { resources: readonly { name: string }[] };
    assert.deepEqual(
      resources.resources.map(({ name }) => name),
      ['widgets', 'widgets/status', 'widgets/scale'],
    );
    // The path of a part is read no further; a part that is not there, and one of no namespace, are not found.
    assert.deepEqual((await api.get(`${base(group)}/x/status/more/still`)).body, (await api.get(`${base(group)}/x/status`)).body);
    assert.equal((await api.get(`${base(group)}/x/other/more`)).body.message, `widgets.${group} "x" not found`);
    assert.equal((await api.get(`/apis/${group}/v1/widgets/x/other`)).text, '404 page not found\n');
    await api.done('POST', base(group), widget(group, 'none', { spec: {} }));
    const missing = await api.get(`${base(group)}/none/scale`);
    assert.deepEqual(
      [missing.code, missing.body.message],
      [500, 'Internal error occurred: the spec replicas field ".spec.replicas" does not exist'],
    );
  });

  test('prints the columns its definition states', async () => {
    const group = 'columns.example.com';
    const additionalPrinterColumns = [
      { name: 'Size', type: 'integer', jsonPath: '.spec.size' },
      { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp', priority: 1 },
    ];
    await api.define(definition({ group, versions: [version('v1', OPEN, { additionalPrinterColumns })] }));
    await api.done('POST', base(group), widget(group, 'x', { spec: { size: 3 } }));
    const table = (await api.get(base(group), { accept: TABLE })).body as unknown as {
      columnDefinitions: readonly { name: string }[];
      rows: readonly { cells: readonly unknown[] }[];
    };
    assert.deepEqual(
      table.columnDefinitions.map(({ name }) => name),
      ['Name', 'Size', 'Age'],
    );
    assert.deepEqual(table.rows[0]?.cells.slice(0, 2), ['x', 3]);
  });

  test('is selected by the fields its definition names', async () => {
    const group = 'select.example.com';
    const schema = objectOf({ properties: { color: { type: 'string' } } });
    await api.define(definition({ group, versions: [version('v1', schema, { selectableFields: [{ jsonPath: '.spec.color' }] })] }));
    for (const color of ['red', 'blue']) await api.done('POST', base(group), widget(group, color, { spec: { color } }));
    const found = await api.get(`${base(group)}?fieldSelector=spec.color%3Dblue`);
    assert.deepEqual(
      found.body.items.map(({ metadata }) => metadata['name']),
      ['blue'],
    );
    const refused = await api.get(`${base(group)}?fieldSelector=spec.size%3D1`);
    assert.deepEqual([refused.code, refused.body.message], [400, 'field label not supported: spec.size']);
  });

  test('has no protobuf form and no strategic merge', async () => {
    const group = 'forms.example.com';
    await api.define(definition({ group }));
    await api.done('POST', base(group), widget(group, 'x'));
    const protobuf = 'application/vnd.kubernetes.protobuf';
    assert.equal((await api.get(`${base(group)}/x`, { accept: protobuf })).code, 406);
    assert.equal((await api.get(`${base(group)}/x`, { accept: `${protobuf},application/json` })).code, 200);
    assert.equal((await api.get(`${base(group)}/x`, { accept: `${protobuf};as=PartialObjectMetadata;v=v1;g=meta.k8s.io` })).code, 200);
    assert.equal((await api.request('POST', base(group), 'k8s', { contentType: protobuf })).code, 415);
    const refused = await api.request('PATCH', `${base(group)}/x`, {}, { contentType: 'application/strategic-merge-patch+json' });
    assert.deepEqual(
      [refused.code, refused.body.message],
      [
        415,
        'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
      ],
    );
  });

  test('warns of what Warn lets through and refuses what Strict does not', async () => {
    const group = 'fields.example.com';
    await api.define(definition({ group, versions: [version('v1', objectOf({ properties: { a: { type: 'string' } } }))] }));
    const body = widget(group, 'x', { spec: { a: '1', b: 2 } });
    const warned = await api.request('POST', base(group), body);
    assert.deepEqual([warned.code, warned.warnings], [201, ['299 - "unknown field \\"spec.b\\""']]);
    const strict = await api.request('POST', `${base(group)}?fieldValidation=Strict`, body);
    assert.deepEqual(
      [strict.code, strict.body.message],
      [400, 'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec.b"'],
    );
    const twice = `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"d"},"spec":{"a":"1","a":"2"}}`;
    assert.match((await api.request('POST', `${base(group)}?fieldValidation=Strict`, twice)).body.message, /duplicate field "spec\.a"/);
    const patched = await api.request('PATCH', `${base(group)}/x?fieldValidation=Strict`, { spec: { c: 1 } }, MERGE);
    assert.deepEqual([patched.code, /unknown field "spec\.c"/.test(patched.body.message)], [422, true]);
    const applied = await api.request(
      'PATCH',
      `${base(group)}/y?fieldManager=m&fieldValidation=Strict`,
      widget(group, 'y', { spec: { z: 1 } }),
      {
        contentType: 'application/apply-patch+yaml',
      },
    );
    assert.deepEqual([applied.code, /\.spec\.z: field not declared in schema/.test(applied.body.message)], [500, true]);
  });

  test('is refused with what it says it is, with what is wrong with its metadata twice, and with numbers beyond a float64', async () => {
    const group = 'refusals.example.com';
    await api.define(definition({ group, versions: [version('v1', OPEN)] }));
    await api.done('POST', base(group), widget(group, 'x', { spec: {} }));
    const other = await api.request('PATCH', `${base(group)}/x`, { apiVersion: 'v9' }, MERGE);
    assert.equal(other.body.message, `Widget "x" is invalid: apiVersion: Invalid value: "v9": must be ${group}/v1`);
    const versionless = await api.request('PATCH', `${base(group)}/x`, { apiVersion: null }, MERGE);
    assert.deepEqual(
      [versionless.code, versionless.body.message],
      [500, "Internal error occurred: Object 'apiVersion' is missing in 'object has no apiVersion field'"],
    );
    const odd = await api.request('PATCH', `${base(group)}/x`, { apiVersion: 'a/b/c' }, MERGE);
    assert.deepEqual([odd.code, odd.body.message.endsWith(': unexpected GroupVersion string: a/b/c')], [422, true]);
    const kindless = await api.request('PATCH', `${base(group)}/x`, { kind: null }, MERGE);
    assert.deepEqual(
      [
        kindless.code,
        /^ "" is invalid: patch: Invalid value: .*: Object 'Kind' is missing in '\{"apiVersion":/.test(kindless.body.message),
      ],
      [422, true],
    );
    const renamed = await api.request('PATCH', `${base(group)}/x`, { metadata: { uid: '1' } }, MERGE);
    const { causes = [] } = (renamed.body as unknown as { details: { causes?: readonly { field: string }[] } }).details;
    assert.deepEqual(
      causes.map(({ field }) => field),
      ['metadata.uid', 'metadata.uid'],
    );
    assert.equal(renamed.body.message, `Widget.${group} "x" is invalid: metadata.uid: Invalid value: "1": field is immutable`);
    const endless = `{"apiVersion":"${group}/v1","kind":"Widget","metadata":{"name":"y"},"spec":{"text":"1e400","a":1e400}}`;
    assert.equal(
      (await api.request('POST', base(group), endless)).body.message,
      'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number 1e400 into Go value of type float64',
    );
    const yaml = await api.request('POST', base(group), endless, { contentType: 'application/yaml' });
    assert.deepEqual([yaml.code, yaml.body.spec], [201, { a: '1e400', text: '1e400' }]);
  });

  test('is not applied over fields of which the version of another owner knows nothing', async () => {
    const group = 'stale.example.com';
    const path = `${DEFINITIONS}/widgets.${group}`;
    const old = objectOf({ properties: { a: { type: 'string' } } });
    const both = (schema: object, served: boolean): object => ({
      versions: [version('v1', schema as never), version('v1beta1', old, { storage: false, served })],
    });
    await api.define(definition({ group, ...both(old, true) } as never));
    const apply = (v: string, manager: string, spec: object) =>
      api.request('PATCH', `${base(group, 'widgets', 'default', v)}/x?fieldManager=${manager}`, widget(group, 'x', { spec }, 'Widget', v), {
        contentType: 'application/apply-patch+yaml',
      });
    assert.equal((await apply('v1beta1', 'former', { a: 'A' })).code, 201);
    // The version is no longer served, and its owner is still there.
    const crd = (await api.get(path)).body;
    const grown = objectOf({ properties: { a: { type: 'string' }, b: { type: 'string', default: 'B' } } });
    await api.done('PUT', path, { ...crd, spec: { ...crd.spec, ...both(grown, false) } });
    const refused = await apply('v1', 'other', { a: 'A' });
    assert.deepEqual([refused.code, refused.body.message], [500, '.spec.b: field not declared in schema']);
    // Once nobody speaks of that version any more, it goes on.
    await api.done('PATCH', `${base(group)}/x`, { metadata: { managedFields: [{}] } }, MERGE);
    assert.equal((await apply('v1', 'other', { a: 'A' })).code, 200);
  });

  test('is applied on the server, its lists by their keys', async () => {
    const group = 'apply.example.com';
    const ports = {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, port: { type: 'integer' } } },
    };
    await api.define(definition({ group, versions: [version('v1', objectOf({ properties: { ports } }))] }));
    const apply = (manager: string, spec: object): Promise<{ spec: object }> =>
      api.done('PATCH', `${base(group)}/x?fieldManager=${manager}`, widget(group, 'x', { spec }), {
        contentType: 'application/apply-patch+yaml',
      });
    await apply('one', { ports: [{ name: 'a', port: 1 }] });
    assert.deepEqual((await apply('two', { ports: [{ name: 'b', port: 2 }] })).spec, {
      ports: [
        { name: 'a', port: 1 },
        { name: 'b', port: 2 },
      ],
    });
    const conflict = await api.request(
      'PATCH',
      `${base(group)}/x?fieldManager=three`,
      widget(group, 'x', { spec: { ports: [{ name: 'a', port: 9 }] } }),
      {
        contentType: 'application/apply-patch+yaml',
      },
    );
    assert.deepEqual(
      [conflict.code, conflict.body.message],
      [409, 'Apply failed with 1 conflict: conflict with "one": .spec.ports[name="a"].port'],
    );
    const twice = await api.request('POST', base(group), widget(group, 'z', { spec: { ports: [{ name: 'a' }, { name: 'a' }] } }));
    assert.match(twice.body.message, /spec\.ports\[1\]: Duplicate value: \{"name":"a"\}/);
  });

  test('tells of deprecated versions, and each version serves the objects of the others', async () => {
    const group = 'versions.example.com';
    const versions = [
      version('v1beta1', OPEN, { storage: false, deprecated: true }),
      version('v1', OPEN),
      version('v0', OPEN, { storage: false, served: false }),
    ];
    await api.define(definition({ group, versions }));
    const { warnings } = await api.request(
      'POST',
      base(group, 'widgets', 'default', 'v1beta1'),
      widget(group, 'x', {}, 'Widget', 'v1beta1'),
    );
    assert.deepEqual(warnings, ['299 - "versions.example.com/v1beta1 Widget is deprecated; use versions.example.com/v1 Widget"']);
    assert.equal((await api.get(`${base(group)}/x`)).body['apiVersion'], `${group}/v1`);
    assert.equal((await api.get(base(group, 'widgets', 'default', 'v1beta1'))).body.items[0]?.['apiVersion'], `${group}/v1beta1`);
    assert.equal((await api.get(base(group, 'widgets', 'default', 'v0'))).code, 404);
    const groupDocument = (await api.get(`/apis/${group}`)).body as unknown as { preferredVersion: { version: string } };
    assert.equal(groupDocument.preferredVersion.version, 'v1');
  });
});

test('an object whose metadata was spoilt in the store is shown without what cannot be read, and can be deleted', async () => {
  const group = 'spoilt.example.com';
  const api = await Api.start();
  const whole = { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true };
  await api.define(definition({ group, versions: [version('v1', objectOf({ properties: { whole } }))] }));
  const spoilt = { annotations: { a: 7 }, labels: { b: 'c' }, unknown: 1 };
  const value = widget(group, 'x', { spec: { whole: { apiVersion: 7, kind: 'K', metadata: { ...spoilt, name: 'y' } } } });
  const metadata = { name: 'x', ...spoilt, namespace: 'default', uid: 'u' };
  await api.test.store.transact({
    conditions: [],
    operations: [{ kind: 'put', key: `/registry/${group}/widgets/default/x`, value: Buffer.from(JSON.stringify({ ...value, metadata })) }],
    readOnFailure: [],
  });
  const { resourceVersion, ...shown } = (await api.done('GET', `${base(group)}/x`)).metadata;
  assert.deepEqual(shown, { name: 'x', namespace: 'default', uid: 'u', generation: 1, labels: { b: 'c' } });
  const { items } = await api.done('GET', base(group));
  assert.deepEqual(items[0]?.spec, { whole: { kind: 'K', metadata: { name: 'y', labels: { b: 'c' } } } });
  await api.done('DELETE', `${base(group)}/x`);
  assert.equal((await api.get(`${base(group)}/x`)).code, 404);
  await api.stop();
});

test('custom resources are there again before a server that starts anew is ready', async () => {
  const group = 'restart.example.com';
  const first = await Api.start();
  await first.define(definition({ group }));
  await first.done('POST', base(group), widget(group, 'x', { spec: { a: 1 } }));
  await first.test.server.stop();
  const second = await Api.start({ store: first.test.store });
  assert.deepEqual((await second.get(`${base(group)}/x`)).body.spec, { a: 1 });
  assert.equal((await second.get(base(group))).body.items.length, 1);
  await second.stop();
  await first.stop();
});
