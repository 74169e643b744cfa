import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { configmaps, secrets } from '#api/resources.ts';
import { startLoopbackServer, type LoopbackServer } from '../testing/loopback.ts';
import { aesCbc, aesGcm, extendedNonceGcm } from './aes.ts';
import { encryptionAtRest, type EncryptionAtRest } from './at-rest.ts';
import { readEncryptionConfiguration } from './configuration.ts';
import { DecryptionError, type Decrypted, type Transformer } from './contract.ts';
import { KmsEnvelope } from './kms/envelope.ts';
import { EncryptionMetrics } from './metrics.ts';
import { connectKms } from './kms/service.ts';
import { secretbox } from './secretbox.ts';
import { startKmsPlugin } from './testing/kms-plugin.ts';

const folder = await mkdtemp(join(tmpdir(), 'proa-encryption-'));
after(() => rm(folder, { recursive: true }));

const KEY = Buffer.alloc(32, 7);
const base64 = (byte: number): string => Buffer.alloc(32, byte).toString('base64');
const plain = Buffer.from('{"kind":"Secret"}');
const context = '/registry/secrets/default/a';

for (const [name, transformer, bound] of [
  ['aesCbc', aesCbc(KEY), false],
  ['aesGcm', aesGcm(KEY), true],
  ['secretbox', secretbox(KEY), false],
  ['extendedNonceGcm', extendedNonceGcm(KEY), true],
] as const satisfies readonly (readonly [string, Transformer, boolean])[]) {
  test(`${name} reads what it wrote, never writes it twice alike, and notices changes`, async () => {
    const sealed = await transformer.encrypt(plain, context);
    assert.notDeepEqual(sealed, await transformer.encrypt(plain, context));
    assert.deepEqual((await transformer.decrypt(sealed, context)).value, plain);
    assert.throws(() => transformer.decrypt(sealed.subarray(0, 8), context), DecryptionError);
    if (name !== 'aesCbc') {
      const changed = Buffer.from(sealed);
      changed.writeUInt8((changed.at(-1) as number) ^ 1, changed.length - 1);
      assert.throws(() => transformer.decrypt(changed, context), DecryptionError);
    }
    if (bound) assert.throws(() => transformer.decrypt(sealed, '/registry/secrets/default/b'), DecryptionError, 'bound to its key');
  });
}

test('values of other implementations are read', () => {
  // openssl enc -aes-256-cbc -K 07… -iv 01… and NaCl's own vector for crypto_secretbox.
  const cbc = Buffer.concat([Buffer.alloc(16, 1), Buffer.from('7c264f617787e656daeb37af3ede9f152ee1fe940990e271827b393e93c5196b', 'hex')]);
  assert.deepEqual((aesCbc(KEY).decrypt(cbc, context) as Decrypted).value, plain);
  const key = Buffer.from('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389', 'hex');
  const nonce = Buffer.from('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37', 'hex');
  const box = Buffer.from(
    'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5',
    'hex',
  );
  const { value } = secretbox(key).decrypt(Buffer.concat([nonce, box]), context) as Decrypted;
  assert.equal(value.toString('hex', 0, 8), 'be075fc53c81f2d5');
});

const rule = (resources: readonly string[], ...providers: readonly object[]): object => ({ resources, providers });
const configuration = (...resources: readonly object[]): string =>
  JSON.stringify({ kind: 'EncryptionConfiguration', apiVersion: 'apiserver.config.k8s.io/v1', resources });
const aes = (...keys: readonly (readonly [string, number])[]): object => ({
  aescbc: { keys: keys.map(([name, byte]) => ({ name, secret: base64(byte) })) },
});
const identity = { identity: {} };

for (const [name, text, message] of [
  ['no rules', configuration(), /resources: Required value: at least one resources is required/],
  ['an unknown field', configuration({ resource: [] }), /strict decoding error: unknown field "resources\[0\].resource"/],
  [
    'a short key',
    configuration(rule(['secrets'], { aesgcm: { keys: [{ name: 'a', secret: 'AAAA' }] } })),
    /got 3, expected one of \[16 24 32\]/,
  ],
  ['two providers in one', configuration(rule(['secrets'], { ...identity, ...aes(['a', 1]) })), /more than one provider specified/],
  ['an overlap', configuration(rule(['secrets', '*.'], identity)), /using overlapping resources/],
  [
    'a masked rule',
    configuration(rule(['*.*'], identity), rule(['secrets'], identity)),
    /resource "secrets" is masked by earlier rule "\*\.\*"/,
  ],
  [
    'KMS v1',
    configuration(rule(['secrets'], { kms: { name: 'a', endpoint: 'unix:///a' } })),
    /KMSv1 is deprecated and will only receive security updates going forward/,
  ],
  ['another kind', JSON.stringify({ kind: 'Pod', apiVersion: 'v1' }), /is not known here/],
] as const) {
  test(`readEncryptionConfiguration refuses ${name}`, () => assert.throws(() => readEncryptionConfiguration(text), message));
}

async function start(text: string, reload = false, path = ''): Promise<{ server: LoopbackServer; encryption: EncryptionAtRest }> {
  const encryption = await encryptionAtRest({
    path,
    text,
    reload,
    serverId: 'apiserver-x',
    clock: systemClock,
    ids: randomIds,
    logger: silentLogger,
  });
  return { encryption, server: await startLoopbackServer({ options: { encryption } }) };
}

