// Disk use follows what is alive, not what was ever written; and rewriting changes nothing that can be read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import type { Store } from '../contract.ts';
import { planCleaning } from './cleaning-plan.ts';
import { openEmbeddedStore } from './store.ts';
import { MemoryDisk } from './testing/memory-disk.ts';

const ALL = { start: '/', end: '0' };
const SEGMENT_BYTES = 8 << 10;

function open(disk: MemoryDisk): Promise<Store> {
  return openEmbeddedStore({ dir: '/store', disk, clock: new ManualClock(), segmentBytes: SEGMENT_BYTES, headroomBytes: 1 << 10 });
}

function bytesOf(disk: MemoryDisk): number {
  return disk.names.filter((name) => name.endsWith('.segment')).reduce((sum, name) => sum + disk.bytesOf(name).length, 0);
}

async function contents(store: Store, revision = 0): Promise<string[]> {
  const { entries } = await store.range({ ...ALL, revision });
  return entries.map((entry) => JSON.stringify({ ...entry, value: Buffer.from(entry.value).toString() }));
}

test('a store that overwrites the same keys for ever stays small', async () => {
  const ids = seededIds(1);
  const disk = new MemoryDisk();
  let store = await open(disk);
  const lease = await store.grantLease(100);
  await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/leased', value: Buffer.from('x'), lease }] });
  for (let i = 1; i <= 4000; i++) {
    const key = `/k${Math.floor(ids.fraction() * 40)}`;
    const operation =
      ids.fraction() < 0.2 ? ({ kind: 'delete', key } as const) : ({ kind: 'put', key, value: Buffer.alloc(150, `${i} `) } as const);
    const { revision } = await store.transact({ conditions: [], operations: [operation] });
    if (i % 200 === 0) await store.compact(revision - 50);
    if (i % 900 !== 0) continue;
    const [before, past] = [await contents(store), await contents(store, revision - 30)];
    await store.close();
    assert.ok(bytesOf(disk) < 8 * SEGMENT_BYTES, `${bytesOf(disk)} bytes after ${i} writes of 200 bytes`);
    store = await open(disk.afterKill());
    assert.deepEqual(await contents(store), before);
    assert.deepEqual(await contents(store, revision - 30), past);
    await store.close();
    store = await open(disk);
  }
  await store.revokeLease(lease);
  assert.equal((await store.range({ start: '/leased' })).count, 0);
  await store.close();
});

test('a store whose keys are all deleted gives nearly everything back, and forgets no deletion', async () => {
  const disk = new MemoryDisk();
  let store = await open(disk);
  for (let i = 0; i < 500; i++)
    await store.transact({ conditions: [], operations: [{ kind: 'put', key: `/k${i}`, value: Buffer.alloc(200) }] });
  for (let i = 0; i < 500; i++) await store.transact({ conditions: [], operations: [{ kind: 'delete', key: `/k${i}` }] });
  const { revision } = await store.status();
  const full = bytesOf(disk);
  await store.compact(revision);
  for (let turn = 0; turn < 5000 && bytesOf(disk) > full / 8; turn++) await new Promise((resolve) => void setImmediate(resolve));
  assert.ok(bytesOf(disk) < full / 8, `${bytesOf(disk)} of ${full} bytes are left`);
  await store.close();
  for (let round = 0; round < 3; round++) {
    store = await open(disk);
    assert.deepEqual(await contents(store), []);
    assert.equal((await store.status()).revision, revision);
    await store.close();
  }
});

test('reads and watches go on while segments are rewritten under them', async () => {
  const disk = new MemoryDisk();
  const store = await open(disk);
  for (let i = 0; i < 600; i++)
    await store.transact({ conditions: [], operations: [{ kind: 'put', key: `/k${i % 100}`, value: Buffer.alloc(300, `${i} `) }] });
  const { revision } = await store.status();
  const expected = await contents(store);
  const snapshot: Uint8Array[] = [];
  const watch = store.watch({ ...ALL, revision: revision - 99 });
  const reading = Promise.all([contents(store), contents(store, revision), watch.next()]);
  const copying = (async () => {
    for await (const piece of store.snapshot()) snapshot.push(piece);
  })();
  await store.compact(revision - 99);
  for (let i = 0; i < 20; i++) assert.deepEqual(await contents(store), expected);
  const [now, then, batch] = await reading;
  assert.deepEqual([now, then], [expected, expected]);
  assert.equal(batch.value?.events.length, 100);
  await copying;
  assert.ok(Buffer.concat(snapshot).length > 100 * 300);
  await store.close();
});

const use = (first: number, end: number, dead: number): { first: number; last: number; end: number; dead: number } => ({
  first,
  last: first,
  end,
  dead,
});

for (const c of [
  { name: 'does nothing for little that is dead', sealed: [use(1, 100, 10), use(2, 100, 15)], groups: [] },
  { name: 'does nothing while less than half is dead', sealed: [use(1, 100, 90), use(2, 100, 0)], groups: [] },
  { name: 'rewrites what has dead records once half is dead', sealed: [use(1, 100, 100), use(2, 100, 0)], groups: [[1, 2]] },
  { name: 'leaves full segments alone', sealed: [use(1, 100, 0), use(2, 100, 90), use(3, 100, 80), use(4, 100, 95)], groups: [[2, 3, 4]] },
  { name: 'makes several of what does not fit in one', sealed: [use(1, 100, 40), use(2, 100, 50), use(3, 100, 70)], groups: [[1], [2, 3]] },
]) {
  test(`planCleaning ${c.name}`, () => {
    const planned = planCleaning(c.sealed, 100);
    assert.deepEqual(
      planned.map((group) => group.map(({ first }) => first)),
      c.groups,
    );
  });
}
