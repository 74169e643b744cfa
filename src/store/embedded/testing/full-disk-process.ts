// Run in a mount namespace of its own: fills the file system that the folder in argv[2] is on, and says as JSON what
// the store did about it.
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Store, StoreUnavailableError } from '../../contract.ts';
import { openEmbeddedStore } from '../store.ts';

const VALUE = Buffer.alloc(20_000, 'v');
const BALLAST_BYTES = 3 << 20;

const [, , root = ''] = process.argv;
const dir = join(root, 'store');
const ballast = join(root, 'ballast');

async function fill(store: Store): Promise<{ readonly written: number; readonly outcome: string; readonly message: string }> {
  for (let written = 0; ; written++) {
    try {
      await store.transact({ conditions: [], operations: [{ kind: 'put', key: `/${written}`, value: VALUE }] });
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      return { written, outcome: error.outcome, message: error.message };
    }
  }
}

await writeFile(ballast, Buffer.alloc(BALLAST_BYTES));
const store = await openEmbeddedStore({ dir, segmentBytes: 1 << 20 });
const full = await fill(store);
const readable = (await store.range({ start: '/', end: '0' })).count;
await rm(ballast);
const { revision } = await store.transact({ conditions: [], operations: [{ kind: 'put', key: '/after', value: VALUE }] });
await store.close();
const again = await openEmbeddedStore({ dir });
const { entries } = await again.range({ start: '/', end: '0' });
await again.close();
const whole = entries.every(({ value }) => VALUE.equals(value));
console.log(JSON.stringify({ ...full, readable, revision, count: entries.length, whole }));
