import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { apiservices, configmaps, namespaces, services } from '#api/resources.ts';
import type { APIService } from '#api/types.ts';
import { findCondition } from '#api/conditions.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { Api, definition } from '../extensions/testing.ts';
import { ADMIN } from '../testing.ts';
import { http1, json, text } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { createTestAuthority, type TestAuthority } from '../testing/certificates.ts';
import { startHttpsServer, type HttpsServer } from '../testing/https-server.ts';

const GROUP = 'wardle.example.com';
const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

let api: Api;
let client: Client;
let proxyAuthority: TestAuthority;
let remote: HttpsServer;
/** What the aggregated server does at the moment. */
let behaves: 'well' | 'badly' | 'as of old' = 'well';

const version = {
  version: 'v1',
  resources: [
    {
      resource: 'flunders',
      responseKind: { group: GROUP, version: 'v1', kind: 'Flunder' },
      scope: 'Namespaced',
      singularResource: 'flunder',
      verbs: ['get'],
    },
  ],
};
const list = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: `${GROUP}/v1`,
  resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get'] }],
};

const swagger = {
  swagger: '2.0',
  info: { title: 'wardle', version: 'v1' },
  paths: {
    [`/apis/${GROUP}/v1/flunders`]: {
      parameters: [{ $ref: '#/parameters/pretty' }],
      get: {
        description: 'd',
        schemes: ['https'],
        tags: ['t'],
        operationId: 'listFlunders',
        responses: { 200: { description: 'OK', schema: { $ref: '#/definitions/com.example.Flunder' } } },
      },
    },
    '/version/': { get: { operationId: 'mine', responses: {} } },
  },
  parameters: { pretty: { in: 'query', name: 'pretty', type: 'string', uniqueItems: true, description: 'p' } },
  definitions: {
    'com.example.Flunder': {
      type: 'object',
      properties: { metadata: { $ref: '#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } },
    },
    'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta': { type: 'object', description: 'of an older release' },
    'com.example.Unused': { type: 'object' },
  },
};

before(async () => {
  proxyAuthority = await createTestAuthority(systemClock.now());
  const proxyClient = await proxyAuthority.client({ name: 'front-proxy-client', groups: [] });
  api = await Api.start({
    store: new MemoryStore(systemClock),
    options: {
      serviceRouting: 'clusterIP',
      aggregation: {
        proxyCertificate: () => proxyClient,
        trust: { clientCa: 'none', frontProxy: { ca: proxyAuthority.certificate, allowedNames: ['front-proxy-client'] } },
      },
    },
  });
  client = createClient(api.test.server.loopback(ADMIN));
  remote = await startHttpsServer(
    api.test.authority,
    ({ path, headers, body, method }, answer) => {
      const [plain = ''] = path.split('?');
      if (behaves === 'badly') return answer.text(500, 'out of order');
      if (plain === '/apis' && behaves === 'well') {
        if (headers['if-none-match'] === '"one"') return answer.text(304, '');
        const document = {
          kind: 'APIGroupDiscoveryList',
          apiVersion: 'apidiscovery.k8s.io/v2',
          items: [{ metadata: { name: GROUP }, versions: [version] }],
        };
        return answer.text(200, JSON.stringify(document), { 'content-type': AGGREGATED, etag: '"one"' });
      }
      if (plain === '/apis') return answer.text(406, 'no');
      if (plain === `/apis/${GROUP}/v1`) return answer.json(200, list);
      if (plain === '/openapi/v2')
        return headers['if-none-match'] === '"spec"' ? answer.text(304, '') : answer.json(200, swagger, { etag: '"spec"' });
      if (plain === '/openapi/v3')
        return answer.json(200, {
          paths: {
            [`apis/${GROUP}/v1`]: { serverRelativeURL: `/openapi/v3/apis/${GROUP}/v1?hash=ABC` },
            version: { serverRelativeURL: '/x' },
          },
        });
      if (path.includes('watch=')) return answer.json(200, { type: 'ADDED', object: { kind: 'Flunder', metadata: { name: 'a' } } });
      if (plain.endsWith('/redirect')) return answer.text(302, '', { location: 'https://elsewhere.example.com/' });
      return answer.json(method === 'POST' ? 201 : 200, { path, headers, body }, { 'x-own': 'yes' });
    },
    {
      dns: ['wardle.ns.svc'],
      clientCa: proxyAuthority.certificate,
      upgrade: (request, socket) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n');
        socket.write(`${request.url} ${request.headers['x-remote-user']} `);
        socket.pipe(socket);
      },
    },
  );
  await client.create(namespaces, { metadata: { name: 'ns' } });
});
after(async () => {
  await api.stop();
  await remote.stop();
});

/** Resolves as soon as an object holds what is asked; by events. */
function until<T>(
  resource: Resource<T>,
  name: string,
  namespace: string | undefined,
  holds: (object: T | undefined) => boolean,
): Promise<void> {
  const { reader } = api.test.server;
  const look = (): boolean => holds(namespace === undefined ? reader.get(resource, name) : reader.get(resource, name, namespace));
  return new Promise((resolve) => {
    if (look()) return resolve();
    const remove = reader.onChange(resource, () => {
      if (!look()) return;
      remove();
      resolve();
    });
  });
}

const condition = (service: APIService | undefined) => findCondition(service?.status.conditions, 'Available');
const reasonIs =
  (reason: string) =>
  (service: APIService | undefined): boolean =>
    condition(service)?.reason === reason;

const register = (over: object = {}): Promise<unknown> =>
  client.create(apiservices, {
    metadata: { name: `v1.${GROUP}` },
    spec: {
      group: GROUP,
      version: 'v1',
      groupPriorityMinimum: 2_000,
      versionPriority: 200,
      caBundle: Buffer.from(api.test.authority.certificate).toString('base64'),
      service: { namespace: 'ns', name: 'wardle', port: remote.port },
      ...over,
    },
  } as never);

const backend = { metadata: { name: 'wardle', namespace: 'ns' }, spec: { type: 'ExternalName', externalName: 'localhost' } };

describe('APIServices of this server', () => {
  test('are registered, those of definitions as long as there are any', async () => {
    for (const [name, priority] of [
      ['v1.', [18_000, 1]],
      ['v1.apps', [17_800, 15]],
      ['v2.autoscaling', [17_500, 30]],
    ] as const) {
      await until(apiservices, name, undefined, reasonIs('Local'));
      const { spec, metadata } = (await client.get(apiservices, { name })) as APIService;
      assert.deepEqual(
        [[spec.groupPriorityMinimum, spec.versionPriority], metadata.labels],
        [priority, { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' }],
      );
    }
    await api.define(definition({ group: 'custom.example.com' }));
    await until(apiservices, 'v1.custom.example.com', undefined, reasonIs('Local'));
    await client.delete(apiservices, { name: 'v1.custom.example.com' });
    await until(apiservices, 'v1.custom.example.com', undefined, reasonIs('Local'));
    await api.done('DELETE', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.custom.example.com');
    await until(apiservices, 'v1.custom.example.com', undefined, (found) => found === undefined);
  });

  test('and what others need to trust its proxy is published', async () => {
    await client.create(namespaces, { metadata: { name: 'kube-system' } });
    await until(configmaps, 'extension-apiserver-authentication', 'kube-system', (map) => map !== undefined);
    await client.delete(configmaps, { name: 'extension-apiserver-authentication', namespace: 'kube-system' });
    await until(configmaps, 'extension-apiserver-authentication', 'kube-system', (map) =>
      (map?.data?.['requestheader-client-ca-file'] ?? '').includes('BEGIN CERTIFICATE'),
    );
  });
});

describe('an APIService of another server', () => {
  const path = `/apis/${GROUP}/v1/namespaces/ns/flunders`;

  test('is unavailable while its Service is missing or leads nowhere', async () => {
    await register({ service: { namespace: 'ns', name: 'wardle', port: 1 } });
    await until(apiservices, `v1.${GROUP}`, undefined, reasonIs('ServiceNotFound'));
    const refused = await http1(api.test, path);
    assert.deepEqual(
      [refused.status, text(refused), refused.headers['content-type']],
      [503, 'service unavailable\n', 'text/plain; charset=utf-8'],
    );
    const group = json<{ groups: readonly { name: string }[] }>(await http1(api.test, '/apis')).groups.find(({ name }) => name === GROUP);
    assert.ok(group, 'the group is known all the same');
    await client.create(services, backend as never);
    await until(apiservices, `v1.${GROUP}`, undefined, reasonIs('FailedDiscoveryCheck'));
    const { message } = condition((await client.get(apiservices, { name: `v1.${GROUP}` })) as APIService) as { message?: string };
    assert.match(
      message ?? '',
      /^failing or missing response from (https:\/\/localhost:1\/apis\/wardle\.example\.com\/v1): Get "\1": dial tcp localhost:1: connect: connection refused$/,
    );
  });

  test('becomes available as soon as it answers, asked as the aggregator', async () => {
    await client.patch(apiservices, { name: `v1.${GROUP}` }, { type: 'merge', body: { spec: { service: { port: remote.port } } } });
    await until(apiservices, `v1.${GROUP}`, undefined, reasonIs('Passed'));
    const probe = remote.requests.find((request) => request.path === `/apis/${GROUP}/v1`);
    assert.deepEqual(
      [probe?.headers['x-remote-user'], probe?.headers['x-remote-group'], probe?.clientName],
      ['system:kube-aggregator', 'system:masters', 'front-proxy-client'],
    );
  });

  test('keeps its condition, and those of others', async () => {
    const conditions = [{ type: 'StatusPatched', status: 'True', reason: 'E2E', message: 'by somebody else' }];
    await client.patch(
      apiservices,
      { name: `v1.${GROUP}` },
      { type: 'merge', body: { status: { conditions } } },
      { subresource: 'status' },
    );
    await until(apiservices, `v1.${GROUP}`, undefined, reasonIs('Passed'));
    const { status } = (await client.get(apiservices, { name: `v1.${GROUP}` })) as APIService;
    assert.deepEqual(
      status.conditions?.map(({ type }) => type),
      ['StatusPatched', 'Available'],
    );
  });

  test('gets requests in the name of their users, without their credentials', async () => {
    const answer = await http1(api.test, `${path}?labelSelector=a%3Db`, {
      method: 'POST',
      headers: {
        'x-remote-user': 'mallory',
        authorization: 'Bearer secret',
        'x-mine': 'kept',
        accept: 'application/vnd.other',
        'content-type': 'text/x',
      },
      body: 'anything',
    });
    assert.deepEqual([answer.status, answer.headers['x-own']], [201, 'yes']);
    const { headers, ...seen } = json<{ path: string; headers: Record<string, string>; body: string }>(answer);
    assert.deepEqual(seen, { path: `${path}?labelSelector=a%3Db`, body: 'anything' });
    assert.deepEqual(
      [headers['x-remote-user'], headers['x-remote-group'], headers['authorization'], headers['x-mine'], headers['accept']],
      ['admin', 'system:masters, system:authenticated', undefined, 'kept', 'application/vnd.other'],
    );
    assert.match(headers['audit-id'] ?? '', /^[0-9a-f-]{36}$/);
  });

  test('has its upgrades passed through', async () => {
    const { authority, admin, url } = api.test;
    const { port } = new URL(url);
    const socket = connect({
      host: '127.0.0.1',
      port: Number(port),
      ca: authority.certificate,
      cert: admin.certificate,
      key: admin.key,
      servername: 'localhost',
    });
    socket.write(`GET ${path}/x/connect HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n`);
    let heard = '';
    for await (const chunk of socket) {
      heard += String(chunk);
      if (heard.includes('admin ') && !heard.includes('echo')) socket.write('echo');
      if (heard.includes('echo')) break;
    }
    assert.match(heard, /^HTTP\/1\.1 101 .*\r\n\r\n\/apis\/wardle\.example\.com\/v1\/namespaces\/ns\/flunders\/x\/connect admin echo$/s);
  });

  test('answers callers in this process too, and those who watch', async () => {
    const resource: Resource<{ path: string; headers: Record<string, string> }> = {
      group: GROUP,
      version: 'v1',
      resource: 'flunders',
      kind: 'Flunder',
      namespaced: true,
    };
    const seen = await client.get(resource, { name: 'a', namespace: 'ns' });
    assert.deepEqual([seen.path, seen.headers['x-remote-user']], [`${path}/a`, 'admin']);
    assert.deepEqual(await client.getPath(`/apis/${GROUP}/v1`), list);
    const events: unknown[] = [];
    for await (const event of client.watch(resource, { namespace: 'ns' })) events.push(event);
    assert.deepEqual(events, [{ type: 'ADDED', object: { kind: 'Flunder', metadata: { name: 'a' } } }]);
  });

  test('is not followed elsewhere', async () => {
    const answer = await http1(api.test, `${path}/redirect`);
    assert.deepEqual([answer.status, text(answer)], [502, 'the backend attempted to redirect this request, which is not permitted\n']);
  });

  const discovered = async (): Promise<object | undefined> => {
    const { items } = json<{ items: readonly { metadata: { name?: string }; versions: readonly object[] }[] }>(
      await http1(api.test, '/apis', { headers: { accept: AGGREGATED } }),
    );
    return items.find(({ metadata }) => metadata.name === GROUP)?.versions[0];
  };
  /** Discovery follows its own queue: a change of the object makes it look, and another look comes after each. */
  const discoveredAs = async (freshness: string): Promise<object | undefined> => {
    for (;;) {
      const found = (await discovered()) as { readonly freshness?: string; readonly resources?: object } | undefined;
      if (found?.freshness === freshness && found.resources !== undefined) return found;
    }
  };

  test('is discovered in all forms, by its priority', async () => {
    assert.deepEqual(await discoveredAs('Current'), { ...version, freshness: 'Current' });
    const { groups } = json<{ groups: readonly { name: string }[] }>(await http1(api.test, '/apis'));
    const names = groups.map(({ name }) => name);
    assert.deepEqual([names[0], names.at(-1)], ['apiregistration.k8s.io', GROUP]);
    assert.deepEqual(json(await http1(api.test, `/apis/${GROUP}`)), {
      kind: 'APIGroup',
      apiVersion: 'v1',
      name: GROUP,
      versions: [{ groupVersion: `${GROUP}/v1`, version: 'v1' }],
      preferredVersion: { groupVersion: `${GROUP}/v1`, version: 'v1' },
    });
    assert.deepEqual(json(await http1(api.test, `/apis/${GROUP}/v1`)), list);
  });

  test('has its types described beside all others', async () => {
    // Fetched in its own time: each look at the index is a request that gives it a turn.
    for (;;) {
      const { paths } = json<{ paths: Record<string, { serverRelativeURL: string }> }>(await http1(api.test, '/openapi/v3'));
      if (paths[`apis/${GROUP}/v1`] === undefined) continue;
      assert.deepEqual(paths[`apis/${GROUP}/v1`], { serverRelativeURL: `/openapi/v3/apis/${GROUP}/v1?hash=ABC` });
      assert.match(paths['version']?.serverRelativeURL ?? '', /^\/openapi\/v3\/version\?hash=/);
      break;
    }
    assert.equal(json(await http1(api.test, `/openapi/v3/apis/${GROUP}/v1?hash=ABC`))['path'], `/openapi/v3/apis/${GROUP}/v1?hash=ABC`);
    const { paths, definitions } = json<{
      paths: Record<string, { get?: { operationId: string }; parameters?: object[] }>;
      definitions: Record<string, { properties?: object; description?: string }>;
    }>(await http1(api.test, '/openapi/v2'));
    assert.deepEqual(paths[`/apis/${GROUP}/v1/flunders`]?.parameters, [swagger.parameters.pretty]);
    assert.notEqual(paths['/version/']?.get?.operationId, 'mine');
    const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
    assert.deepEqual(definitions['com.example.Flunder']?.properties, { metadata: { $ref: `#/definitions/${meta}_v2` } });
    assert.equal(definitions[`${meta}_v2`]?.description, 'of an older release');
    assert.notEqual(definitions[meta]?.description, 'of an older release');
    assert.equal(definitions['com.example.Unused'], undefined);
    const proto = await http1(api.test, '/openapi/v2', {
      headers: { accept: 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf' },
    });
    assert.equal(proto.status, 200);
    assert.ok(proto.body.includes('com.example.Flunder'));
  });

  const touch = (): Promise<unknown> =>
    client.patch(
      apiservices,
      { name: `v1.${GROUP}` },
      { type: 'merge', body: { spec: { versionPriority: 200 + remote.requests.length } } },
    );

  test('is stale in discovery when it fails, and unavailable; discovery of all others goes on', async () => {
    behaves = 'badly';
    await touch();
    await until(apiservices, `v1.${GROUP}`, undefined, reasonIs('FailedDiscoveryCheck'));
    assert.deepEqual(await discoveredAs('Stale'), { ...version, freshness: 'Stale' });
    assert.equal((await http1(api.test, path)).status, 503);
    assert.match(text(await http1(api.test, '/metrics')), /^aggregator_unavailable_apiservice\{name="v1\.wardle\.example\.com"\} 1$/m);
    assert.match(
      text(await http1(api.test, '/metrics')),
      /^aggregator_unavailable_apiservice_total\{name="v1\.wardle\.example\.com",reason="FailedDiscoveryCheck"\} 1$/m,
    );
  });

  test('is discovered the old way where it knows no other, and gone when its APIService is', async () => {
    behaves = 'as of old';
    await touch();
    await until(apiservices, `v1.${GROUP}`, undefined, reasonIs('Passed'));
    const found = (await discoveredAs('Current')) as { readonly resources: readonly { readonly resource: string }[] };
    assert.deepEqual(
      found.resources.map(({ resource }) => resource),
      ['flunders'],
    );
    await client.delete(apiservices, { name: `v1.${GROUP}` });
    assert.equal((await http1(api.test, `/apis/${GROUP}`)).status, 404);
    assert.equal((await http1(api.test, path)).status, 404);
  });
});
