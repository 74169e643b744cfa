import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ManualClock } from '#base/clock.ts';
import { type Engine, type OpenOptions, storeContractSuite, type StoreUnderTest } from '../contract-suite.ts';
import type { Store } from '../contract.ts';
import { openEmbeddedStore, restoreEmbeddedStore } from './store.ts';

/** Small, so that the suite crosses from segment to segment all the time. */
const SEGMENT_BYTES = 16 << 10;
const HEADROOM_BYTES = 8 << 10;

const embedded: Engine = {
  name: 'embedded',
  async open({ watchQueue }: OpenOptions = {}): Promise<StoreUnderTest> {
    const root = await mkdtemp(join(tmpdir(), 'proa-store-'));
    const clock = new ManualClock();
    const stores: Store[] = [];
    let dir = join(root, '0');
    const open = async (): Promise<Store> => {
      const store = await openEmbeddedStore({
        dir,
        clock,
        segmentBytes: SEGMENT_BYTES,
        headroomBytes: HEADROOM_BYTES,
        ...(watchQueue === undefined ? {} : { watchQueue }),
      });
      stores.push(store);
      return store;
    };
    return {
      store: await open(),
      prefix: '/test/',
      async reopen() {
        await stores.at(-1)?.close();
        return open();
      },
      // The folder as it is at this moment is what a killed process leaves behind.
      async crash() {
        const left = dir;
        dir = join(root, String(stores.length));
        await cp(left, dir, { recursive: true });
        await rm(join(dir, 'lock'));
        return open();
      },
      async restore(snapshot) {
        dir = join(root, `restored-${stores.length}`);
        await restoreEmbeddedStore(dir, snapshot);
        return open();
      },
      async elapse(milliseconds) {
        clock.advance(milliseconds);
      },
      async dispose() {
        for (const store of stores) await store.close();
        await rm(root, { recursive: true });
      },
    };
  },
};

storeContractSuite(embedded);
