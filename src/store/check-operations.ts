// pure
// What a transaction must be for any engine to take it.
import { InvalidTransactionError, type Operation } from './contract.ts';
import { writableKey } from './key-order.ts';

export interface OperationBounds {
  /** Bytes of one value. */
  readonly maxValueBytes: number;
  /** Bytes of all values together. */
  readonly maxTransactionBytes: number;
}

/**
 * The operations' keys in byte order (./key-order.ts), in their order.
 * @throws InvalidTransactionError when a key or value cannot be written, or a key is written twice
 */
export function checkOperations(
  operations: readonly Operation[],
  { maxValueBytes, maxTransactionBytes }: OperationBounds,
): readonly string[] {
  let total = 0;
  const keys = operations.map((operation) => {
    const key = writableKey(operation.key);
    if (operation.kind === 'put') {
      const { length } = operation.value;
      if (length > maxValueBytes)
        throw new InvalidTransactionError(`value of ${length} bytes is longer than ${maxValueBytes}: ${operation.key}`);
      total += length;
    }
    return key;
  });
  if (total > maxTransactionBytes)
    throw new InvalidTransactionError(`values of ${total} bytes in one transaction exceed ${maxTransactionBytes}`);
  if (keys.length > 1) refuseTwice(keys, operations);
  return keys;
}

function refuseTwice(keys: readonly string[], operations: readonly Operation[]): void {
  const seen = new Set<string>();
  for (let i = 0; i < keys.length; i++) {
    if (seen.has(keys[i] as string)) throw new InvalidTransactionError(`key is written twice: ${operations[i]?.key}`);
    seen.add(keys[i] as string);
  }
}
