// The values of literal tokens. Source: cel-go parser/unescape.go, parser.go VisitInt….
import type { Value } from '../contract.ts';
import { double, int, INT_MAX, INT_MIN, Uint, UINT_MAX } from '../values/numbers.ts';

const SIMPLE: Readonly<Record<string, string>> = { a: '\x07', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };
const ESCAPE = /\\(?:([0-3][0-7][0-7])|[xX]([0-9a-fA-F]{2})|(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|(.))/gs;

/** A value, or the message of what is wrong with the literal. */
type Parsed<T extends Value> = { readonly value: T } | { readonly error: string };

export function parseInt64(text: string): Parsed<number | bigint> {
  const negative = text.startsWith('-');
  const digits = BigInt(negative ? text.slice(1) : text);
  const value = negative ? -digits : digits;
  return value < INT_MIN || value > INT_MAX ? { error: 'invalid int literal' } : { value: int(value) };
}

export function parseUint64(text: string): Parsed<Uint> {
  const value = BigInt(text.slice(0, -1));
  return value > UINT_MAX ? { error: 'invalid uint literal' } : { value: new Uint(value) };
}

export function parseDouble(text: string): Parsed<Value> {
  const value = Number(text);
  return Number.isFinite(value) ? { value: double(value) } : { error: 'invalid double literal' };
}

export function parseString(token: string): Parsed<string> {
  const { body, raw } = unquote(token);
  if (raw) return { value: body };
  let error: string | undefined;
  const value = body.replace(ESCAPE, (_, octal?: string, hex?: string, unicode?: string, simple = '') => {
    if (octal === undefined && hex === undefined && unicode === undefined) return SIMPLE[simple] ?? simple;
    const code = octal === undefined ? Number.parseInt(hex ?? unicode?.slice(1) ?? '', 16) : Number.parseInt(octal, 8);
    if (code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)) return String.fromCodePoint(code);
    error = 'invalid unicode code point';
    return '';
  });
  return error === undefined ? { value } : { error };
}

/** Octal and hexadecimal escapes are bytes here, not characters. */
export function parseBytes(token: string): Parsed<Uint8Array> {
  const { body, raw } = unquote(token.slice(1));
  if (raw) return { value: Buffer.from(body) };
  if (/\\[uU]/.test(body.replaceAll('\\\\', ''))) return { error: 'unable to unescape string' };
  const parts: Buffer[] = [];
  let at = 0;
  for (const found of body.matchAll(ESCAPE)) {
    const [whole, octal, hex, , simple = ''] = found;
    parts.push(Buffer.from(body.slice(at, found.index)));
    at = found.index + whole.length;
    if (octal !== undefined) parts.push(Buffer.of(Number.parseInt(octal, 8)));
    else if (hex !== undefined) parts.push(Buffer.of(Number.parseInt(hex, 16)));
    else parts.push(Buffer.from(SIMPLE[simple] ?? simple));
  }
  parts.push(Buffer.from(body.slice(at)));
  return { value: Buffer.concat(parts) };
}

function unquote(token: string): { readonly body: string; readonly raw: boolean } {
  const raw = /^[rR]/.test(token);
  const quoted = (raw ? token.slice(1) : token).replaceAll('\r\n', '\n').replaceAll('\r', '\n');
  const quotes = quoted.length >= 6 && (quoted.startsWith('"""') || quoted.startsWith("'''")) ? 3 : 1;
  return { body: quoted.slice(quotes, -quotes), raw };
}
