// A contract transaction as one etcd transaction.
import type { KeyValue, Operation, Transaction, TransactionResult } from '../contract.ts';
import { checkOperations } from '../check-operations.ts';
import type { Cluster } from './cluster.ts';
import { type RequestOp, TXN, type TxnRequest } from './methods.ts';

/** @throws InvalidTransactionError, ServiceError */
export async function transact(cluster: Cluster, maxValueBytes: number, transaction: Transaction): Promise<TransactionResult> {
  // What all values together may be, the servers decide.
  checkOperations(transaction.operations, { maxValueBytes, maxTransactionBytes: Infinity });
  const { header, succeeded, responses } = await cluster.call(TXN, txnOf(transaction));
  if (succeeded) return { committed: true, revision: header.revision };
  const present = responses.map(({ responseRange }): KeyValue | undefined => responseRange?.kvs[0]);
  return { committed: false, revision: header.revision, present };
}

function txnOf({ conditions, operations, readOnFailure = [] }: Transaction): TxnRequest {
  return {
    compare: conditions.map(({ key, modRevision }) => ({ result: 'EQUAL', target: 'MOD', key, modRevision })),
    success: operations.map(requestOf),
    failure: readOnFailure.map((key) => ({ requestRange: { key } })),
  };
}

function requestOf(operation: Operation): RequestOp {
  const { key } = operation;
  return operation.kind === 'delete'
    ? { requestDeleteRange: { key } }
    : { requestPut: { key, value: operation.value, lease: operation.lease ?? 0 } };
}
