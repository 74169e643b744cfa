import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import {
  clusterrolebindings,
  clusterroles,
  configmaps,
  namespaces,
  pods,
  resourcequotas,
  rolebindings,
  roles,
  serviceaccounts,
} from '#api/resources.ts';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { defaultParts, ensureDefaults } from './defaults.ts';
import type { ApiServer } from './server-contract.ts';
import { createApiServer } from './server.ts';
import { createTestAuthority, type TestAuthority } from './testing/certificates.ts';
import { MemoryStore } from './testing/memory-store.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const MASTER = { name: 'admin', groups: ['system:masters'] };

let server: ApiServer;
let store: MemoryStore;
let authority: TestAuthority;
let admin: Client;

before(async () => {
  store = new MemoryStore(systemClock);
  authority = await createTestAuthority(systemClock.now());
  const serving = await authority.serving({ dns: ['localhost'], ip: ['127.0.0.1'] });
  const key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  server = createApiServer({
    store,
    clock: systemClock,
    ids: randomIds,
    logger: silentLogger,
    listen: { host: '127.0.0.1', port: 0, tls: { serving, clientCa: authority.certificate } },
    parts: (parts) => {
      const serviceAccounts = { issuer: ISSUER, signingKey: key, jwksUri: 'https://127.0.0.1/openid/v1/jwks' };
      return defaultParts(parts, { authentication: { clientCa: authority.certificate, serviceAccounts } });
    },
  });
  await server.start();
  admin = createClient(server.loopback(MASTER));
  await ensureDefaults(admin, { clock: systemClock, logger: silentLogger });
  await admin.create(serviceaccounts, { metadata: { name: 'default', namespace: 'default' } });
});

after(async () => {
  await server.stop();
  await store.close();
});

interface Reply {
  readonly code: number;
  readonly body: { readonly message?: string; readonly status?: unknown; readonly metadata?: { readonly name?: string } } & Record<
    string,
    unknown
  >;
}

interface Call {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly as?: { readonly certificate: string; readonly key: string };
}

function call(path: string, { method = 'GET', headers = {}, body, as }: Call = {}): Promise<Reply> {
  const { host, port } = server.address as { host: string; port: number };
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host,
        port,
        path,
        method,
        ca: authority.certificate,
        agent: false,
        headers: { 'content-type': 'application/json', ...headers },
        ...(as === undefined ? {} : { cert: as.certificate, key: as.key }),
      },
      (answer) => {
        const chunks: Buffer[] = [];
        answer.on('data', (chunk: Buffer) => chunks.push(chunk));
        answer.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          resolve({ code: answer.statusCode ?? 0, body: text.startsWith('{') ? (JSON.parse(text) as Reply['body']) : { message: text } });
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

const as = (name: string, ...groups: string[]): Client => createClient(server.loopback({ name, groups }));
const review = async (user: string, groups: string[], resourceAttributes: object): Promise<unknown> => {
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec: { user, groups, resourceAttributes } };
  const cert = await authority.client(MASTER);
  return (
    (await call('/apis/authorization.k8s.io/v1/subjectaccessreviews', { method: 'POST', body, as: cert })).body.status as {
      allowed: boolean;
    }
  ).allowed;
};

test('a server with defaults has the system namespaces and roles', async () => {
  const names = (await admin.list(namespaces)).items.map(({ metadata }) => metadata.name).toSorted();
  assert.deepEqual(names, ['default', 'kube-node-lease', 'kube-public', 'kube-system']);
  assert.equal((await admin.list(clusterroles)).items.length, 69);
});

test('an access review tells who wrote it, and may say what only the server sets', async () => {
  const spec = { nonResourceAttributes: { path: '/', verb: 'get' } };
  const metadata = { creationTimestamp: '2020-01-01T00:00:00Z', managedFields: [] };
  const body = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', metadata, spec };
  const cert = await authority.client(MASTER);
  const answer = await call('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews?fieldManager=me', { method: 'POST', body, as: cert });
  const { metadata: answered } = answer.body as unknown as { metadata: { managedFields: { manager: string; fieldsV1: object }[] } };
  assert.deepEqual(
    answered.managedFields.map(({ manager, fieldsV1 }) => [manager, fieldsV1]),
    [['me', { 'f:spec': { 'f:nonResourceAttributes': { '.': {}, 'f:path': {}, 'f:verb': {} } } }]],
  );
  assert.deepEqual(Object.keys(answered), ['managedFields']);
});

