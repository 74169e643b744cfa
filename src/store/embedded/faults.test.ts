// What the engine does when its disk does not: full, failing, slow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { type Store, StoreUnavailableError, type Transaction } from '../contract.ts';
import { openEmbeddedStore } from './store.ts';
import { type DiskCall, diskError, MemoryDisk } from './testing/memory-disk.ts';

const ALL = { start: '/', end: '0' };
const VALUE = Buffer.alloc(500, 'v');

interface Opened {
  readonly disk: MemoryDisk;
  readonly clock: ManualClock;
  readonly store: Store;
}

async function open(disk = new MemoryDisk(), segmentBytes = 1 << 20): Promise<Opened> {
  const clock = new ManualClock();
  return { disk, clock, store: await openEmbeddedStore({ dir: '/store', disk, clock, segmentBytes, headroomBytes: 4 << 10 }) };
}

function put(key: string, value: Uint8Array = VALUE): Transaction {
  return { conditions: [], operations: [{ kind: 'put', key, value }] };
}

async function keys(store: Store): Promise<string> {
  return (await store.range(ALL)).entries.map(({ key }) => key).join(' ');
}

async function outcomeOf(write: Promise<unknown>): Promise<string> {
  try {
    await write;
    return 'written';
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    return error.outcome;
  }
}

/** Makes the next `times` calls of a kind fail. */
function failing(disk: MemoryDisk, calls: readonly DiskCall[], times = Infinity): void {
  let left = times;
  disk.onCall = (call, path) => {
    if (calls.includes(call) && left-- > 0) throw diskError('EIO', `${call} ${path}`);
  };
}

for (const segmentBytes of [1 << 20, 2 << 10]) {
  test(`a full disk refuses writes, serves reads, and takes writes again when there is room (segments of ${segmentBytes} bytes)`, async () => {
    const { disk, store } = await open(new MemoryDisk(), segmentBytes);
    disk.capacity = 20_000;
    const watch = store.watch(ALL);
    const written: string[] = [];
    for (let i = 10; ; i++) {
      const outcome = await outcomeOf(store.transact(put(`/${i}`)));
      if (outcome !== 'written') {
        assert.equal(outcome, 'none');
        break;
      }
      written.push(`/${i}`);
    }
    assert.ok(written.length > 20 && written.length < 40, `${written.length} were written`);
    const { revision } = await store.status();
    assert.equal(await outcomeOf(store.transact(put('/again'))), 'none');
    assert.equal(await keys(store), written.join(' '));

    disk.capacity = 100_000;
    assert.deepEqual(await store.transact(put('/after')), { committed: true, revision: revision + 1 });
    const seen: string[] = [];
    for await (const { events } of watch) {
      seen.push(...events.map(({ entry }) => entry.key));
      if (seen.includes('/after')) break;
    }
    assert.deepEqual(seen, [...written, '/after']);
    await store.close();
    const again = await open(disk.afterKill(), segmentBytes);
    assert.equal(await keys(again.store), [...written, '/after'].join(' '));
    await again.store.close();
  });
}

test('a write that fails takes with it what was decided after it, and nothing else', async () => {
  const { disk, store } = await open();
  const first = await store.transact(put('/a', Buffer.from('1')));
  failing(disk, ['writeDurably'], 1);
  const failed = store.transact(put('/a', Buffer.from('2')));
  const dependent = store.transact({
    conditions: [{ key: '/a', modRevision: first.revision + 1 }],
    operations: [{ kind: 'delete', key: '/a' }],
  });
  const conflict = store.transact({ conditions: [{ key: '/a', modRevision: 0 }], operations: [], readOnFailure: ['/a'] });
  assert.deepEqual(await Promise.all([failed, dependent, conflict].map(outcomeOf)), ['none', 'none', 'none']);
  assert.match(store.writeFault ?? '', /^EIO/);
  const { entries, revision } = await store.range(ALL);
  assert.deepEqual(
    entries.map(({ value, version }) => [value.toString(), version]),
    [['1', 1]],
  );
  assert.equal(revision, first.revision);
  assert.deepEqual(await store.transact(put('/b')), { committed: true, revision: revision + 1 });
  assert.equal(store.writeFault, undefined);
  await store.close();
});

test('a write whose sync fails and that cannot be undone has an unknown outcome; it is undone before the next write', async () => {
  const { disk, store } = await open();
  await store.transact(put('/a'));
  failing(disk, ['writeDurably', 'truncate']);
  assert.equal(await outcomeOf(store.transact(put('/lost'))), 'unknown');
  // Nothing of these reached the disk.
  assert.equal(await outcomeOf(store.transact(put('/refused'))), 'none');
  const killed = await open(disk.afterKill());
  assert.equal(await keys(killed.store), '/a /lost', 'a crash now may bring it back');
  await killed.store.close();

  disk.onCall = () => {};
  await store.transact(put('/b'));
  assert.equal(await keys(store), '/a /b');
  await store.close();
  const again = await open(disk.afterKill());
  assert.equal(await keys(again.store), '/a /b');
  await again.store.close();
});

