// What text stands for: YAML 1.1 booleans, Go's integer forms, timestamps as text.
// Source: go-yaml v2 resolve.go; sigs.k8s.io/yaml, which takes times for the text they were.
import { YamlError } from './cursor.ts';

export const MERGE = Symbol('<<');
export type Scalar = string | number | bigint | boolean | null | typeof MERGE;

const PREFIX = 'tag:yaml.org,2002:';
const INT = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
/** Here an underscore stands between digits only. */
const FRACTION = /^\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?$/;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

const WORDS: ReadonlyMap<string, Scalar> = new Map<string, Scalar>([
  ...['', '~', 'null', 'Null', 'NULL'].map((word): [string, null] => [word, null]),
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((word): [string, boolean] => [word, true]),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map((word): [string, boolean] => [word, false]),
  ...['.nan', '.NaN', '.NAN'].map((word): [string, number] => [word, NaN]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((word): [string, number] => [word, Infinity]),
  ...['-.inf', '-.Inf', '-.INF'].map((word): [string, number] => [word, -Infinity]),
  ['<<', MERGE],
]);

/** A number; a bigint where a number cannot hold it, as JSON is read. */
function exact(value: bigint): number | bigint {
  const near = Number(value);
  return Number.isSafeInteger(near) || value > MAX_INT64 ? near : value;
}

function readInt(plain: string): number | bigint | undefined {
  const match = INT.exec(plain);
  if (match === null) return undefined;
  const [, sign, hex, binary, octal, decimal] = match;
  const digits =
    hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : octal !== undefined ? `0o${octal}` : (decimal as string);
  const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
  return value < MIN_INT64 || value > MAX_UINT64 ? undefined : exact(value);
}

interface Resolved {
  /** The short name of its type, such as `int`. */
  readonly type: string;
  readonly value: Scalar;
}

/** What text means that nothing is said of. */
function resolvePlain(text: string): Resolved {
  const word = WORDS.get(text);
  if (word !== undefined)
    return { type: word === MERGE ? 'merge' : word === null ? 'null' : typeof word === 'boolean' ? 'bool' : 'float', value: word };
  if (/^[-+.0-9]/.test(text)) {
    const plain = text.replaceAll('_', '');
    const fraction = text.startsWith('.');
    const int = fraction ? undefined : readInt(plain);
    if (int !== undefined) return { type: 'int', value: int };
    const float = (fraction ? FRACTION : FLOAT).test(fraction ? text : plain) ? Number(plain) : NaN;
    if (Number.isFinite(float)) return { type: 'float', value: float };
  }
  return { type: 'str', value: text };
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * @param tag in full; empty for none
 * @throws YamlError for what cannot be of its tag
 */
export function scalarValue(text: string, plain: boolean, tag: string): Scalar {
  if (tag === '') return plain ? resolvePlain(text).value : text;
  const wanted = tag.startsWith(PREFIX) ? tag.slice(PREFIX.length) : undefined;
  if (wanted === 'binary') {
    const base64 = text.replaceAll(/[\r\n]/g, '');
    if (!BASE64.test(base64)) throw new YamlError('yaml: !!binary value contains invalid base64 data');
    return Buffer.from(base64, 'base64').toString();
  }
  if (wanted === undefined || !['bool', 'int', 'float', 'null', 'timestamp'].includes(wanted)) return text;
  const { type, value } = resolvePlain(text);
  if (type === wanted || (wanted === 'float' && type === 'int')) return value;
  if (wanted === 'timestamp' && /^\d/.test(text)) return text;
  throw new YamlError(`yaml: cannot decode !!${type} \`${text}\` as a !!${wanted}`);
}
