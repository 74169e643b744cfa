import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { parseYaml } from '#apimachinery/yaml.ts';
import { systemClock } from '#base/clock.ts';
import { Schema } from '#api/schema.ts';
import { startTestServer, type TestServer } from '../testing.ts';
import { http1, json, text } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { groupDiscovery } from './aggregated.ts';
import { apiResourceList } from './legacy.ts';

interface Resources {
  readonly resources: readonly { readonly name: string; readonly storageVersionHash?: string; readonly group?: string }[];
}

const schema = new Schema();
const rows = (group: string, version: string, of = schema): Resources['resources'] =>
  (apiResourceList(of, group, version) as unknown as Resources).resources;

describe('apiResourceList', () => {
  // As every cluster shows them; sha256 of the kind that upstream stores.
  for (const [group, version, name, hash] of [
    ['', 'v1', 'pods', 'xPOwRZ+Yhw8='],
    ['', 'v1', 'namespaces', 'Q3oi5N2YM8M='],
    ['', 'v1', 'events', 'r2yiGXH7wu8='],
    ['events.k8s.io', 'v1', 'events', 'r2yiGXH7wu8='],
    ['apps', 'v1', 'deployments', '8aSe+NMegvE='],
    ['apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'jfWCUB31mvA='], // of v1beta1
    ['admissionregistration.k8s.io', 'v1', 'mutatingadmissionpolicies', 'LYmCf+UMVdg='],
    ['admissionregistration.k8s.io', 'v1', 'mutatingadmissionpolicybindings', '90V5FRZZ3Zg='],
    ['resource.k8s.io', 'v1beta2', 'devicetaintrules', 'DJ3UJ0fj8MI='], // of v1alpha3
  ] as const) {
    test(`gives the storage version hash of ${name} in ${group}/${version}`, () => {
      const all = new Schema({ serves: () => true });
      assert.equal(rows(group, version, all).find((row) => row.name === name)?.storageVersionHash, hash);
    });
  }

  test('gives none for what is not stored', () => {
    assert.deepEqual(
      rows('', 'v1')
        .filter(({ name, storageVersionHash }) => !name.includes('/') && storageVersionHash === undefined)
        .map(({ name }) => name),
      ['bindings', 'componentstatuses'],
    );
  });

  test('names the group of a kind from elsewhere', () => {
    const group = (name: string): string | undefined => rows('', 'v1').find((row) => row.name === name)?.group;
    assert.deepEqual(
      [group('pods/eviction'), group('replicationcontrollers/scale'), group('pods/status')],
      ['policy', 'autoscaling', undefined],
    );
  });

  test('is in the order of names', () =>
    assert.deepEqual(
      rows('apps', 'v1').map(({ name }) => name),
      rows('apps', 'v1')
        .map(({ name }) => name)
        .toSorted(),
    ));
});

test('groupDiscovery leaves group and version of own kinds empty, as upstream does', () => {
  const apps = groupDiscovery(schema, 'named').items.find(({ metadata }) => metadata?.name === 'apps');
  assert.deepEqual(
    apps?.versions?.[0]?.resources?.find(({ resource }) => resource === 'deployments'),
    {
      resource: 'deployments',
      responseKind: { group: '', version: '', kind: 'Deployment' },
      scope: 'Namespaced',
      singularResource: 'deployment',
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
      shortNames: ['deploy'],
      categories: ['all'],
      subresources: [
        { subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get', 'patch', 'update'] },
        { subresource: 'status', responseKind: { group: '', version: '', kind: 'Deployment' }, verbs: ['get', 'patch', 'update'] },
      ],
    },
  );
});

describe('discovery paths', () => {
  let server: TestServer;
  let changing: Schema;
  before(async () => {
    changing = new Schema();
    server = await startTestServer({ store: new MemoryStore(systemClock), options: { schema: changing } });
  });
  after(() => server.stop());

  const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
  const get = (path: string, headers: Record<string, string> = {}): ReturnType<typeof http1> => http1(server, path, { headers });

  test('say what there is', async () => {
    const api = json<{ kind: string; versions: string[]; serverAddressByClientCIDRs: object[] }>(await get('/api'));
    assert.deepEqual([api.kind, api.versions, api.serverAddressByClientCIDRs.length], ['APIVersions', ['v1'], 1]);
    const groups = json<{ groups: { name: string; preferredVersion: object }[] }>(await get('/apis'));
    assert.deepEqual(groups.groups[1], {
      name: 'apps',
      versions: [{ groupVersion: 'apps/v1', version: 'v1' }],
      preferredVersion: { groupVersion: 'apps/v1', version: 'v1' },
    });
    assert.equal(json(await get('/apis/apps'))['kind'], 'APIGroup');
    assert.equal(json(await get('/apis/apps/v1'))['kind'], 'APIResourceList');
    for (const path of ['/apis/nothing', '/apis/apps/v2', '/api/v2']) assert.equal((await get(path)).status, 404);
  });

  test('speak YAML, protobuf and to people', async () => {
    assert.match(text(await get('/apis/apps/v1', { accept: 'application/yaml' })), /^groupVersion: apps\/v1$/m);
    assert.equal((await get('/apis/apps/v1', { accept: 'application/vnd.kubernetes.protobuf' })).body.subarray(0, 3).toString(), 'k8s');
    assert.match(text(await get('/apis/apps/v1?pretty=true')), /^ {2}"kind": "APIResourceList",$/m);
    assert.equal((await get('/apis/apps/v1', { accept: 'text/html' })).status, 406);
  });

  test('answer clients that know aggregated discovery with one document and a tag for it', async () => {
    for (const path of ['/api', '/apis']) {
      const first = await get(path, { accept: `${AGGREGATED},application/json` });
      assert.deepEqual(
        [first.headers['content-type'], first.headers['vary'], json(first)['kind']],
        [AGGREGATED, 'Accept', 'APIGroupDiscoveryList'],
      );
      const again = await get(path, { accept: AGGREGATED, 'if-none-match': String(first.headers['etag']) });
      assert.deepEqual([again.status, again.body.length], [304, 0]);
      assert.notEqual(json(await get(path, { accept: `application/json,${AGGREGATED}` }))['kind'], 'APIGroupDiscoveryList');
    }
  });

  test('say all in one document in YAML and protobuf too', async () => {
    const json_ = await get('/apis', { accept: AGGREGATED });
    const yaml = await get('/apis', { accept: AGGREGATED.replace('json', 'yaml') });
    assert.equal(yaml.headers['content-type'], AGGREGATED.replace('json', 'yaml'));
    assert.deepEqual(parseYaml(text(yaml)), json(json_));
    const protobuf = await get('/apis', { accept: AGGREGATED.replace('json', 'vnd.kubernetes.protobuf') });
    assert.deepEqual(
      [protobuf.headers['content-type'], protobuf.headers['etag']],
      [AGGREGATED.replace('json', 'vnd.kubernetes.protobuf'), json_.headers['etag']],
    );
    const list = kubeProtobuf(changing).decode(protobuf.body, 'APIGroupDiscoveryList') as {
      readonly items: readonly { readonly metadata: { readonly name: string } }[];
    };
    const names = ({ items }: typeof list): readonly string[] => items.map(({ metadata }) => metadata.name);
    assert.deepEqual(names(list), names(json(json_)));
    assert.equal((await get('/apis', { accept: AGGREGATED.replace('v2', 'v2beta1') })).status, 406);
  });

  test('follow the schema', async () => {
    const before = await get('/apis', { accept: AGGREGATED });
    const lease = changing.resource({ group: 'coordination.k8s.io', version: 'v1', resource: 'leases' });
    assert.ok(lease !== undefined);
    changing.add({ ...lease, group: 'example.com', version: 'v1beta1', resource: 'widgets', kind: 'Widget', origin: 'custom' });
    const now = await get('/apis', { accept: AGGREGATED });
    assert.notEqual(now.headers['etag'], before.headers['etag']);
    assert.match(text(now), /"responseKind":\{"group":"example\.com","version":"v1beta1","kind":"Widget"\}/);
    assert.equal((await get('/apis/example.com/v1beta1')).status, 200);
    changing.remove({ group: 'example.com', version: 'v1beta1', resource: 'widgets' });
    assert.equal((await get('/apis/example.com')).status, 404);
  });
});

test('the groups are told by whatever method they are asked for, versions by GET alone', async () => {
  const server = await startTestServer();
  try {
    const codes = async (path: string): Promise<readonly number[]> =>
      Promise.all(
        ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map(async (method) => (await http1(server, path, { method })).status),
      );
    for (const path of ['/apis', '/apis/', '/apis/apps']) assert.deepEqual(await codes(path), [200, 200, 200, 200, 200, 200, 200], path);
    assert.deepEqual(await codes('/apis/apps/v1'), [200, 405, 405, 405, 405, 405, 405]);
    assert.deepEqual(
      json(await http1(server, '/apis', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } })),
      json(await http1(server, '/apis')),
    );
  } finally {
    await server.stop();
  }
});
