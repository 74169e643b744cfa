// Leases as records: granted, revoked, and revoked by themselves when their time has run out.
import { StoreUnavailableError } from '../contract.ts';
import { checkTtl, drawLease } from '../lease-grant.ts';
import { RECORD_KIND, storeRecord } from './record.ts';
import type { StoreState } from './state.ts';
import { addRecord, addWrites, answerWithLatest, assertWritable } from './transact.ts';
import { NO_VALUE, type PlannedWrite } from './transaction-plan.ts';

/** How long an expired lease whose keys could not be deleted waits for the next attempt, in milliseconds. */
const RETRY_EXPIRY_MS = 1000;

/** @throws InvalidTransactionError for a time that is not whole seconds from 1; StoreUnavailableError */
export function grantLease(state: StoreState, ttlSeconds: number): Promise<number> {
  return new Promise((resolve, reject) => {
    checkTtl(ttlSeconds);
    assertWritable(state);
    const id = freeNumber(state);
    const { segment, content } = state.log.filling;
    const { length } = addRecord(state, storeRecord(RECORD_KIND.grant, state.decided, { lease: id, createRevision: ttlSeconds }), 0);
    const lease = { id, ttlSeconds, segment, length, durable: false, keys: new Set<string>() };
    state.leases.add(lease);
    content.granted.push(lease);
    content.answers.push({ settle: () => resolve(id), refuse: reject });
  });
}

function freeNumber({ ids, leases }: StoreState): number {
  for (;;) {
    const id = drawLease(ids);
    if (leases.get(id) === undefined) return id;
  }
}

/** Deletes the lease and its keys in one transaction. @throws StoreUnavailableError */
export function revokeLease(state: StoreState, id: number): Promise<void> {
  return new Promise((resolve, reject) => {
    assertWritable(state);
    const answer = { settle: () => resolve(), refuse: reject };
    const lease = state.leases.remove(id);
    if (lease === undefined) return answerWithLatest(state, answer);
    const deletes = [...lease.keys].flatMap((key): PlannedWrite[] => {
      const older = state.tree.get(key);
      const fields = { key, modRevision: state.decided + 1, createRevision: 0, version: 0, lease: 0 };
      return older?.exists === true ? [{ fields, value: NO_VALUE, older }] : [];
    });
    if (deletes.length > 0) state.decided++;
    const { content } = state.log.filling;
    addRecord(state, storeRecord(RECORD_KIND.revoke, state.decided, { lease: id }), deletes.length);
    addWrites(state, deletes);
    content.revoked.push(lease);
    content.answers.push(answer);
  });
}

/** Revokes a lease whose time has run out, as often as it takes. */
export async function expireLease(state: StoreState, id: number): Promise<void> {
  try {
    await revokeLease(state, id);
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    if (state.closed) return;
    state.clock.after(RETRY_EXPIRY_MS, () => void expireLease(state, id));
  }
}
