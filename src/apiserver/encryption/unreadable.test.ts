// Stored values that cannot be read keep their own resource from being listed, and nothing else: the server starts and serves,
// and goes on by itself as soon as they can be read.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { isStatusError } from '#apimachinery/errors.ts';
import { configmaps, secrets } from '#api/resources.ts';
import type { Secret } from '#api/types.ts';
import { ManualClock, systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { NO_OPINION } from '../authorization/contract.ts';
import { createApiServer } from '../server.ts';
import type { ApiServer } from '../server-contract.ts';
import { ADMIN } from '../testing.ts';
import { MemoryStore } from '../testing/memory-store.ts';
import { encryptionAtRest } from './at-rest.ts';
import { startKmsPlugin, type KmsPlugin } from './testing/kms-plugin.ts';

const folder = await mkdtemp(join(tmpdir(), 'proa-unreadable-'));
after(() => rm(folder, { recursive: true }));
let sockets = 0;

const configuration = (socket: string, timeout: string): string =>
  JSON.stringify({
    kind: 'EncryptionConfiguration',
    apiVersion: 'apiserver.config.k8s.io/v1',
    resources: [
      {
        resources: ['secrets'],
        providers: [{ kms: { apiVersion: 'v2', name: 'vault', endpoint: `unix://${socket}`, timeout } }],
      },
    ],
  });

interface Side {
  readonly server: ApiServer;
  readonly client: Client;
  readonly health: () => Promise<string | undefined>;
  stop(): Promise<void>;
}

/** A server over the store, with a key service at the socket that may take so long. */
async function serve(t: TestContext, store: MemoryStore, socket: string, clock: ManualClock, timeout = '60s'): Promise<Side> {
  const encryption = await encryptionAtRest({
    path: '',
    text: configuration(socket, timeout),
    reload: false,
    serverId: 'apiserver-x',
    clock,
    ids: randomIds,
    logger: silentLogger,
  });
  const server = createApiServer({
    store,
    clock,
    ids: randomIds,
    logger: silentLogger,
    encryption,
    parts: () => ({ authenticators: [], authorizer: { authorize: () => NO_OPINION } }),
  });
  await server.start();
  const side = { server, client: createClient(server.loopback(ADMIN)), stop: () => server.stop() };
  t.after(() => side.stop());
  return { ...side, health: async () => encryption.checks[0]?.check() };
}

const secret = (name: string, namespace: string) => ({ metadata: { name, namespace }, stringData: { password: 'hunter2' } }) as never;

const passwordOf = (object: Secret): string => Buffer.from(object.data?.['password'] ?? '', 'base64').toString();

async function setUp(t: TestContext): Promise<{ store: MemoryStore; socket: string; plugin: KmsPlugin; first: Side; clock: ManualClock }> {
  const clock = new ManualClock(systemClock.now());
  const store = new MemoryStore(systemClock);
  store.engine = 'etcd';
  const socket = join(folder, `${sockets++}.sock`);
  const plugin = await startKmsPlugin(socket);
  t.after(() => plugin.stop());
  const first = await serve(t, store, socket, clock);
  await first.client.create(secrets, secret('a', 'default'));
  return { store, socket, plugin, first, clock };
}

const refusedBy = (why: RegExp) => (error: unknown) => isStatusError(error, 'InternalError') && why.test((error as Error).message);
const DEAD = /failed to decrypt DEK, error: rpc error: code = DeadlineExceeded desc = context deadline exceeded/;

/** Lets pass what lies between looks at a key service that is unwell, and at values that cannot be read; resolves when they can be. */
async function heals(clock: ManualClock, client: Client): Promise<void> {
  clock.advance(10_000);
  const isListed = (): Promise<boolean> =>
    client.list(secrets, {}).then(
      () => true,
      (error) => !isStatusError(error, 'InternalError'),
    );
  while (!(await isListed())) await new Promise((resolve) => setImmediate(resolve));
}

test('a server whose key service is dead at the start serves all but what it cannot read, and that once the service lives', async (t) => {
  const { store, socket, plugin, first, clock } = await setUp(t);
  await first.client.create(configmaps, { metadata: { name: 'a', namespace: 'default' } });
  await first.stop();
  await plugin.stop();

  const { client, health } = await serve(t, store, socket, clock, '300ms');
  assert.equal((await client.list(configmaps, {})).items.length, 1);
  await client.create(configmaps, { metadata: { name: 'b', namespace: 'default' } });
  assert.match(String(await health()), /^kms-provider-0: failed to perform status section of the healthz check for KMS Provider vault/);
  const place = { name: 'a', namespace: 'default' };
  await assert.rejects(client.get(secrets, place), refusedBy(new RegExp(`^Internal error occurred: ${DEAD.source}$`)));
  const list = new RegExp(`^Internal error occurred: unable to transform key "/registry/secrets/default/a": ${DEAD.source}$`);
  await assert.rejects(client.list(secrets, {}), refusedBy(list));
  await assert.rejects(client.list(secrets, { namespace: 'default' }), refusedBy(list));
  await assert.rejects(client.patch(secrets, place, { type: 'merge', body: { data: null } }), refusedBy(DEAD));
  await assert.rejects(client.delete(secrets, place), refusedBy(DEAD));
  await assert.rejects(async () => {
    for await (const _ of client.watch(secrets, {}));
  }, refusedBy(DEAD));
  assert.deepEqual((await client.list(secrets, { namespace: 'other' })).items, [], 'another namespace has nothing that cannot be read');
  await assert.rejects(client.get(secrets, { name: 'b', namespace: 'default' }), (error) => isStatusError(error, 'NotFound'));
  const refusal = /^Internal error occurred: got unexpected nil transformer$/;
  await assert.rejects(client.create(secrets, secret('b', 'default')), refusedBy(refusal));

  const again = await startKmsPlugin(socket);
  t.after(() => again.stop());
  await heals(clock, client);
  assert.equal(await health(), undefined);
  assert.equal(passwordOf(await client.get(secrets, place)), 'hunter2');
  assert.equal(passwordOf(await client.patch(secrets, place, { type: 'merge', body: { metadata: { labels: { a: 'b' } } } })), 'hunter2');
});

test('a value that another server wrote under a key this one cannot have ends watches of its resource, and no others', async (t) => {
  const { store, socket, plugin, clock } = await setUp(t);
  const second = await serve(t, store, socket, clock);
  assert.equal(passwordOf(await second.client.get(secrets, { name: 'a', namespace: 'default' })), 'hunter2');
  const { metadata } = await second.client.list(secrets, {});
  const watching = (async () => {
    const seen: string[] = [];
    for await (const event of second.client.watch(secrets, { resourceVersion: metadata.resourceVersion ?? '' }))
      if (event.type !== 'BOOKMARK') seen.push(event.object.metadata.name);
    return seen;
  })();

  plugin.keyId = 'key-2';
  const third = await serve(t, store, socket, clock);
  plugin.unwrapped = Buffer.alloc(3);
  await third.client.create(secrets, secret('b', 'default'));
  const place = { name: 'b', namespace: 'default' };
  const lie = /^Internal error occurred: invalid seed length 3 used for key generation$/;
  await assert.rejects(second.client.get(secrets, place), refusedBy(lie));
  assert.deepEqual(await watching, [], 'the watch ended');
  const old = second.client.watch(secrets, { resourceVersion: metadata.resourceVersion ?? '' });
  await assert.rejects(
    async () => {
      for await (const _ of old);
    },
    refusedBy(/unable to transform key/),
  );
  assert.equal(passwordOf(await second.client.get(secrets, { name: 'a', namespace: 'default' })), 'hunter2');
  await second.client.create(configmaps, { metadata: { name: 'a', namespace: 'default' } });
  assert.equal((await second.client.list(configmaps, {})).items.length, 1);

  plugin.unwrapped = undefined;
  await heals(clock, second.client);
  assert.equal(passwordOf(await second.client.get(secrets, place)), 'hunter2');
  await third.client.delete(secrets, place);
  await assert.rejects(second.client.get(secrets, place), (error) => isStatusError(error, 'NotFound'));
});

test('a value that is no object keeps its own resource from being listed', async (t) => {
  const { store, socket, first, clock } = await setUp(t);
  await first.client.create(configmaps, { metadata: { name: 'a', namespace: 'default' } });
  const key = '/registry/configmaps/default/bad';
  await store.transact({ conditions: [], operations: [{ kind: 'put', key, value: Buffer.from('no object') }] });
  await assert.rejects(first.client.list(configmaps, {}), refusedBy(/unable to transform key "\/registry\/configmaps\/default\/bad": /));
  const { client } = await serve(t, store, socket, clock);
  await assert.rejects(client.list(configmaps, {}), refusedBy(/unable to transform key "\/registry\/configmaps\/default\/bad": /));
  assert.equal((await client.get(configmaps, { name: 'a', namespace: 'default' })).metadata.name, 'a');
  assert.equal((await client.list(secrets, {})).items.length, 1);
  await store.transact({ conditions: [], operations: [{ kind: 'delete', key }] });
  assert.equal((await client.list(configmaps, {})).items.length, 1);
});
