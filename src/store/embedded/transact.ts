// Transactions: decided in the order of the calls, in the turn of the call; answered when their commit is durable.
import { type KeyValue, StoreUnavailableError, type Transaction, type TransactionResult } from '../contract.ts';
import { entryOf } from './entry.ts';
import { RECORD_HEADER_BYTES, type RecordFields } from './record.ts';
import type { Answer, StoreState } from './state.ts';
import { type PlannedWrite, planTransaction } from './transaction-plan.ts';
import { readValue } from './values.ts';
import { Version } from './version.ts';

/** Bytes that may wait for the disk; beyond this a stalled disk is reported rather than buffered for. */
export const MAX_WAITING_BYTES = 128 << 20;

type Settle<T> = (result: T) => void;
type Refuse = (error: unknown) => void;

/** @throws InvalidTransactionError, StoreUnavailableError */
export function transact(state: StoreState, maxValueBytes: number, transaction: Transaction): Promise<TransactionResult> {
  return new Promise((resolve, reject) => {
    assertWritable(state);
    const next = state.decided + 1;
    const plan = planTransaction(transaction, {
      tree: state.tree,
      next,
      visible: state.visible,
      maxValueBytes,
      leaseExists: (lease) => state.leases.get(lease) !== undefined,
    });
    if (plan.kind === 'write') {
      state.decided = next;
      addWrites(state, plan.writes);
      state.log.filling.content.answers.push(new Acknowledgement(next, resolve, reject));
      return;
    }
    const present = plan.kind === 'conflict' ? plan.present : undefined;
    const revision = plan.settled ? state.visible : state.decided;
    const answer = new Reply(revision, present, resolve, reject);
    if (plan.settled) answer.settle();
    else answerWithLatest(state, answer);
  });
}

/** @throws StoreUnavailableError */
export function assertWritable({ log, closed }: StoreState): void {
  if (closed) throw new StoreUnavailableError('the store is closed');
  if (log.filling.records.length > MAX_WAITING_BYTES) {
    throw new StoreUnavailableError(`the store's disk does not keep up: ${log.filling.records.length} bytes are waiting to be written`);
  }
}

/** Puts decided writes into the index and the filling commit, as the end of one transaction. */
export function addWrites(state: StoreState, writes: readonly PlannedWrite[]): void {
  for (let i = 0; i < writes.length; i++) {
    const { fields, value, older } = writes[i] as PlannedWrite;
    const { segment, start, records, content } = state.log.filling;
    const location = { segment, offset: start + records.length };
    const version = new Version(fields, location, RECORD_HEADER_BYTES + fields.key.length + value.length, older);
    state.log.add(version, writes.length - 1 - i, value);
    state.put(version);
    content.versions.push(version);
    content.values.push(value);
  }
}

/** Adds a record that is no write; `remaining` others of its transaction follow. Returns where it is. */
export function addRecord(
  state: StoreState,
  fields: RecordFields,
  remaining: number,
): { readonly offset: number; readonly length: number } {
  const { start, records } = state.log.filling;
  const offset = start + records.length;
  return { offset, length: state.log.add(fields, remaining) };
}

/** Answers when everything decided so far is durable. */
export function answerWithLatest(state: StoreState, answer: Answer): void {
  const latest = state.log.latest;
  if (latest === undefined) answer.settle();
  else latest.content.answers.push(answer);
}

/** To a transaction that writes. */
class Acknowledgement implements Answer {
  readonly #revision: number;
  readonly #resolve: Settle<TransactionResult>;
  readonly refuse: Refuse;

  constructor(revision: number, resolve: Settle<TransactionResult>, reject: Refuse) {
    this.#revision = revision;
    this.#resolve = resolve;
    this.refuse = reject;
  }

  settle(): void {
    this.#resolve({ committed: true, revision: this.#revision });
  }
}

/** To a transaction that writes nothing: its conditions failed, or there was nothing to do (`present` undefined). */
class Reply implements Answer {
  readonly #revision: number;
  readonly #present: readonly (Version | undefined)[] | undefined;
  readonly #resolve: Settle<TransactionResult>;
  readonly refuse: Refuse;

  /** `revision`: the one the transaction was judged at. */
  constructor(revision: number, present: readonly (Version | undefined)[] | undefined, resolve: Settle<TransactionResult>, reject: Refuse) {
    this.#revision = revision;
    this.#present = present;
    this.#resolve = resolve;
    this.refuse = reject;
  }

  settle(): void {
    const revision = this.#revision;
    if (this.#present === undefined) return this.#resolve({ committed: true, revision });
    try {
      this.#resolve({ committed: false, revision, present: this.#present.map(presentEntry) });
    } catch (error) {
      this.refuse(error);
    }
  }
}

function presentEntry(version: Version | undefined): KeyValue | undefined {
  return version === undefined ? undefined : entryOf(version, readValue(version));
}
