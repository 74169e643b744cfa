// Which values plain YAML text stands for: YAML 1.1 booleans, Go's integer forms, timestamps as text.
// Source: go-yaml v2 resolve.go; sigs.k8s.io/yaml convertToJSONableObject for keys.
import {
  boolYaml11Tag,
  CORE_SCHEMA,
  DUMP_SCHEMA,
  defineMappingTag,
  defineScalarTag,
  intCoreTag,
  intYaml11Tag,
  mergeTag,
  NOT_RESOLVED,
  type Schema,
} from 'js-yaml';

const INT = /^([+-]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const SIGNED_FIRST = [...'+-0123456789'];
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** A number; a bigint where a number cannot hold it, as JSON is read. */
function exact(value: bigint): number | bigint {
  const near = Number(value);
  return Number.isSafeInteger(near) || value > MAX_INT64 ? near : value;
}

const intTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: SIGNED_FIRST,
  resolve: (source) => {
    const match = INT.exec(source.replaceAll('_', ''));
    if (match === null) return NOT_RESOLVED;
    const [, sign, hex, binary, octal, decimal] = match;
    const digits =
      hex !== undefined ? `0x${hex}` : binary !== undefined ? `0b${binary}` : octal !== undefined ? `0o${octal}` : (decimal as string);
    const value = sign === '-' ? -BigInt(digits) : BigInt(digits);
    return value < MIN_INT64 || value > MAX_UINT64 ? NOT_RESOLVED : exact(value);
  },
  identify: () => false,
});

const SPECIAL_FLOATS: ReadonlyMap<string, number> = new Map([
  ...['.nan', '.NaN', '.NAN'].map((s): [string, number] => [s, NaN]),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((s): [string, number] => [s, Infinity]),
  ...['-.inf', '-.Inf', '-.INF'].map((s): [string, number] => [s, -Infinity]),
]);

const floatTag = defineScalarTag<number>('tag:yaml.org,2002:float', {
  implicit: true,
  implicitFirstChars: [...SIGNED_FIRST, '.'],
  resolve: (source) => {
    const special = SPECIAL_FLOATS.get(source);
    if (special !== undefined) return special;
    const plain = source.replaceAll('_', '');
    if (!FLOAT.test(plain)) return NOT_RESOLVED;
    const value = Number(plain);
    return Number.isFinite(value) ? value : NOT_RESOLVED;
  },
  identify: () => false,
});

/** Tags nobody knows leave the text as it is. */
const textTag = (prefix: string): ReturnType<typeof defineScalarTag<string>> =>
  defineScalarTag<string>(prefix, { matchByTagPrefix: true, resolve: (source) => source, identify: () => false });

const binaryTag = defineScalarTag<string>('tag:yaml.org,2002:binary', {
  resolve: (source) => {
    const compact = source.replace(/\s/g, '');
    return /^[A-Za-z0-9+/]*={0,2}$/.test(compact) ? Buffer.from(compact, 'base64').toString() : NOT_RESOLVED;
  },
  identify: () => false,
});

/** A key of JSON; undefined for what cannot be one. Numbers and booleans become text, as sigs.k8s.io/yaml makes them. */
function keyText(key: unknown): string | undefined {
  if (typeof key === 'string') return key;
  if (typeof key === 'boolean') return String(key);
  if (typeof key === 'bigint') return key.toString();
  if (typeof key !== 'number') return undefined;
  return Number.isInteger(key) || !Number.isFinite(key)
    ? specialText(key)
    : String(Math.fround(key) === key ? key : Number(key.toPrecision(8)));
}

const specialText = (key: number): string =>
  Number.isNaN(key) ? '.nan' : key === Infinity ? '.inf' : key === -Infinity ? '-.inf' : String(key);

const mapTag = defineMappingTag<Record<string, unknown>>('tag:yaml.org,2002:map', {
  create: () => ({}),
  addPair: (object, key, value) => {
    const text = keyText(key);
    if (text === undefined) return key === null ? 'unsupported map key of type: %!s(<nil>)' : 'invalid map key';
    if (text === '__proto__') Object.defineProperty(object, text, { value, enumerable: true, configurable: true, writable: true });
    else object[text] = value;
    return '';
  },
  has: (object, key) => Object.hasOwn(object, keyText(key) ?? ''),
  keys: (object) => Object.keys(object),
  get: (object, key) => object[keyText(key) ?? ''],
  identify: () => false,
});

export const KUBERNETES_YAML: Schema = CORE_SCHEMA.withTags(
  boolYaml11Tag,
  intTag,
  floatTag,
  mergeTag,
  mapTag,
  binaryTag,
  textTag('!'),
  textTag('tag:'),
);

/** How values are printed: as js-yaml prints them, and bigints as the whole numbers they are. */
export const PRINTED_YAML: Schema = DUMP_SCHEMA.withTags({
  ...intYaml11Tag,
  // What either version of YAML takes for a number is quoted where it is text, as in DUMP_SCHEMA.
  resolve: (...args: Parameters<typeof intYaml11Tag.resolve>) => {
    const read = intYaml11Tag.resolve(...args);
    return read === NOT_RESOLVED ? intCoreTag.resolve(...args) : read;
  },
  identify: (value: unknown) => typeof value === 'bigint' || intYaml11Tag.identify(value),
  represent: (value: number | bigint) => value.toString(),
});
