// Several transformers told apart by what their values begin with: new values go to the first, old ones find their own.
// Source: value.NewPrefixTransformers, identity.NewEncryptCheckTransformer.
import { bufferOf, DecryptionError, type Decrypted, type Transformer } from './contract.ts';

export interface Prefixed {
  /** `k8s:enc:aescbc:v1:`, `key1:`; empty for values as they are. */
  readonly prefix: string;
  readonly transformer: Transformer;
}

/** What every encrypted value begins with. */
export const ENCRYPTED = 'k8s:enc:';

/** @param unknown what a value without any of the prefixes is refused with */
export function prefixed(choices: readonly Prefixed[], unknown: string): Transformer {
  const [first] = choices;
  if (first === undefined) throw new RangeError('there must be one transformer at least');
  const prefixes = choices.map(({ prefix }) => Buffer.from(prefix));
  return {
    encrypt(plain, context) {
      const value = first.transformer.encrypt(plain, context);
      if (value instanceof Promise) return value.then((bytes) => headed(prefixes[0] as Buffer, bytes));
      return headed(prefixes[0] as Buffer, value);
    },
    decrypt(value, context) {
      const failures: string[] = [];
      const attempt = (from: number): Decrypted | Promise<Decrypted> => {
        for (let i = from; i < choices.length; i++) {
          const prefix = prefixes[i] as Buffer;
          if (!startsWith(value, prefix)) continue;
          const { transformer } = choices[i] as Prefixed;
          const old = i > 0;
          try {
            const found = transformer.decrypt(value.subarray(prefix.length), context);
            if (!(found instanceof Promise)) return aged(found, old);
            return found.then(
              (answer) => aged(answer, old),
              (error: unknown) => {
                failures.push(reason(error));
                return attempt(i + 1);
              },
            );
          } catch (error) {
            failures.push(reason(error));
          }
        }
        throw new DecryptionError(
          failures.length === 0 ? unknown : failures.length === 1 ? (failures[0] as string) : `[${failures.join(', ')}]`,
        );
      };
      return attempt(0);
    },
  };
}

const headed = (prefix: Buffer, bytes: Buffer): Buffer => (prefix.length === 0 ? bytes : Buffer.concat([prefix, bytes]));
const aged = (found: Decrypted, old: boolean): Decrypted => (old && !found.stale ? { ...found, stale: true } : found);
const startsWith = (value: Uint8Array, prefix: Buffer): boolean =>
  value.length >= prefix.length && prefix.compare(value, 0, prefix.length) === 0;

function reason(error: unknown): string {
  if (error instanceof DecryptionError) return error.message;
  throw error;
}

const MARK = Buffer.from(ENCRYPTED);

/** Values as they are. One that is encrypted is not such a value, whatever key it wants. */
export const identity: Transformer = {
  encrypt: (plain) => bufferOf(plain),
  decrypt(value) {
    if (startsWith(value, MARK)) throw new DecryptionError('identity transformer tried to read encrypted data');
    return { value: bufferOf(value), stale: false };
  },
};
