// pure
// What every lease is granted by, whatever the engine: a time that is allowed, and a number.
import type { Ids } from '#base/ids.ts';
import { InvalidTransactionError } from './contract.ts';

/** Longest time to live, in seconds. Source: etcd lease.MaxLeaseTTL. */
const MAX_TTL_SECONDS = 9_000_000_000;

/** @throws InvalidTransactionError for a time to live that is not whole seconds, at least one */
export function checkTtl(ttlSeconds: number): void {
  if (Number.isInteger(ttlSeconds) && ttlSeconds >= 1 && ttlSeconds <= MAX_TTL_SECONDS) return;
  throw new InvalidTransactionError(`a lease of ${ttlSeconds} seconds: not a whole number from 1 to ${MAX_TTL_SECONDS}`);
}

/** Bytes of a lease's number: exact as a double, and so many that one is not met again after its lease is gone. */
const LEASE_NUMBER_BYTES = 6;

/** A number for a new lease, never 0; the engine makes sure that it is free. */
export function drawLease(ids: Ids): number {
  const number = Buffer.from(ids.bytes(LEASE_NUMBER_BYTES)).readUIntBE(0, LEASE_NUMBER_BYTES);
  return number === 0 ? 1 : number;
}