test('a lease whose grant or revocation failed is as it was', async () => {
  const { disk, clock, store } = await open();
  const lease = await store.grantLease(10);
  await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/a', value: VALUE, lease }] });
  failing(disk, ['writeDurably'], 1);
  const results = [store.grantLease(5), store.revokeLease(lease), store.transact(put('/a'))].map(outcomeOf);
  assert.deepEqual(await Promise.all(results), ['none', 'none', 'none']);
  assert.equal((await store.range(ALL)).entries[0]?.lease, lease);
  const watch = store.watch(ALL);
  clock.advance(10_000);
  const { value } = await watch.next();
  assert.deepEqual(
    value?.events.map(({ type, entry }: { type: string; entry: { key: string } }) => `${type} ${entry.key}`),
    ['delete /a'],
  );
  await store.close();
});

test('a lease that expires while the disk is full is revoked when there is room', async () => {
  const { disk, clock, store } = await open();
  const lease = await store.grantLease(1);
  await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/a', value: VALUE, lease }] });
  const watch = store.watch(ALL);
  failing(disk, ['write']);
  clock.advance(1000);
  assert.equal(await outcomeOf(store.transact(put('/b'))), 'none');
  assert.equal(await keys(store), '/a');
  disk.onCall = () => {};
  clock.advance(1000);
  assert.equal((await watch.next()).value?.events[0]?.type, 'delete');
  await store.close();
});

test('nothing is seen before it is durable: not by a range, a watch, a conflict or a status', async () => {
  const { disk, store } = await open();
  const { revision } = await store.transact(put('/a', Buffer.from('old')));
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  disk.onCall = (call) => (call === 'writeDurably' ? held : undefined);
  const watch = store.watch(ALL);
  const next = watch.next();
  let answered = 0;
  const count = <T>(result: T): T => {
    answered++;
    return result;
  };
  const write = store.transact(put('/a', Buffer.from('new'))).then(count);
  const conflict = store
    .transact({ conditions: [{ key: '/a', modRevision: revision }], operations: [], readOnFailure: ['/a'] })
    .then(count);
  const nothing = store.transact({ conditions: [{ key: '/a', modRevision: revision + 1 }], operations: [] }).then(count);
  const event = next.then(count);
  const settled = await store.transact({ conditions: [{ key: '/other', modRevision: 5 }], operations: [] });
  assert.equal(settled.committed, false, 'what no waiting write touches is answered at once');
  for (let i = 0; i < 20; i++) await new Promise((resolve) => void setImmediate(resolve));
  assert.equal((await store.range(ALL)).entries[0]?.value.toString(), 'old');
  assert.equal((await store.status()).revision, revision);
  assert.equal(answered, 0);

  release();
  assert.deepEqual(await write, { committed: true, revision: revision + 1 });
  assert.deepEqual(await nothing, { committed: true, revision: revision + 1 });
  const answer = await conflict;
  assert.ok(!answer.committed);
  assert.equal(answer.present[0]?.value.toString(), 'new');
  assert.equal((await event).value?.revision, revision + 1);
  await store.close();
});

test('a disk that stalls is reported when too much waits for it', async () => {
  const { disk, store } = await open();
  await store.transact(put('/a'));
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  disk.onCall = (call) => (call === 'write' ? held : undefined);
  const large = Buffer.alloc(store.maxValueBytes);
  const writes = Array.from({ length: 120 }, (_, i) => outcomeOf(store.transact(put(`/${i}`, large))));
  release();
  const outcomes = await Promise.all(writes);
  assert.equal(outcomes[0], 'written');
  assert.equal(outcomes.at(-1), 'none');
  assert.equal(outcomes.indexOf('none'), outcomes.filter((outcome) => outcome === 'written').length);
  assert.equal(await outcomeOf(store.transact(put('/later'))), 'written');
  await store.close();
});

test('a disk that cannot be read makes ranges fail, and only them', async () => {
  const { disk, store } = await open();
  for (let i = 0; i < 100; i++) await store.transact(put(`/${i}`));
  failing(disk, ['read'], 1);
  await assert.rejects(store.range(ALL), (error: unknown) => error instanceof StoreUnavailableError && error.outcome === 'none');
  assert.equal((await store.range(ALL)).count, 100);
  await store.close();
});

test('a full disk is reported when a store is opened', async () => {
  const disk = new MemoryDisk();
  disk.capacity = 1000;
  await assert.rejects(open(disk), (error: unknown) => error instanceof StoreUnavailableError && /no space left/.test(error.message));
});
