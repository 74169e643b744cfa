// A key service that is dead, slow or lies: it is reported within its time, what is written is written under the last good key,
// and all goes on as soon as the service is well again.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { ManualClock, systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { EncryptionMetrics } from '../metrics.ts';
import { startKmsPlugin, type KmsPlugin } from '../testing/kms-plugin.ts';
import { KmsEnvelope } from './envelope.ts';
import { connectKms } from './service.ts';

const PLAIN = Buffer.from('hunter2');
const PLACE = '/registry/secrets/default/a';
/** Of a call; what should not be answered ends by then. */
const SHORT_MS = 300;

let folder: string;
let sockets = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proa-kms-'));
});
after(() => rm(folder, { recursive: true, force: true }));

const newSocket = (): string => join(folder, `${sockets++}.sock`);

interface Side {
  readonly kms: KmsEnvelope;
  readonly clock: ManualClock;
  readonly metrics: EncryptionMetrics;
}

function connect(t: TestContext, socket: string, timeoutMs = 60_000): Side {
  const clock = new ManualClock();
  const metrics = new EncryptionMetrics(clock, 'apiserver-x', '');
  const service = connectKms({
    endpoint: `unix://${socket}`,
    timeoutMs,
    clock: systemClock,
    observe: (...call) => metrics.called('vault', ...call),
  });
  const kms = new KmsEnvelope({ name: 'vault', service, clock, ids: randomIds, metrics });
  t.after(() => kms.close());
  return { kms, clock, metrics };
}

async function start(t: TestContext, socket: string): Promise<KmsPlugin> {
  const plugin = await startKmsPlugin(socket);
  t.after(() => plugin.stop());
  return plugin;
}

const writes = async ({ kms }: Side): Promise<void> => {
  const sealed = await kms.encrypt(PLAIN, PLACE);
  assert.deepEqual(Buffer.from((await kms.decrypt(sealed, PLACE)).value), PLAIN);
};

const figure = ({ metrics }: Side, name: string): string | undefined =>
  metrics
    .expose()
    .split('\n')
    .find((line) => line.startsWith(`${name} `))
    ?.slice(name.length + 1);

/** What the plug-in does wrong when it should give a key of another name, and what is said of it. */
const LIES: readonly (readonly [name: string, lie: (plugin: KmsPlugin) => void, message: string])[] = [
  ['is not well', (plugin) => (plugin.healthz = 'sealed'), 'got unexpected healthz status: sealed'],
  ['speaks another version', (plugin) => (plugin.version = 'v3'), 'expected KMSv2 API version v2, got v3'],
  ['names no key', (plugin) => (plugin.keyId = ''), 'got invalid KMSv2 KeyID: keyID is empty'],
  [
    'names a key at too great length',
    (plugin) => (plugin.keyId = 'k'.repeat(1_025)),
    'got invalid KMSv2 KeyID: keyID is 1025 bytes, which exceeds the max size of 1024',
  ],
  [
    'wraps a key into nothing',
    (plugin) => (plugin.lie = { ciphertext: new Uint8Array() }),
    'failed to rotate DEK: failed to validate encrypted DEK source: encrypted DEK source is empty',
  ],
  [
    'wraps a key into too much',
    (plugin) => (plugin.lie = { ciphertext: new Uint8Array(1_025) }),
    'failed to rotate DEK: failed to validate encrypted DEK source: encrypted DEK source is 1025 bytes, which exceeds the max size of 1024',
  ],
  [
    'annotates under no domain',
    (plugin) => (plugin.lie = { annotations: { plain: Buffer.from('1') } }),
    'failed to rotate DEK: failed to validate annotations: plain should be a domain with at least two segments separated by dots',
  ],
  [
    'annotates at too great length',
    (plugin) => (plugin.lie = { annotations: { 'a.example.com': Buffer.alloc(32 * 1_024) } }),
    'failed to rotate DEK: failed to validate annotations: total size of annotations is 32781, which exceeds the max size of 32768',
  ],
  [
    'encrypts under another key than it says',
    (plugin) => (plugin.lie = { keyId: 'key-3' }),
    'failed to rotate DEK: the key of its status is not the key it encrypts with',
  ],
];

