// Compaction: reads below a revision end at once and for good; what only they needed is forgotten in small steps.
import { FutureRevisionError } from '../contract.ts';
import { RECORD_KIND, storeRecord } from './record.ts';
import type { StoreState } from './state.ts';
import { addRecord, assertWritable } from './transact.ts';

/** Versions looked at in one turn of the event loop. */
const STEP = 5_000;

/** @throws FutureRevisionError, StoreUnavailableError */
export function compact(state: StoreState, revision: number): Promise<void> {
  return new Promise((resolve, reject) => {
    assertWritable(state);
    if (revision > state.visible) throw new FutureRevisionError(state.visible);
    if (revision <= state.compactRevision) return resolve();
    const { segment, content } = state.log.filling;
    const place = addRecord(state, storeRecord(RECORD_KIND.compact, state.decided, { createRevision: revision }), 0);
    content.compactions.push({ revision, segment, ...place });
    content.answers.push({ settle: () => resolve(), refuse: reject });
  });
}

/** Forgets what compaction allows, a step a turn; resolves when nothing is left to forget. */
export async function forget(state: StoreState): Promise<void> {
  while (!state.closed && forgetStep(state)) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function forgetStep({ history, tree, compactRevision }: StoreState): boolean {
  return history.forget(compactRevision, STEP, tree, (version) => {
    version.segment.dead += version.length;
  });
}
