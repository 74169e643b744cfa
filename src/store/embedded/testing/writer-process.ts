// A process that opens the store in argv[2] and writes to it from many sides until it is killed, saying what was
// acknowledged: one line `revision key tag` each on its standard output. Argument 3 is a number that makes its tags
// its own. It also compacts as it goes.
import { writeSync } from 'node:fs';
import { type Store, StoreUnavailableError } from '../../contract.ts';
import { openEmbeddedStore } from '../store.ts';

const WRITERS = 24;
const KEYS_EACH = 8;
const COMPACT_EVERY = 400;
const KEEP = 200;

async function writer(store: Store, run: string, number: number): Promise<void> {
  const padding = 'x'.repeat(100 + number * 60);
  for (let i = 0; ; i++) {
    const tag = `${run}.${number}.${i}`;
    const keys = [`/w${number}/k${i % KEYS_EACH}`, `/w${number}/twin${i % KEYS_EACH}`];
    const value = Buffer.from(`${tag} ${padding}`);
    const { revision } = await store.transact({ conditions: [], operations: keys.map((key) => ({ kind: 'put', key, value })) });
    // Written at once and in whole: what is not said here may be forgotten, what is said may not.
    writeSync(1, `${revision} ${keys[0]} ${tag}\n`);
    if (revision % COMPACT_EVERY === 0) await store.compact(revision - KEEP);
  }
}

const [, , dir = '', run = ''] = process.argv;
const store = await openEmbeddedStore({ dir, segmentBytes: 256 << 10 });
writeSync(1, 'ready\n');
try {
  await Promise.all(Array.from({ length: WRITERS }, (_, number) => writer(store, run, number)));
} catch (error) {
  // How a full disk ends it; the test looks at what is there afterwards.
  if (!(error instanceof StoreUnavailableError)) throw error;
  writeSync(1, `refused ${error.outcome} ${error.message}\n`);
}
