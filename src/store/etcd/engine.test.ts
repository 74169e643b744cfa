// What only this engine does: connections, members that go away, pages, TLS.
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { type Clock, ManualClock, systemClock } from '#base/clock.ts';
import { startEtcd, startEtcdMembers } from '#test/harness/etcd.ts';
import { freePorts } from '#test/harness/ports.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { InvalidTransactionError, type Store, type StoreEvent, StoreUnavailableError, type Transaction, type Watch } from '../contract.ts';
import { reportsProgress } from './cluster.ts';
import { type EtcdStoreOptions, openEtcdStore } from './store.ts';
import { testCertificates } from './testing/certificates.ts';

const ALL = { start: '/', end: '0' };

async function open(t: TestContext, options: EtcdStoreOptions): Promise<Store> {
  const store = await openEtcdStore(options);
  t.after(() => store.close());
  return store;
}

function put(key: string, value = ''): Transaction {
  return { conditions: [], operations: [{ kind: 'put', key, value: Buffer.from(value) }] };
}

function isUnavailable(outcome: 'none' | 'unknown'): (error: unknown) => boolean {
  return (error) => error instanceof StoreUnavailableError && error.outcome === outcome;
}

/** Reads until the watch brings `count` events or ends. */
async function read(watch: Watch, count: number): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  for await (const batch of watch) {
    events.push(...batch.events);
    if (events.length >= count) break;
  }
  return events;
}

test('a range of many entries comes in pages, all of one revision', async (t) => {
  const { endpoint } = await startEtcd(t);
  const store = await open(t, { endpoints: [endpoint] });
  const names = Array.from({ length: 11_000 }, (_, i) => `/k${String(i).padStart(6, '0')}`);
  for (let i = 0; i < names.length; i += 100) {
    const operations = names.slice(i, i + 100).map((key) => ({ kind: 'put' as const, key, value: Buffer.from('old') }));
    await store.transact({ conditions: [], operations });
  }
  const reading = store.range(ALL);
  // Written while the pages are read, perhaps before the first, perhaps after the last.
  const last = names.slice(-2).map((key) => ({ kind: 'put' as const, key, value: Buffer.from('new') }));
  await store.transact({ conditions: [], operations: [...last, { kind: 'put', key: '/k000000', value: Buffer.from('new') }] });
  const { entries, count, more } = await reading;
  assert.deepEqual([entries.length, count, more], [names.length, names.length, false]);
  assert.deepEqual(
    entries.map(({ key }) => key),
    names,
  );
  const values = [...entries.slice(0, 1), ...entries.slice(-2)].map(({ value }) => Buffer.from(value).toString());
  assert.equal(new Set(values).size, 1, 'the first page and the last are of one moment');
  const limited = await store.range({ ...ALL, limit: 7_000 });
  assert.deepEqual([limited.entries.length, limited.count, limited.more], [7_000, names.length, true]);
});

test('a server that is gone refuses writes, ends watches, and is found again when it is back', async (t) => {
  const server = await startEtcd(t);
  let ahead = 0;
  const clock: Clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead };
  const store = await open(t, { endpoints: [server.endpoint], clock });
  const { revision } = await store.transact(put('/a'));
  const watch = store.watch({ ...ALL, revision });
  assert.equal((await read(watch, 1)).length, 1);
  const live = store.watch(ALL);
  await store.transact(put('/b'));
  assert.deepEqual((await live.next()).value?.events.length, 1);

  await server.kill();
  await assert.rejects(live.next(), isUnavailable('none'));
  const refused = assert.rejects(store.transact(put('/c')), StoreUnavailableError);
  ahead = 10_000;
  await refused;
  const [write] = await Promise.all([store.transact(put('/d')), server.restart()]);
  assert.ok(write.committed);
  const resumed = store.watch({ ...ALL, revision: revision + 1 });
  const events = await read(resumed, write.revision - revision);
  assert.equal(events[0]?.entry.key, '/b');
  assert.equal(events.at(-1)?.entry.key, '/d');
});

test('a watch from now on begins although what was seen last is compacted', async (t) => {
  const { endpoint } = await startEtcd(t);
  const idle = await open(t, { endpoints: [endpoint] });
  const busy = await open(t, { endpoints: [endpoint] });
  for (let i = 0; i < 10; i++) await busy.transact(put(`/${i}`));
  const { revision } = await busy.status();
  await busy.compact(revision);
  const watch = idle.watch(ALL);
  const written = await busy.transact(put('/new'));
  const events = await readUntil(watch, '/new');
  assert.equal(events.at(-1)?.entry.modRevision, written.revision);
});

async function readUntil(watch: Watch, key: string): Promise<StoreEvent[]> {
  const events: StoreEvent[] = [];
  for await (const batch of watch) {
    events.push(...batch.events);
    if (events.some(({ entry }) => entry.key === key)) break;
  }
  return events;
}

test('no member that can be reached is one clear error, with nothing written', async (t) => {
  const [port = 0, other = 0] = await freePorts(2);
  const clock = quickClock();
  const endpoints = [`127.0.0.1:${port}`, `http://127.0.0.1:${other}`];
  await assert.rejects(openEtcdStore({ endpoints, clock }), (error: unknown) => {
    assert.ok(isUnavailable('none')(error));
    assert.equal((error as Error).message, `no etcd member can be reached: ${endpoints.join(', ')}`);
    return true;
  });
  t.diagnostic(`ports ${port} and ${other}`);
});

/** Time passes a hundred times as fast for whoever asks how much is left. */
function quickClock(): Clock {
  return { ...systemClock, monotonic: () => systemClock.monotonic() * 100 };
}

