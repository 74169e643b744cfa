// What etcd's errors mean for the contract: one table, one decision.
import { type ServiceError, status } from '@grpc/grpc-js';
import { InvalidTransactionError, StoreUnavailableError } from '../contract.ts';

/**
 * - `compacted`, `future`: of the revision that was asked for.
 * - `invalid`: the transaction is refused whole.
 * - `no lease`, `lease exists`: of the lease that was named.
 * - `not tried`: the server cannot serve now, and has not begun.
 * - `unknown`: no answer, or one that leaves open what happened.
 */
export type Refusal = 'compacted' | 'future' | 'invalid' | 'no lease' | 'lease exists' | 'not tried' | 'unknown';

/** By what the server says. Source: etcd api/v3rpc/rpctypes ErrGRPC*. */
const REFUSALS: Readonly<Record<string, Refusal>> = {
  'etcdserver: mvcc: required revision has been compacted': 'compacted',
  'etcdserver: mvcc: required revision is a future revision': 'future',
  'etcdserver: key is not provided': 'invalid',
  'etcdserver: too many operations in txn request': 'invalid',
  'etcdserver: duplicate key given in txn request': 'invalid',
  'etcdserver: request is too large': 'invalid',
  'etcdserver: too large lease TTL': 'invalid',
  'etcdserver: requested lease not found': 'no lease',
  'etcdserver: lease already exists': 'lease exists',
  'etcdserver: mvcc: database space exceeded': 'not tried',
  'etcdserver: too many requests': 'not tried',
  'etcdserver: no leader': 'not tried',
  'etcdserver: not capable': 'not tried',
  'etcdserver: unhealthy cluster': 'not tried',
  'etcdserver: rpc not supported for learner': 'not tried',
  'etcdserver: permission denied': 'not tried',
  'etcdserver: invalid auth token': 'not tried',
  'etcdserver: user name is empty': 'not tried',
};

export function refusalOf({ code, details }: ServiceError): Refusal {
  // grpc-js refuses what exceeds the server's limit on a message before it is sent, and the server before it is read.
  if (code === status.RESOURCE_EXHAUSTED && /message larger than max|larger than max/.test(details)) return 'invalid';
  return REFUSALS[details] ?? 'unknown';
}

/** Whether another member may answer what this one could not. */
export function isMembersFault({ code, details }: ServiceError): boolean {
  return code === status.UNAVAILABLE || details === 'etcdserver: too many requests';
}

/** The contract's error for a refusal that says nothing about what was asked for. */
export function unavailable(error: ServiceError, effect: 'read' | 'write'): Error {
  const refusal = refusalOf(error);
  if (refusal === 'invalid' || refusal === 'no lease') return new InvalidTransactionError(error.details, { cause: error });
  const outcome = effect === 'write' && refusal === 'unknown' ? 'unknown' : 'none';
  return new StoreUnavailableError(`etcd: ${status[error.code]}: ${error.details}`, outcome, { cause: error });
}

export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}