const stored = async ({ store }: LoopbackServer, key: string): Promise<string> =>
  Buffer.from((await store.range({ start: key })).entries[0]?.value ?? []).toString('latin1');

const secret = (name: string): object => ({ metadata: { name, namespace: 'default' }, data: { password: 'aHVudGVyMg==' } });

test('a server keeps covered resources encrypted and serves them plainly', async () => {
  const { server } = await start(configuration(rule(['secrets'], aes(['one', 1]), identity)));
  await server.client.create(secrets, secret('a') as never);
  await server.client.create(configmaps, { metadata: { name: 'a', namespace: 'default' } });
  assert.match(await stored(server, '/registry/secrets/default/a'), /^k8s:enc:aescbc:v1:one:/);
  assert.match(await stored(server, '/registry/configmaps/default/a'), /^\{"kind":"ConfigMap"/);
  assert.equal((await server.client.get(secrets, { name: 'a', namespace: 'default' })).data?.['password'], 'aHVudGVyMg==');
  await server.stop();
});

test('a new first key is used at the next write, of values that do not change too, after the file changed', async () => {
  const path = join(folder, 'rotated.yaml');
  const before = configuration(rule(['*.'], aes(['one', 1])));
  await writeFile(path, before);
  let reloaded!: () => void;
  const reload = new Promise<void>((resolve) => {
    reloaded = resolve;
  });
  const logger = createLogger((_level, message) => message === 'configuration reloaded' && reloaded());
  const encryption = await encryptionAtRest({
    path,
    text: before,
    reload: true,
    serverId: 'apiserver-x',
    clock: systemClock,
    ids: randomIds,
    logger,
  });
  const server = await startLoopbackServer({ options: { encryption } });
  const made = await server.client.create(secrets, secret('a') as never);
  await writeFile(path, configuration(rule(['*.'], aes(['two', 2], ['one', 1]))));
  await reload;
  assert.equal(
    (await server.client.get(secrets, { name: 'a', namespace: 'default' })).data?.['password'],
    'aHVudGVyMg==',
    'the old key still reads',
  );
  const written = await server.client.update(secrets, made);
  assert.match(await stored(server, '/registry/secrets/default/a'), /^k8s:enc:aescbc:v1:two:/);
  assert.equal((await server.client.update(secrets, written)).metadata.resourceVersion, written.metadata.resourceVersion, 'written once');
  await server.stop();
});

test('a KMS wraps one seed for many values, and a new key of the service makes the next', async () => {
  const socket = join(folder, 'kms.sock');
  const plugin = await startKmsPlugin(socket);
  const clock = new ManualClock();
  const kms = new KmsEnvelope({
    name: 'k',
    service: connectKms({ endpoint: `unix://${socket}`, timeoutMs: 3_000, clock: systemClock, observe: () => {} }),
    clock,
    ids: randomIds,
    metrics: new EncryptionMetrics(clock, 'apiserver-x', ''),
  });
  assert.throws(() => kms.encrypt(plain, context), /got unexpected nil transformer/);
  await kms.probe();
  const sealed = [await kms.encrypt(plain, context), await kms.encrypt(plain, context)] as const;
  assert.deepEqual(await kms.decrypt(sealed[0], context), { value: plain, stale: false });
  assert.deepEqual(plugin.calls, { wrap: 1, unwrap: 0 });

  plugin.keyId = 'key-2';
  await kms.probe();
  assert.deepEqual(await kms.decrypt(sealed[1], context), { value: plain, stale: true });
  assert.deepEqual(plugin.calls, { wrap: 2, unwrap: 0 });

  const fresh = new KmsEnvelope({
    name: 'k',
    service: connectKms({ endpoint: `unix://${socket}`, timeoutMs: 3_000, clock: systemClock, observe: () => {} }),
    clock,
    ids: randomIds,
    metrics: new EncryptionMetrics(clock, 'apiserver-x', ''),
  });
  const read = await Promise.all(sealed.map(async (value) => fresh.decrypt(value, context)));
  assert.deepEqual(
    read.map(({ value }) => value),
    [plain, plain],
  );
  assert.equal(plugin.calls.unwrap, 1, 'values under one seed ask once');

  plugin.healthz = 'sealed';
  await assert.rejects(kms.probe(), /kmsv2 Provider k is not healthy, error: got unexpected healthz status: sealed/);
  clock.advance(3 * 60_000 + 1);
  assert.throws(() => kms.encrypt(plain, context), /expired at/);
  kms.close();
  fresh.close();
  await plugin.stop();
});

test('a server with a KMS stores upstream’s prefix and fails healthz while the service is ill', async () => {
  const socket = join(folder, 'kms-2.sock');
  const plugin = await startKmsPlugin(socket);
  plugin.healthz = 'ill';
  const text = configuration(rule(['secrets'], { kms: { apiVersion: 'v2', name: 'vault', endpoint: `unix://${socket}` } }));
  const ill = await start(text);
  assert.match(String(await ill.encryption.checks[0]?.check()), /kms-provider-0: kmsv2 Provider vault is not healthy/);
  await ill.server.stop();
  plugin.healthz = 'ok';
  const { server, encryption } = await start(text);
  assert.equal(await encryption.checks[0]?.check(), undefined);
  await server.client.create(secrets, secret('a') as never);
  assert.match(await stored(server, '/registry/secrets/default/a'), /^k8s:enc:kms:v2:vault:/);
  await server.stop();
  await plugin.stop();
});
