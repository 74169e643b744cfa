// How upstream's Go prints values into messages: %q, json.Marshal, and byte lengths.

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/;
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u;
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
  '"': '\\"',
};

/** A list of strings as Go's `%q` prints it: `["a" "b"]`. */
export const goQuotedList = (texts: readonly string[]): string => `[${texts.map(goQuote).join(' ')}]`;

/** A quoted Go string literal. Source: strconv.Quote. */
export function goQuote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  let out = '"';
  for (const char of text.toWellFormed()) {
    const code = char.codePointAt(0) as number;
    const short = SHORT_ESCAPES[char];
    if (short !== undefined) out += short;
    else if (char === ' ' || PRINTABLE.test(char)) out += char;
    else if (code < 0x80) out += `\\x${code.toString(16).padStart(2, '0')}`;
    else out += code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  }
  return `${out}"`;
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '<': '\\u003c',
  '>': '\\u003e',
  '&': '\\u0026',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
};

const ESCAPED = Object.keys(HTML_ESCAPES);

/** JSON with what means something in HTML escaped, as Go's encoder does. Source: json.HTMLEscape. */
export function htmlEscaped(json: string): string {
  // One search after the other is faster than one for all of them: each runs over many characters at a time.
  if (!ESCAPED.some((char) => json.includes(char))) return json;
  return json.replace(/[<>&\u2028\u2029]/g, (char) => HTML_ESCAPES[char] as string);
}

/** JSON as Go's encoder writes it: compact, with HTML characters escaped; key order is the value's. Source: json.Marshal. */
export const goJson = (value: unknown): string => htmlEscaped(JSON.stringify(value) ?? 'null');

/** A copy with keys in byte order, as Go writes a map. */
export function sortedMap<T>(map: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(
    Object.keys(map)
      .toSorted(byteOrder)
      .map((key) => [key, map[key] as T]),
  );
}

/** JSON as Go's encoder writes a decoded value: as `goJson`, with the keys of every object in byte order. Source: json.Marshal of a map. */
export function goSortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goSortedJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return goJson(value);
  const members = Object.entries(value).filter(([, item]) => item !== undefined);
  return `{${members
    .toSorted(([a], [b]) => byteOrder(a, b))
    .map(([key, item]) => `${goJson(key)}:${goSortedJson(item)}`)
    .join(',')}}`;
}

/** Orders strings by their UTF-8 bytes, as Go's sort does. */
export function byteOrder(a: string, b: string): number {
  if (a === b) return 0;
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) {
      // UTF-16 and UTF-8 order differ only where exactly one side is a surrogate.
      const xs = x >= 0xd800 && x <= 0xdfff;
      const ys = y >= 0xd800 && y <= 0xdfff;
      return xs === ys ? x - y : xs ? 1 : -1;
    }
  }
  return a.length - b.length;
}

/** Length in UTF-8 bytes: Go's len of a string. */
export function byteLength(text: string): number {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return Buffer.byteLength(text);
  return text.length;
}

/** A JSON value as Go's %v prints it: `map[a:1 b:[x y]]`, `<nil>`. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return goNumber(value);
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.map(goValue).join(' ')}]`;
  const object = value as Readonly<Record<string, unknown>>;
  return `map[${Object.keys(object)
    .toSorted(byteOrder)
    .map((key) => `${key}:${goValue(object[key])}`)
    .join(' ')}]`;
}

/** Integers in full, as an int64 is printed; other numbers as a float64. */
export const goNumber = (value: number): string => (Number.isSafeInteger(value) ? String(value) : goFloat(value));

/** A float64 as %v prints it, also one without a fraction: `1.5`, `5e+06`. Source: strconv's shortest %g. */
export function goFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  const [mantissa = '', exponent = '0'] = value.toExponential().split('e');
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(value);
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

/** How `%T` names the type JSON's value decodes to in an `interface{}`. */
export function goType(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'bigint') return 'int64';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'string';
  return Array.isArray(value) ? '[]interface {}' : 'map[string]interface {}';
}

/** How encoding/json calls a value that it cannot put into a Go type. */
export const goKind = (value: unknown): string => (Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value);
