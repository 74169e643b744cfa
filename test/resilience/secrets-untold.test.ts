// What is secret is told to whoever may read it and to nobody else: not to the log at its most talkative, not to an audit log that is
// to hold metadata, not to metrics, not in refusals.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { test } from 'node:test';
import { startKmsPlugin } from '#apiserver/encryption/testing/kms-plugin.ts';
import { temporaryFolder } from '../harness/temp.ts';

/** Stands in all that is secret here. */
const MARK = 'Sesame2718';
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const encoded = base64(MARK);

interface Sent {
  readonly status: number;
  readonly text: string;
}

test('nothing secret is logged, audited as metadata, counted or repeated in a refusal', async (t) => {
  const folder = temporaryFolder(t);
  const file = (name: string, content: object): string => {
    writeFileSync(join(folder, name), JSON.stringify(content));
    return join(folder, name);
  };
  const socket = join(folder, 'kms.sock');
  const plugin = await startKmsPlugin(socket);
  t.after(() => plugin.stop());
  const aes = Buffer.alloc(32, MARK).toString('base64');
  const keys = { aescbc: { keys: [{ name: 'key1', secret: aes }] } };
  const kms = { kms: { apiVersion: 'v2', name: 'vault', endpoint: `unix://${socket}` } };
  const pki = await controlPlanePki(t);
  const audit = join(folder, 'audit.log');
  const tokens = join(folder, 'tokens.csv');
  writeFileSync(tokens, `${MARK}.static,jane,1\n`);
  const server = await startApiServer(t, pki, {
    'log-level': 'debug',
    'token-auth-file': tokens,
    'audit-log-path': audit,
    'audit-policy-file': file('policy.json', {
      apiVersion: 'audit.k8s.io/v1',
      kind: 'Policy',
      rules: [{ level: 'Metadata' }],
    }),
    'encryption-provider-config': file('encryption.json', {
      kind: 'EncryptionConfiguration',
      apiVersion: 'apiserver.config.k8s.io/v1',
      resources: [
        { resources: ['secrets'], providers: [keys, { identity: {} }] },
        { resources: ['configmaps'], providers: [kms] },
      ],
    }),
  });
  let log = server.process.output;
  for (const stream of [server.process.child.stdout, server.process.child.stderr])
    stream?.setEncoding('utf8').on('data', (chunk: string) => (log += chunk));

  const admin = pki.read('admin');
  const tls = { ca: pki.certificate('ca'), agent: false as const };
  const own = { cert: admin.certificate, key: admin.key };
  const send = (method: string, path: string, body?: object | string, headers: object = {}, as: object = own): Promise<Sent> =>
    new Promise((resolve, reject) => {
      const type = { 'content-type': 'application/json' };
      const call = request(`${server.server}${path}`, { ...tls, ...as, method, headers: { ...type, ...headers } }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      });
      call.on('error', reject).end(typeof body === 'object' ? JSON.stringify(body) : body);
    });

  const secrets = '/api/v1/namespaces/default/secrets';
  const secret = (name: string, more: object = {}): object => ({ kind: 'Secret', apiVersion: 'v1', metadata: { name }, ...more });
  const patch = (type: string) => ({ 'content-type': `application/${type}` });
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  assert.equal((await send('POST', secrets, secret('a', { data: { password: encoded }, stringData: { b: MARK } }))).status, 201);
  const token = await send('POST', '/api/v1/namespaces/default/serviceaccounts', {
    kind: 'ServiceAccount',
    apiVersion: 'v1',
    metadata: { name: 'sa' },
  });
  assert.equal(token.status, 201);
  const granted = await send('POST', '/api/v1/namespaces/default/serviceaccounts/sa/token', {
    kind: 'TokenRequest',
    apiVersion: 'authentication.k8s.io/v1',
    spec: { expirationSeconds: 3_600 },
  });
  const jwt = (JSON.parse(granted.text) as { status: { token: string } }).status.token;
  const bootstrap = secret('bootstrap-token-abcdef', {
    metadata: { name: 'bootstrap-token-abcdef', namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': 'abcdef', 'token-secret': 'sesame2718281828', 'usage-bootstrap-authentication': 'true' },
  });
  assert.equal((await send('POST', '/api/v1/namespaces/kube-system/secrets', bootstrap)).status, 201);

  // Patches whose result is no Secret are left out: upstream's refusal repeats it to who sent it.
  const refusals = [
    await send('POST', secrets, secret('b', { data: { password: `${MARK}!` } })),
    await send('POST', secrets, secret('b', { data: { password: [MARK] } })),
    await send('POST', secrets, secret('b', { data: { 'a b': encoded } })),
    await send('POST', secrets, secret('b', { type: 'kubernetes.io/tls', data: { 'tls.crt': encoded } })),
    await send('POST', secrets, secret('b', { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': encoded } })),
    await send('POST', secrets, secret('a', { data: { password: encoded } })),
    await send('PUT', `${secrets}/a`, secret('a', { immutable: 'x', data: { password: encoded } })),
    await send('PATCH', `${secrets}/a`, [{ op: 'test', path: '/data/password', value: encoded + encoded }], patch('json-patch+json')),
    await send('PATCH', `${secrets}/a`, [{ op: 'move', from: '/data/password', path: '/data/x y' }], patch('json-patch+json')),
    await send('PATCH', `${secrets}/a?fieldManager=m`, secret('a', { data: { password: base64(`${MARK}x`) } }), patch('apply-patch+yaml')),
    await send('GET', '/api/v1/pods', undefined, bearer(`${MARK}.unknown`), {}),
    await send('GET', '/api/v1/pods', undefined, bearer(`${jwt.slice(0, -4)}AAAA`), {}),
    await send('GET', '/api/v1/pods', undefined, bearer('abcdef.0sesame271828180'), {}),
    await send('GET', '/api/v1/pods', undefined, { authorization: `Basic ${base64(`jane:${MARK}`)}` }, {}),
  ];
  for (const { status, text } of refusals) {
    assert.ok(status >= 400 && status < 500, `${status} ${text}`);
    for (const told of [MARK, encoded]) assert.ok(!text.includes(told), text);
  }
  const known = [
    await send('GET', '/api/v1/nodes', undefined, bearer(`${MARK}.static`), {}),
    await send('GET', '/api/v1/nodes', undefined, bearer(jwt), {}),
    await send('GET', '/api/v1/nodes', undefined, bearer('abcdef.sesame2718281828'), {}),
  ];
  for (const { status, text } of known) assert.equal(status, 403, text);
  const review = { kind: 'TokenReview', apiVersion: 'authentication.k8s.io/v1', spec: { token: jwt } };
  assert.match((await send('POST', '/apis/authentication.k8s.io/v1/tokenreviews', review)).text, /"authenticated":true/);
  assert.equal((await send('DELETE', `${secrets}/a`)).status, 200);

  const metrics = await send('GET', '/metrics');
  assert.equal(metrics.status, 200);
  const told = { log, audit: readFileSync(audit, 'utf8'), metrics: metrics.text };
  assert.match(told.audit, /"resource":"secrets"/);
  const untold = [MARK, encoded, aes, 'sesame2718281828', base64('sesame2718281828'), jwt, jwt.split('.')[2] as string];
  for (const [where, text] of Object.entries(told))
    for (const what of untold) {
      const at = text.indexOf(what);
      assert.equal(at, -1, `${where}: …${text.slice(Math.max(0, at - 300), at + 50)}…`);
    }
});
