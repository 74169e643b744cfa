// A real process on a real disk is killed under load, again and again.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { seededIds } from '#base/ids.ts';
import type { Store } from '../contract.ts';
import { StoreLockedError } from './errors.ts';
import { openEmbeddedStore } from './store.ts';

const WRITER = fileURLToPath(new URL('testing/writer-process.ts', import.meta.url));
const KILLS = 10;

interface Acknowledged {
  readonly revision: number;
  readonly tag: string;
}

/** Runs the writer, kills it after it has acknowledged `count` writes; adds what it acknowledged to `ledger`. */
async function writeAndKill(dir: string, run: number, count: number, ledger: Map<string, Acknowledged>): Promise<void> {
  const child = spawn(process.execPath, [WRITER, dir, String(run)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    const [revision = '', key = '', tag = ''] = line.split(' ');
    if (revision === 'ready') continue;
    // Concurrent writers of one key do not exist: the last acknowledged one is the newest.
    ledger.set(key, { revision: Number(revision), tag });
    if (++seen === count) child.kill('SIGKILL');
  }
  const [, signal] = (await exited) as [number | null, NodeJS.Signals | null];
  assert.equal(signal, 'SIGKILL');
}

async function compare(store: Store, ledger: ReadonlyMap<string, Acknowledged>): Promise<void> {
  const { entries, revision } = await store.range({ start: '/', end: '0' });
  const byKey = new Map(entries.map((entry) => [entry.key, entry]));
  for (const [key, acknowledged] of ledger) {
    const entry = byKey.get(key);
    assert.ok(entry !== undefined, `${key} is there`);
    assert.ok(entry.modRevision >= acknowledged.revision && revision >= acknowledged.revision);
    const tag = tagOf(entry.value);
    if (entry.modRevision === acknowledged.revision) assert.equal(tag, acknowledged.tag);
    const twin = byKey.get(key.replace('/k', '/twin'));
    assert.equal(twin && tagOf(twin.value), tag, `${key} and its twin were written together`);
    assert.equal(twin?.modRevision, entry.modRevision);
  }
}

function tagOf(value: Uint8Array): string {
  return Buffer.from(value).toString().split(' ')[0] ?? '';
}

test(`every acknowledged write survives kill -9, ${KILLS} times over, and opening needs no help`, async () => {
  const dir = await mkdtemp(join(tmpdir(), 'proa-store-kill-'));
  const ids = seededIds(5);
  const ledger = new Map<string, Acknowledged>();
  let last = 0;
  try {
    for (let run = 0; run < KILLS; run++) {
      await writeAndKill(dir, run, 200 + Math.floor(ids.fraction() * 3000), ledger);
      const store = await openEmbeddedStore({ dir });
      await compare(store, ledger);
      const { revision } = await store.status();
      assert.ok(revision > last);
      const result = await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/own', value: Buffer.from(`${run}`) }] });
      assert.equal(result.revision, revision + 1);
      last = result.revision;
      await store.close();
    }
  } finally {
    await rm(dir, { recursive: true });
  }
});

test('a folder in use is refused, by the pid of who uses it, and free again after kill -9', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'proa-store-lock-'));
  const child: ChildProcess = spawn(process.execPath, [WRITER, dir, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    assert.ok(child.stdout !== null);
    for await (const line of createInterface({ input: child.stdout })) if (line === 'ready') break;
    await assert.rejects(openEmbeddedStore({ dir }), (error: unknown) => {
      assert.ok(error instanceof StoreLockedError);
      assert.equal(error.message, `${dir} is in use by process ${child.pid}`);
      return true;
    });
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;

    const store = await openEmbeddedStore({ dir });
    await assert.rejects(openEmbeddedStore({ dir }), new RegExp(`is in use by process ${process.pid} \\(this one\\)`));
    await store.close();
    const [first, second] = await Promise.allSettled([openEmbeddedStore({ dir }), openEmbeddedStore({ dir })]);
    assert.deepEqual([first.status, second.status].toSorted(), ['fulfilled', 'rejected'], 'of two openers one gets it');
    for (const each of [first, second]) if (each.status === 'fulfilled') await each.value.close();
  } finally {
    child.kill('SIGKILL');
    await rm(dir, { recursive: true });
  }
});

for (const [name, text] of [
  ['of a process that is gone', '2147483646\n'],
  ['of an earlier process with this pid', `${process.pid}\n`],
  ['that a power loss emptied', ''],
  ['that says nothing', 'hello\n'],
] as const) {
  test(`a lock ${name} is in nobody's way`, async () => {
    const dir = await mkdtemp(join(tmpdir(), 'proa-store-lock-'));
    try {
      await writeFile(join(dir, 'lock'), text);
      await (await openEmbeddedStore({ dir })).close();
    } finally {
      await rm(dir, { recursive: true });
    }
  });
}