test('a client certificate gives its user what its roles allow', async () => {
  const cert = await authority.client({ name: 'jane', groups: ['dev'] });
  const refused = await call('/api/v1/namespaces/default/pods', { as: cert });
  assert.equal(refused.code, 403);
  assert.equal(
    refused.body.message,
    'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "default"',
  );
  await admin.create(rolebindings, {
    metadata: { name: 'devs', namespace: 'default' },
    subjects: [{ kind: 'Group', apiGroup: 'rbac.authorization.k8s.io', name: 'dev' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view' },
  });
  assert.equal((await call('/api/v1/namespaces/default/pods', { as: cert })).code, 200);
  assert.equal((await call('/api/v1/namespaces/default/secrets', { as: cert })).code, 403);
  assert.equal((await call('/api/v1/namespaces/kube-system/pods', { as: cert })).code, 403);
});

test('nobody in particular may look at the version only', async () => {
  assert.equal((await call('/version')).code, 200);
  assert.equal((await call('/api')).body.message, 'forbidden: User "system:anonymous" cannot get path "/api"');
  assert.equal((await call('/api', { headers: { authorization: 'Bearer nonsense' } })).code, 401);
});

test('a service account gets a token, and is known by it', async () => {
  const pod = { metadata: { name: 'p', namespace: 'default' }, spec: { containers: [{ name: 'c', image: 'x' }] } };
  const created = await admin.create(pods, pod as never);
  assert.equal(created.spec.serviceAccountName, 'default');
  assert.match(created.spec.volumes?.[0]?.name ?? '', /^kube-api-access-/);
  assert.equal(created.spec.priority, 0);
  const spec = { expirationSeconds: 3_607, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: created.metadata.uid } };
  const answer = await admin.createSubresource<{ status: { token: string } }>(
    serviceaccounts,
    { name: 'default', namespace: 'default' },
    'token',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
  );
  const headers = { authorization: `Bearer ${answer.status.token}` };
  const self = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const { body } = await call('/apis/authentication.k8s.io/v1/selfsubjectreviews', { method: 'POST', headers, body: self });
  const { userInfo } = body.status as { userInfo: { username: string; groups: string[]; extra: Record<string, string[]> } };
  assert.equal(userInfo.username, 'system:serviceaccount:default:default');
  assert.deepEqual(userInfo.groups, ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated']);
  assert.deepEqual(userInfo.extra['authentication.kubernetes.io/pod-name'], ['p']);
  const discovery = await call('/.well-known/openid-configuration', { headers });
  assert.deepEqual([discovery.code, discovery.body['issuer']], [200, ISSUER]);
  await admin.delete(pods, { name: 'p', namespace: 'default' }, { gracePeriodSeconds: 0 });
  assert.equal((await call('/version', { headers })).code, 401, 'the token dies with its pod');
});

test('a review of a token tells whose it is', async () => {
  const answer = await admin.createSubresource<{ status: { token: string } }>(
    serviceaccounts,
    { name: 'default', namespace: 'default' },
    'token',
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { audiences: ['vault'] } },
  );
  const ask = async (audiences: string[]) => {
    const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: answer.status.token, audiences } };
    return (await call('/apis/authentication.k8s.io/v1/tokenreviews', { method: 'POST', body, as: await authority.client(MASTER) })).body
      .status as { authenticated?: boolean; audiences?: string[]; error?: string };
  };
  assert.deepEqual((await ask(['vault', 'x'])).audiences, ['vault']);
  const refused = await ask([]);
  assert.equal(refused.authenticated, undefined);
  assert.match(refused.error ?? '', /token audiences \["vault"\] is invalid for the target audiences/);
});

