import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock, wait } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { pathsOf } from '../instance/paths.ts';
import { serverLeaves } from '../pki/inventory.ts';
import { Pki } from '../pki/store.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { materialOf, startApi } from './control-plane.ts';

const SECRET = 'never-in-plain-text';

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** Files of a folder and below, as one text. */
async function everything(folder: string): Promise<string> {
  const names = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name), 'latin1'));
  return (await Promise.all(files)).join('');
}

test('an API server takes its files from the flags: encryption, audit, tokens, authorization that changes', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'proa-api-server-'));
  t.after(() => rm(dir, { recursive: true }));
  const file = async (name: string, content: unknown): Promise<string> => {
    await writeFile(join(dir, name), typeof content === 'string' ? content : JSON.stringify(content));
    return join(dir, name);
  };
  const config = (kind: string, more: object): object => ({ kind, apiVersion: 'apiserver.config.k8s.io/v1', ...more });
  const authorizers = (type: string): object => config('AuthorizationConfiguration', { authorizers: [{ type, name: 'one' }] });
  const key = { name: 'k', secret: Buffer.alloc(32, 1).toString('base64') };
  const port = await freePort();
  const settings = resolveSettings({
    flags: {
      port: String(port),
      'bind-address': '127.0.0.1',
      'data-dir': join(dir, 'data'),
      'run-dir': join(dir, 'run'),
      'encryption-provider-config': await file(
        'encryption.json',
        config('EncryptionConfiguration', {
          resources: [{ resources: ['secrets'], providers: [{ secretbox: { keys: [key] } }, { identity: {} }] }],
        }),
      ),
      'audit-policy-file': await file('policy.json', {
        kind: 'Policy',
        apiVersion: 'audit.k8s.io/v1',
        omitStages: ['RequestReceived'],
        rules: [{ level: 'Metadata', users: ['jane'] }],
      }),
      'audit-log-path': join(dir, 'audit.log'),
      'token-auth-file': await file('tokens.csv', 'jane-token,jane,7,"dev"\n'),
      'authorization-config': await file('authorization.json', authorizers('AlwaysAllow')),
    },
    file: undefined,
    machine: { nodeName: 'boat', nodeIP: '127.0.0.1', kubeconfig: join(dir, 'kubeconfig') },
  });
  const paths = pathsOf(settings);
  const pki = new Pki(paths.pki, { clock: systemClock, ids: randomIds });
  for (const name of ['ca', 'front-proxy-ca'] as const) await pki.ensureAuthority(name);
  await pki.ensureServiceAccountKey();
  const subjects = { nodeName: 'boat', nodeIP: '127.0.0.1', serviceIP: '10.96.0.1', clusterDomain: 'cluster.local', extraNames: [] };
  for (const leaf of serverLeaves(subjects)) await pki.ensureLeaf(leaf);
  const api = await startApi({ settings, paths, material: materialOf(pki), clock: systemClock, ids: randomIds, logger: silentLogger });
  t.after(() => api.stop());

  const ask = (method: string, path: string, body?: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: 'Bearer jane-token', 'content-type': 'application/json' };
      const call = request({ host: '127.0.0.1', port, path, method, headers, agent: false, ca: pki.certificate('ca') }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }));
      });
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  const SECRETS = '/api/v1/namespaces/default/secrets';
  assert.equal((await ask('POST', '/api/v1/namespaces', { metadata: { name: 'default' } })).status, 201);
  assert.equal((await ask('POST', SECRETS, { metadata: { name: 'a' }, stringData: { password: SECRET } })).status, 201);
  const stored = await everything(paths.store);
  assert.ok(stored.includes('k8s:enc:secretbox:v1:k:'));
  assert.equal(stored.includes(Buffer.from(SECRET).toString('base64')), false);

  await file('authorization.json', authorizers('AlwaysDeny'));
  let refused = await ask('GET', `${SECRETS}/a`);
  while (refused.status === 200) {
    await wait(systemClock, 20);
    refused = await ask('GET', `${SECRETS}/a`);
  }
  assert.equal(refused.status, 403);
  assert.match(refused.body, /User \\"jane\\" cannot get resource \\"secrets\\".*: Everything is forbidden\./);

  await api.stop();
  const events = (await readFile(join(dir, 'audit.log'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly verb: string; readonly user: object; readonly annotations: Record<string, string> });
  assert.deepEqual(events[1]?.user, { username: 'jane', uid: '7', groups: ['dev', 'system:authenticated'] });
  assert.equal(events.at(-1)?.annotations['authorization.k8s.io/decision'], 'forbid');
});
