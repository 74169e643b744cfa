// JSON as the API server reads it: bounded depth, Go's error texts, and duplicate members reported by path.
import { goQuote } from './go-format.ts';
import { jsonSyntaxError } from './json-syntax.ts';

/** Text that is no JSON; the message is Go's. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
}

/**
 * Deepest nesting that is read. Upstream stops at 10,000; below this limit every recursive walk of a value is safe
 * on the default stack.
 */
export const MAX_JSON_DEPTH = 1000;

/** Most duplicates that are reported. Source: saveStrictError. */
const MAX_DUPLICATES = 100;

export interface JsonDocument {
  readonly value: unknown;
  /** Paths of members given more than once, the last of which won: `spec.replicas`, `spec.containers[0].env[1].name`. */
  readonly duplicates: readonly string[];
}

/**
 * Reads `text`; of duplicate members the last wins.
 * @throws JsonError with Go's text
 */
export function parseJson(text: string): unknown {
  const value = parseValue(text);
  if (text.length > MAX_JSON_DEPTH && countMembers(value, 0) === TOO_DEEP) throw tooDeep(text);
  return value;
}

/**
 * As parseJson, and finds duplicate members. The built-in parser does not tell of them, but it drops them: a text
 * with as many keys as its value has members has none. Only when the counts differ is the text walked again.
 * @throws JsonError
 */
export function parseJsonStrict(text: string): JsonDocument {
  const value = parseValue(text);
  const members = countMembers(value, 0);
  if (members === TOO_DEEP) throw tooDeep(text);
  return { value, duplicates: members === countKeys(text) ? [] : duplicateMembers(text) };
}

function parseValue(text: string): unknown {
  try {
    return parseExactly(text);
  } catch (error) {
    if (error instanceof SyntaxError) throw new JsonError(jsonSyntaxError(text) ?? error.message);
    throw error;
  }
}

declare global {
  interface BigInt {
    /** For JSON.stringify, which otherwise refuses them. */
    toJSON(): unknown;
  }
  interface JSON {
    rawJSON(text: string): unknown;
  }
}

BigInt.prototype.toJSON = function toJSON(this: bigint): unknown {
  return JSON.rawJSON(this.toString());
};

/** Looks like a whole number that a double may not hold. */
const LONG_INTEGER = /(?:^|[:,[\s])-?\d{16}/;
const INTEGER = /^-?\d+$/;
const INT64_MAX = 2n ** 63n - 1n;

/**
 * As JSON.parse, but a whole number of 64 bits that a double cannot hold is a bigint: it stays what it was.
 * @throws SyntaxError
 */
export function parseExactly(text: string): unknown {
  return LONG_INTEGER.test(text) ? (JSON.parse(text, exactly as Reviver) as unknown) : (JSON.parse(text) as unknown);
}

type Reviver = (key: string, value: unknown) => unknown;

function exactly(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value) || source === undefined || !INTEGER.test(source)) return value;
  const exact = BigInt(source);
  return exact > INT64_MAX || exact < -INT64_MAX - 1n ? value : exact;
}

/** A number whose text a double does not give back: `1.0`, `1e3`, 20 digits. JSON.stringify writes it as it was. */
export class WrittenNumber {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toJSON(): unknown {
    return JSON.rawJSON(this.text);
  }
}

/** A number with a point, with an exponent, or longer than a double is exact; now and then something in a string. */
const ODD_NUMBER = /(?:^|[:,[\s])-?\d(?:\d{15}|\d*(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)(?=[\s,}\]]|$))/;

/** Valid JSON with each number that is not written as JavaScript writes it as a WrittenNumber; undefined where there is none. */
export function parseAsWritten(text: string): unknown {
  if (!ODD_NUMBER.test(text)) return undefined;
  let found = false;
  const written = (key: string, value: unknown, { source }: { readonly source?: string }): unknown => {
    if (typeof value !== 'number' || source === undefined || source === String(value)) return value;
    const exact = exactly(key, value, { source });
    if (exact !== value) return exact;
    found = true;
    return new WrittenNumber(source);
  };
  const value: unknown = JSON.parse(text, written as Reviver);
  return found ? value : undefined;
}

const tooDeep = (text: string): JsonError => {
  let depth = 0;
  for (const token of tokens(text)) {
    if (token.kind === 'open' && ++depth > MAX_JSON_DEPTH)
      return new JsonError(`invalid character '${text[token.start]}' exceeded max depth`);
    if (token.kind === 'close') depth--;
  }
  return new JsonError('exceeded max depth');
};

const TOO_DEEP = -1;