test('admin, edit and view hold what they gather', async () => {
  const bound = (name: string) => rolebindingOf(name);
  await Promise.all(['admin', 'edit', 'view'].map(bound));
  const may = (user: string, verb: string, resource: string, group = '') =>
    review(user, [], { namespace: 'default', verb, resource, group });
  assert.deepEqual(await Promise.all([may('view', 'get', 'pods'), may('view', 'create', 'pods'), may('view', 'get', 'secrets')]), [
    true,
    false,
    false,
  ]);
  assert.deepEqual(
    await Promise.all([
      may('edit', 'create', 'pods'),
      may('edit', 'get', 'secrets'),
      may('edit', 'create', 'roles', 'rbac.authorization.k8s.io'),
    ]),
    [true, true, false],
  );
  assert.deepEqual(await Promise.all([may('admin', 'create', 'roles', 'rbac.authorization.k8s.io'), may('admin', 'get', 'pods')]), [
    true,
    true,
  ]);
});

async function rolebindingOf(name: string): Promise<void> {
  await admin.create(rolebindings, {
    metadata: { name: `${name}-binding`, namespace: 'default' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  });
}

test('nobody grants more than they have', async () => {
  const rules = [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['nodes'] }];
  const role = { metadata: { name: 'nodes', namespace: 'default' }, rules };
  await assert.rejects(as('admin').create(roles, role), {
    reason: 'Forbidden',
    message:
      'roles.rbac.authorization.k8s.io "nodes" is forbidden: user "admin" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get" "list"]}',
  });
  await as('admin').create(roles, { ...role, rules: [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }] });
  const binding = (name: string) => ({
    metadata: { name: 'own', namespace: 'default' },
    subjects: [],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
  });
  await assert.rejects(
    as('admin').create(rolebindings, binding('cluster-admin')),
    /is attempting to grant RBAC permissions not currently held:\n{APIGroups:\["\*"\]/,
  );
  await assert.rejects(as('admin').create(rolebindings, binding('gone')), /clusterrole.rbac.authorization.k8s.io "gone" not found/);
  await as('admin').create(rolebindings, binding('view'));
});

test('one user acts as another with the right to', async () => {
  const cert = await authority.client({ name: 'boss', groups: [] });
  const headers = { 'impersonate-user': 'view' };
  assert.equal((await call('/api/v1/namespaces/default/pods', { as: cert, headers })).code, 403);
  await admin.create(clusterroles, {
    metadata: { name: 'impersonator' },
    rules: [{ verbs: ['impersonate'], apiGroups: [''], resources: ['users'], resourceNames: ['view'] }],
  });
  await admin.create(clusterrolebindings, {
    metadata: { name: 'impersonator' },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'boss' }],
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'impersonator' },
  });
  assert.equal((await call('/api/v1/namespaces/default/pods', { as: cert, headers })).code, 200);
});

test('a namespace on its way out takes nothing new', async () => {
  await assert.rejects(admin.create(configmaps, { metadata: { name: 'c', namespace: 'gone' } }), {
    reason: 'NotFound',
    message: 'namespaces "gone" not found',
  });
  await assert.rejects(admin.delete(namespaces, { name: 'kube-system' }), {
    reason: 'Forbidden',
    message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  });
});

test('a namespace takes no more than its quota', async () => {
  await admin.create(namespaces, { metadata: { name: 'small' } });
  const hard = { 'count/configmaps': '2' };
  const quota = await admin.create(resourcequotas, { metadata: { name: 'q', namespace: 'small' }, spec: { hard } });
  const write = (name: string) => admin.create(configmaps, { metadata: { name, namespace: 'small' } });
  await admin.update(resourcequotas, { ...quota, status: { hard, used: { 'count/configmaps': '1' } } }, { subresource: 'status' });
  await server.reader.caughtUp();
  await write('one');
  await assert.rejects(write('two'), {
    reason: 'Forbidden',
    message:
      'configmaps "two" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=2, limited: count/configmaps=2',
  });
  assert.deepEqual((await admin.get(resourcequotas, { name: 'q', namespace: 'small' })).status.used, hard);
});