for (const [name, lie, message] of LIES) {
  test(`a key service that ${name} is reported, and followed again once it is well`, async (t) => {
    const socket = newSocket();
    const plugin = await start(t, socket);
    const side = connect(t, socket);
    await side.kms.probe();
    plugin.keyId = 'key-2';
    lie(plugin);
    await assert.rejects(side.kms.probe(), { message: `kmsv2 Provider vault is not healthy, error: ${message}` });
    await writes(side);
    Object.assign(plugin, { healthz: 'ok', version: 'v2', keyId: 'key-2', lie: {} });
    await side.kms.probe();
    await writes(side);
  });
}

test('a key service that is dead at the start is followed as soon as it lives', async (t) => {
  const socket = newSocket();
  const side = connect(t, socket, SHORT_MS);
  await assert.rejects(side.kms.probe(), /^Error: failed to perform status section of the healthz check for KMS Provider vault, error: /);
  assert.throws(() => side.kms.encrypt(PLAIN, PLACE), /got unexpected nil transformer/);
  const status = 'apiserver_envelope_encryption_kms_operations_latency_seconds_count';
  const labels = 'grpc_status_code="DeadlineExceeded",method_name="/v2.KeyManagementService/Status",provider_name="vault"';
  assert.equal(figure(side, `${status}{${labels}}`), '1');
  await start(t, socket);
  const healed = connect(t, socket);
  await healed.kms.probe();
  await writes(healed);
});

test('a key service that falls silent is reported within its time, and values are written for three minutes more', async (t) => {
  const socket = newSocket();
  const plugin = await start(t, socket);
  const patient = connect(t, socket);
  await patient.kms.probe();
  await writes(patient);
  plugin.silent = true;
  const hasty = connect(t, socket, SHORT_MS);
  await assert.rejects(hasty.kms.probe(), /error: rpc error: code = DeadlineExceeded desc = context deadline exceeded$/);
  patient.clock.advance(3 * 60_000);
  await writes(patient);
  patient.clock.advance(1);
  assert.throws(
    () => patient.kms.encrypt(PLAIN, PLACE),
    /^\w*Error: encryptedDEKSource with keyID hash "sha256:[0-9a-f]{64}" expired at [-0-9]{10}T[0-9:]{8}Z \(current time is [-0-9]{10}T[0-9:]{8}Z\)$/,
  );
  plugin.silent = false;
  await patient.kms.probe();
  await writes(patient);
});

for (const [name, given, message] of [
  ['too short a key', Buffer.alloc(3), 'invalid seed length 3 used for key generation'],
  ['no key', Buffer.alloc(0), 'invalid seed length 0 used for key generation'],
  ['another key', Buffer.alloc(32, 9), 'cipher: message authentication failed'],
] as const) {
  test(`a key service that gives ${name} for a wrapped one is told from a good one, and asked again`, async (t) => {
    const socket = newSocket();
    const plugin = await start(t, socket);
    const [writer, reader] = [connect(t, socket), connect(t, socket)];
    await writer.kms.probe();
    const sealed = await writer.kms.encrypt(PLAIN, PLACE);
    plugin.unwrapped = given;
    await assert.rejects(async () => reader.kms.decrypt(sealed, PLACE), { message });
    plugin.unwrapped = undefined;
    assert.deepEqual(Buffer.from((await reader.kms.decrypt(sealed, PLACE)).value), PLAIN);
  });
}

test('a key service counts calls and keys under upstream’s names', async (t) => {
  const socket = newSocket();
  const plugin = await start(t, socket);
  const side = connect(t, socket);
  await side.kms.probe();
  await writes(side);
  plugin.keyId = '';
  await assert.rejects(side.kms.probe());
  const figures = side.metrics.expose();
  assert.equal(figure(side, 'apiserver_envelope_encryption_invalid_key_id_from_status_total{error="empty",provider_name="vault"}'), '1');
  assert.equal(figure(side, 'apiserver_envelope_encryption_dek_source_cache_size{provider_name="vault"}'), '1');
  for (const direction of ['to_storage', 'from_storage']) {
    const labels = `apiserver_id_hash="sha256:[0-9a-f]{64}",key_id_hash="sha256:[0-9a-f]{64}",provider_name="vault",transformation_type="${direction}"`;
    const wanted = new RegExp(`^apiserver_envelope_encryption_key_id_hash_total\\{${labels}\\} 1$`, 'm');
    assert.match(figures, wanted);
  }
  assert.equal(figures.includes('key-1'), false, 'names of keys are not shown');
});
