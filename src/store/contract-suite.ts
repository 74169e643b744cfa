// Proves that an engine keeps every promise of ./contract.ts. The same tests run against every engine; what they
// cannot see from outside (what is on the disk, what a connection does) each engine tests beside itself.
import { after, describe } from 'node:test';
import type { Engine } from './contract-suite/engine.ts';
import { declareCompaction, declareLeases, declareRestarts } from './contract-suite/lifetimes.ts';
import { declareModel } from './contract-suite/model.ts';
import { declareRanges } from './contract-suite/ranges.ts';
import { declareTransactions } from './contract-suite/transactions.ts';
import { declareWatches } from './contract-suite/watches.ts';

export type { Engine, OpenOptions, StoreUnderTest } from './contract-suite/engine.ts';

/** Declares the whole suite for an engine. */
export function storeContractSuite(engine: Engine): void {
  void describe(`the ${engine.name} store keeps the contract`, () => {
    after(() => engine.stop?.());
    declareRanges(engine);
    declareTransactions(engine);
    declareWatches(engine);
    declareCompaction(engine);
    declareLeases(engine);
    declareRestarts(engine);
    declareModel(engine);
  });
}