for (const endpoint of ['', 'nohost', 'ftp://a:1', 'http://a', 'a:b', 'http://a:1/path/x']) {
  test(`the endpoint ${JSON.stringify(endpoint)} is refused`, async () => {
    await assert.rejects(openEtcdStore({ endpoints: [endpoint] }), TypeError);
  });
}

test('a dead member among the endpoints is passed over', async (t) => {
  const [port = 0] = await freePorts(1);
  const { endpoint } = await startEtcd(t);
  const store = await open(t, { endpoints: [`http://127.0.0.1:${port}`, endpoint] });
  assert.ok((await store.transact(put('/a'))).committed);
});

test('a write without an answer has an unknown outcome, a read without one has none', async (t) => {
  const server = await startEtcd(t);
  const manual = new ManualClock();
  const clock: Clock = { ...systemClock, after: (delay, fire) => manual.after(delay, fire) };
  const store = await open(t, { endpoints: [server.endpoint], clock });
  await store.transact(put('/a'));
  const process_ = server.process.child;
  process_.kill('SIGSTOP');
  try {
    const write = assert.rejects(store.transact(put('/b')), isUnavailable('unknown'));
    const readings = assert.rejects(store.range(ALL), isUnavailable('none'));
    while (manual.pending < 2) await new Promise((resolve) => void setImmediate(resolve));
    manual.advance(10_000);
    await Promise.all([write, readings]);
  } finally {
    process_.kill('SIGCONT');
  }
  assert.ok((await store.range(ALL)).count >= 1);
});

test('TLS in both directions: the server is checked, and so is the client', async (t) => {
  const { ca, certificate, key, server } = await testCertificates(temporaryFolder(t));
  const other = await testCertificates(temporaryFolder(t));
  const { endpoint } = await startEtcd(t, { tls: server });
  const store = await open(t, { endpoints: [endpoint], tls: { ca, certificate, key } });
  assert.ok((await store.transact(put('/a'))).committed);
  for (const tls of [{ ca }, { ca: other.ca, certificate, key }, { ca, certificate: other.certificate, key: other.key }]) {
    await assert.rejects(openEtcdStore({ endpoints: [endpoint], tls, clock: quickClock() }), isUnavailable('none'));
  }
  await assert.rejects(openEtcdStore({ endpoints: [endpoint.replace('https', 'http')], tls: { ca } }), TypeError);
});

test('a cluster of three goes on without the member that was called, and no acknowledged write is lost', async (t) => {
  const members = await startEtcdMembers(t, 3);
  const store = await open(t, { endpoints: members.map(({ endpoint }) => endpoint) });
  const first = await store.status();
  const acknowledged = new Map<string, number>();
  const refused: unknown[] = [];
  let writing = true;
  const writer = async (name: string): Promise<void> => {
    for (let i = 0; writing; i++) {
      try {
        acknowledged.set(`/${name}${i}`, (await store.transact(put(`/${name}${i}`))).revision);
      } catch (error) {
        if (!(error instanceof StoreUnavailableError)) throw error;
        refused.push(error);
      }
    }
  };
  const writers = Promise.all(['a', 'b', 'c'].map(writer));
  while (acknowledged.size < 50) await store.status();
  await members[0]?.kill(); // the one that is called: the first that answered
  const before = acknowledged.size;
  while (acknowledged.size < before + 50) await store.status().catch((error: unknown) => refused.push(error));
  writing = false;
  await writers;

  const { entries } = await store.range(ALL);
  const there = new Map(entries.map(({ key, modRevision }) => [key, modRevision]));
  for (const [key, revision] of acknowledged) assert.equal(there.get(key), revision);
  const events = await read(store.watch({ ...ALL, revision: first.revision + 1 }), entries.length);
  assert.deepEqual(
    events.map(({ entry }) => entry.modRevision),
    entries.map(({ modRevision }) => modRevision).toSorted((a, b) => a - b),
  );
});

test('a transaction that is too much for the servers is refused whole', async (t) => {
  const { endpoint } = await startEtcd(t);
  const store = await open(t, { endpoints: [endpoint] });
  const large = Buffer.alloc(1 << 20);
  const operations = ['/a', '/b'].map((key) => ({ kind: 'put' as const, key, value: large }));
  await assert.rejects(store.transact({ conditions: [], operations }), InvalidTransactionError);
  const many = Array.from({ length: 200 }, (_, i) => ({ kind: 'put' as const, key: `/${i}`, value: Buffer.alloc(0) }));
  await assert.rejects(store.transact({ conditions: [], operations: many }), InvalidTransactionError);
  assert.equal((await store.range(ALL)).count, 0);
});

test('a server without space refuses writes with nothing written', async (t) => {
  const { endpoint } = await startEtcd(t, { args: ['--quota-backend-bytes=200000'] });
  const store = await open(t, { endpoints: [endpoint] });
  await assert.rejects(async () => {
    for (let i = 0; ; i++) await store.transact(put(`/${i}`, 'x'.repeat(20_000)));
  }, isUnavailable('none'));
});

for (const [version, expected] of [
  ['3.3.27', false],
  ['3.4.23', false],
  ['3.4.30', false],
  ['3.4.31', true],
  ['3.5.0', false],
  ['3.5.12', false],
  ['3.5.13', true],
  ['3.6.0', true],
  ['3.7.0-alpha.0', true],
  ['4.0.0', true],
  ['unreadable', false],
] as const) {
  test(`reportsProgress of ${version} is ${expected}`, () => assert.equal(reportsProgress(version), expected));
}
