// What the store throws, in the API's words.
import { internalError, StatusError } from '#apimachinery/errors.ts';
import { InvalidTransactionError, StoreUnavailableError } from '#store/contract.ts';
import { DecryptionError, EncryptionError } from '../encryption/contract.ts';

/** Without a reason, as upstream passes it on. Source: etcd's ErrGRPCRequestTooLarge, ErrorToAPIStatus. */
export const tooLarge = (): StatusError => new StatusError('', 'etcdserver: request is too large');

/** The store could not be reached, or left open what it did: no look at the object makes that another answer. */
export class StoreFailure extends StatusError {}

function unavailable(error: StoreUnavailableError): StoreFailure {
  const message = `storage is unavailable: ${error.message}`;
  // After `unknown` a repeated request may find its own work done; the client must look before it repeats.
  return error.outcome === 'unknown'
    ? new StoreFailure('Timeout', message)
    : new StoreFailure('ServiceUnavailable', message, { retryAfterSeconds: 1 });
}

/** @throws StatusError; what is no failure of the store, unchanged */
export async function guarded<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    // Source: storage InterpretGetError and kin, of storage.InternalError.
    if (error instanceof DecryptionError || error instanceof EncryptionError) throw internalError(error);
    if (error instanceof StoreUnavailableError) throw unavailable(error);
    if (error instanceof InvalidTransactionError) throw tooLarge();
    throw error;
  }
}
