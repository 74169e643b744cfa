// What a type takes and upstream's conversion to its internal type does not.
import { goQuote } from '#apimachinery/go-format.ts';
import { DecodeError } from './decode.ts';
import { ANNOTATION } from './well-known.ts';

interface Annotated {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

const DAEMON_SET = 'io.k8s.api.apps.v1.DaemonSet';
const MAX_INT64 = 2n ** 63n - 1n;

/**
 * @param type name of the definition that `object` is decoded by
 * @throws DecodeError for a DaemonSet whose count of templates, an annotation that is a field inside, is no int64. Source:
 * Convert_v1_DaemonSet_To_apps_DaemonSet
 */
export function refuseUnconvertible(object: unknown, type: string): void {
  if (type !== DAEMON_SET) return;
  const count = (object as Annotated).metadata?.annotations?.[ANNOTATION.daemonSetGeneration];
  if (count === undefined) return;
  const refuse = (why: string): never => {
    throw new DecodeError(`strconv.ParseInt: parsing ${goQuote(count)}: ${why}`);
  };
  if (!/^[+-]?\d+$/.test(count)) return refuse('invalid syntax');
  const value = BigInt(count.replace(/^\+/, ''));
  if (value > MAX_INT64 || value < -MAX_INT64 - 1n) return refuse('value out of range');
}