/** Members of all objects in `value`, or TOO_DEEP. */
function countMembers(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth >= MAX_JSON_DEPTH) return TOO_DEEP;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      const inner = countMembers(item, depth + 1);
      if (inner === TOO_DEEP) return TOO_DEEP;
      count += inner;
    }
    return count;
  }
  const object = value as Record<string, unknown>;
  for (const key in object) {
    const member = object[key];
    count++;
    if (typeof member !== 'object') continue;
    const inner = countMembers(member, depth + 1);
    if (inner === TOO_DEEP) return TOO_DEEP;
    count += inner;
  }
  return count;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;

/** Where the string that opens at `open` closes. `text` is valid JSON. */
function stringEnd(text: string, open: number): number {
  let close = text.indexOf('"', open + 1);
  while (text.charCodeAt(close - 1) === BACKSLASH) {
    let slashes = 1;
    while (text.charCodeAt(close - 1 - slashes) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) break;
    close = text.indexOf('"', close + 1);
  }
  return close;
}

/** Strings that a colon follows. `text` is valid JSON. */
function countKeys(text: string): number {
  let keys = 0;
  for (let open = text.indexOf('"'); open !== -1;) {
    let after = stringEnd(text, open) + 1;
    let code = text.charCodeAt(after);
    while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++after);
    if (code === COLON) keys++;
    open = text.indexOf('"', after);
  }
  return keys;
}

type JsonToken =
  | { readonly kind: 'open' | 'close' | 'comma' | 'colon'; readonly start: number }
  | { readonly kind: 'string'; readonly start: number; readonly end: number };

/** Structure and strings of valid JSON, in order. */
function* tokens(text: string): Generator<JsonToken> {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const end = stringEnd(text, i);
      yield { kind: 'string', start: i, end };
      i = end;
    } else if (code === 123 || code === 91) yield { kind: 'open', start: i };
    else if (code === 125 || code === 93) yield { kind: 'close', start: i };
    else if (code === 44) yield { kind: 'comma', start: i };
    else if (code === COLON) yield { kind: 'colon', start: i };
  }
}

interface Frame {
  /** Undefined for an array. */
  readonly seen: Set<string> | undefined;
  /** Path of the container. */
  readonly path: string;
  /** Index in an array, key in an object. */
  index: number;
  key: string;
}

/** Source: decodeState.saveStrictError. */
function duplicateMembers(text: string): readonly string[] {
  const found = new Set<string>();
  for (const { path, again } of members(text)) if (again && found.size < MAX_DUPLICATES) found.add(path);
  return [...found];
}

/** Members of all objects of valid JSON, as they come; `again` for one that its object had already. Source: its field stack. */
function* members(text: string): Generator<{ readonly path: string; readonly again: boolean }> {
  const stack: Frame[] = [];
  let path = '';
  let last = '';
  for (const token of tokens(text)) {
    const frame = stack.at(-1);
    switch (token.kind) {
      case 'string':
        last = text.slice(token.start, token.end + 1);
        break;
      case 'colon': {
        if (frame?.seen === undefined) break;
        frame.key = JSON.parse(last) as string;
        path = frame.path === '' ? frame.key : `${frame.path}.${frame.key}`;
        yield { path, again: frame.seen.has(frame.key) };
        frame.seen.add(frame.key);
        break;
      }
      case 'open': {
        if (frame !== undefined && frame.seen === undefined) path = `${frame.path}[${frame.index}]`;
        stack.push({ seen: text.charCodeAt(token.start) === 123 ? new Set() : undefined, path, index: 0, key: '' });
        break;
      }
      case 'close':
        path = (stack.pop() as Frame).path;
        break;
      case 'comma':
        if (frame !== undefined) frame.index++;
        break;
    }
  }
}

/** `duplicate field "spec.replicas"`, as strict decoding reports a path. */
export const duplicateFieldText = (path: string): string => `duplicate field ${goQuote(path)}`;

/** `unknown field "spec.foo"`, likewise. */
export const unknownFieldText = (path: string): string => `unknown field ${goQuote(path)}`;

/** What strict decoding has to say of valid JSON, in the order in which a reader of the text meets it. */
export function inTextOrder(text: string, problems: readonly string[]): readonly string[] {
  const places = new Map<string, number>();
  let place = 0;
  for (const { path, again } of members(text)) {
    const problem = again ? duplicateFieldText(path) : unknownFieldText(path);
    if (!places.has(problem)) places.set(problem, place++);
  }
  return problems.toSorted((a, b) => (places.get(a) ?? place) - (places.get(b) ?? place));
}
