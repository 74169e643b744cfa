// Decides a transaction against the index as it will be once everything decided before is durable. Changes nothing.
import { InvalidTransactionError, type Condition, type Operation, type Transaction } from '../contract.ts';
import { checkOperations } from '../check-operations.ts';
import { toByteOrder } from '../key-order.ts';
import type { KeyTree } from './key-tree.ts';
import type { RecordFields } from './record.ts';
import type { Version } from './version.ts';

/** Most bytes of values in one transaction, so that a commit stays a bounded piece of work. */
const MAX_TRANSACTION_BYTES = 64 << 20;

/** What a decision looks at. */
export interface PlanView {
  readonly tree: KeyTree;
  /** The revision the writes would get. */
  readonly next: number;
  /** Highest revision that is durable: what is above may still fail. */
  readonly visible: number;
  readonly maxValueBytes: number;
  leaseExists(lease: number): boolean;
}

export interface PlannedWrite {
  readonly fields: Omit<RecordFields, 'kind'>;
  readonly value: Uint8Array;
  readonly older: Version | undefined;
}

/** `settled`: the answer rests on durable versions only, and need not wait for a commit. */
export type TransactionPlan =
  | { readonly kind: 'write'; readonly writes: readonly PlannedWrite[] }
  | { readonly kind: 'nothing'; readonly settled: boolean }
  | { readonly kind: 'conflict'; readonly settled: boolean; readonly present: readonly (Version | undefined)[] };

export const NO_VALUE = new Uint8Array(0);

/** @throws InvalidTransactionError when it must be refused whole, whatever the conditions say */
export function planTransaction(transaction: Transaction, view: PlanView): TransactionPlan {
  const { conditions, operations, readOnFailure = [] } = transaction;
  const keys = checkOperations(operations, { maxValueBytes: view.maxValueBytes, maxTransactionBytes: MAX_TRANSACTION_BYTES });
  if (!conditions.every((condition) => holds(condition, view))) {
    const present = readOnFailure.map((key) => existing(view.tree.get(toByteOrder(key))));
    const looked = [...conditions.map(({ key }) => key), ...readOnFailure];
    return { kind: 'conflict', settled: isSettled(looked, view), present };
  }
  const writes: PlannedWrite[] = [];
  for (let i = 0; i < operations.length; i++) {
    const write = planWrite(operations[i] as Operation, keys[i] as string, view);
    if (write !== undefined) writes.push(write);
  }
  if (writes.length > 0) return { kind: 'write', writes };
  return { kind: 'nothing', settled: isSettled([...conditions.map(({ key }) => key), ...operations.map(({ key }) => key)], view) };
}

function holds({ key, modRevision }: Condition, { tree }: PlanView): boolean {
  return (existing(tree.get(toByteOrder(key)))?.modRevision ?? 0) === modRevision;
}

function existing(newest: Version | undefined): Version | undefined {
  return newest !== undefined && newest.exists ? newest : undefined;
}

function isSettled(keys: readonly string[], { tree, visible }: PlanView): boolean {
  return keys.every((key) => (tree.get(toByteOrder(key))?.modRevision ?? 0) <= visible);
}

function planWrite(operation: Operation, key: string, view: PlanView): PlannedWrite | undefined {
  const older = view.tree.get(key);
  const before = existing(older);
  if (operation.kind === 'delete') {
    if (before === undefined) return undefined;
    return { fields: { key, modRevision: view.next, createRevision: 0, version: 0, lease: 0 }, value: NO_VALUE, older };
  }
  const lease = operation.lease ?? 0;
  if (lease !== 0 && !view.leaseExists(lease)) throw new InvalidTransactionError(`lease ${lease} does not exist`);
  const fields = {
    key,
    modRevision: view.next,
    createRevision: before?.createRevision ?? view.next,
    version: (before?.version ?? 0) + 1,
    lease,
  };
  return { fields, value: operation.value, older };
}
