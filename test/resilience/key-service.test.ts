// A whole API server whose key service dies, comes back and changes its key: what needs the key is refused, all else is served,
// and nothing needs a restart.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startKmsPlugin } from '#apiserver/encryption/testing/kms-plugin.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { configmaps, secrets } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { eventually } from '../harness/eventually.ts';
import { temporaryFolder } from '../harness/temp.ts';

const NAMESPACE = 'default';

test('an API server starts, serves and heals around a key service that dies and changes its key', async (t) => {
  const folder = temporaryFolder(t);
  const socket = join(folder, 'kms.sock');
  const file = join(folder, 'encryption.json');
  const kms = { apiVersion: 'v2', name: 'vault', endpoint: `unix://${socket}`, timeout: '1s' };
  writeFileSync(
    file,
    JSON.stringify({
      kind: 'EncryptionConfiguration',
      apiVersion: 'apiserver.config.k8s.io/v1',
      resources: [{ resources: ['secrets'], providers: [{ kms }, { identity: {} }] }],
    }),
  );
  let plugin = await startKmsPlugin(socket);
  t.after(() => plugin.stop());
  const pki = await controlPlanePki(t);
  const server = await startApiServer(t, pki, { 'encryption-provider-config': file });
  const client = createClient(server.connect());
  const secret = (name: string) => ({ metadata: { name, namespace: NAMESPACE }, stringData: { password: 'hunter2' } }) as never;
  await client.create(secrets, secret('a'));

  await plugin.stop();
  assert.equal((await client.list(secrets, { namespace: NAMESPACE })).items.length, 1, 'what was read can be read');
  await client.create(secrets, secret('b'));
  await server.kill();
  await server.restart();
  assert.match(await server.text('/readyz'), /\[-\]kms-providers failed: reason withheld/);
  assert.match(await server.text('/healthz/kms-providers'), /failed to perform status section of the healthz check for KMS Provider vault/);
  await client.create(configmaps, { metadata: { name: 'a', namespace: NAMESPACE } });
  const isRefused = (error: unknown): boolean => isStatusError(error, 'InternalError');
  await assert.rejects(client.list(secrets, { namespace: NAMESPACE }), isRefused);
  await assert.rejects(client.get(secrets, { name: 'a', namespace: NAMESPACE }), isRefused);
  await assert.rejects(client.create(secrets, secret('c')), isRefused);

  plugin = await startKmsPlugin(socket);
  await eventually(async () => assert.equal((await client.list(secrets, { namespace: NAMESPACE })).items.length, 2));
  await eventually(async () => assert.equal(await server.text('/readyz'), 'ok'));

  plugin.keyId = 'key-2';
  await server.kill();
  await server.restart();
  await client.create(secrets, secret('c'));
  const { items } = await client.list(secrets, { namespace: NAMESPACE });
  const passwords = items.map(({ metadata, data }) => [metadata.name, Buffer.from(data?.['password'] ?? '', 'base64').toString()]);
  assert.deepEqual(passwords, [
    ['a', 'hunter2'],
    ['b', 'hunter2'],
    ['c', 'hunter2'],
  ]);
});
