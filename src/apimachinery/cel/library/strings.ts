// Functions of strings. Positions count characters. Source: cel-go ext/strings.go, version 2.
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, overload, type Library } from '../functions.ts';
import { DYN, INT, listOf, STRING } from '../types.ts';
import type { Int } from '../values/numbers.ts';
import { itemsOf, typeNameOf } from '../values/values.ts';
import { formatWith } from './string-format.ts';

const STRINGS = listOf(STRING);
const outOfRange = (index: Int): never => fail(`index out of range: ${index}`);

function charAt(text: string, index: Int): string {
  const characters = Array.from(text);
  if (index < 0 || index > characters.length) return outOfRange(index);
  return characters[Number(index)] ?? '';
}

function matchesAt(characters: readonly string[], part: readonly string[], at: number): boolean {
  return part.every((character, i) => characters[at + i] === character);
}

function indexOf(text: string, part: string, from: Int = 0): number {
  if (from < 0) return outOfRange(from);
  const [characters, wanted, start] = [Array.from(text), Array.from(part), Number(from)];
  if (wanted.length === 0) return Math.min(start, characters.length);
  for (let at = start; at <= characters.length - wanted.length; at++) if (matchesAt(characters, wanted, at)) return at;
  return -1;
}

function lastIndexOf(text: string, part: string, from?: Int): number {
  const [characters, wanted] = [Array.from(text), Array.from(part)];
  if (from !== undefined && from < 0) return outOfRange(from);
  const start = from === undefined ? characters.length : Number(from);
  if (wanted.length === 0) return Math.min(start, characters.length);
  if (from !== undefined && start >= characters.length) return -1;
  for (let at = Math.min(start, characters.length - wanted.length); at >= 0; at--) if (matchesAt(characters, wanted, at)) return at;
  return -1;
}

/** At most `count` times; without limit when negative. An empty `from` stands before every character and at the end. */
function replace(text: string, from: string, to: string, count: Int = -1): string {
  const parts = from === '' ? ['', ...Array.from(text), ''] : text.split(from);
  const most = count < 0 ? Infinity : Number(count);
  let out = parts[0] ?? '';
  for (let i = 1; i < parts.length; i++) out += (i <= most ? to : from) + (parts[i] ?? '');
  return out;
}

/** Source: strings.SplitN: the last part is the rest. */
function split(text: string, separator: string, count: Int = -1): readonly string[] {
  const most = Number(count);
  if (most === 0) return [];
  const parts = separator === '' ? Array.from(text) : text.split(separator);
  if (most < 0 || parts.length <= most) return parts;
  return [...parts.slice(0, most - 1), parts.slice(most - 1).join(separator)];
}

function substring(text: string, start: Int, end?: Int): string {
  const characters = Array.from(text);
  const within = (index: Int): boolean => index >= 0 && index <= characters.length;
  if (end !== undefined && start > end) return fail(`invalid substring range. start: ${start}, end: ${end}`);
  if (!within(start)) return outOfRange(start);
  if (end !== undefined && !within(end)) return outOfRange(end);
  return characters.slice(Number(start), end === undefined ? undefined : Number(end)).join('');
}

const mapAscii = (form: RegExp, change: (text: string) => string) => (text: string) => text.replace(form, change);

/** White space as Unicode has it. Source: strings.TrimSpace. */
const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Letter by letter: a pattern for what stands at the end is tried anew from each space. */
function trim(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && SPACE.test(text[start] as string)) start++;
  while (start < end && SPACE.test(text[end - 1] as string)) end--;
  return text.slice(start, end);
}

function join(list: Value, separator = ''): string {
  const items = itemsOf(list) ?? [];
  return items.map((item) => (typeof item === 'string' ? item : fail(`join: invalid input: ${typeNameOf(item)}`))).join(separator);
}

const QUOTED: Readonly<Record<string, string>> = {
  ...{ '\x07': '\\a', '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v' },
  ...{ '\\': '\\\\', '"': '\\"' },
};

function quote(text: string): string {
  return `"${text.toWellFormed().replace(/[\x07\b\f\n\r\t\v\\"]/g, (character) => QUOTED[character] ?? character)}"`;
}

export const STRINGS_LIBRARY: Library = {
  functions: {
    charAt: [member('string_char_at_int', [STRING, INT], STRING, charAt)],
    indexOf: [
      member('string_index_of_string', [STRING, STRING], INT, (text: string, part: string) => indexOf(text, part)),
      member('string_index_of_string_int', [STRING, STRING, INT], INT, indexOf),
    ],
    lastIndexOf: [
      member('string_last_index_of_string', [STRING, STRING], INT, (text: string, part: string) => lastIndexOf(text, part)),
      member('string_last_index_of_string_int', [STRING, STRING, INT], INT, lastIndexOf),
    ],
    lowerAscii: [
      member(
        'string_lower_ascii',
        [STRING],
        STRING,
        mapAscii(/[A-Z]+/g, (text) => text.toLowerCase()),
      ),
    ],
    upperAscii: [
      member(
        'string_upper_ascii',
        [STRING],
        STRING,
        mapAscii(/[a-z]+/g, (text) => text.toUpperCase()),
      ),
    ],
    replace: [
      member('string_replace_string_string', [STRING, STRING, STRING], STRING, replace),
      member('string_replace_string_string_int', [STRING, STRING, STRING, INT], STRING, replace),
    ],
    split: [
      member('string_split_string', [STRING, STRING], STRINGS, split),
      member('string_split_string_int', [STRING, STRING, INT], STRINGS, split),
    ],
    substring: [
      member('string_substring_int', [STRING, INT], STRING, substring),
      member('string_substring_int_int', [STRING, INT, INT], STRING, substring),
    ],
    trim: [member('string_trim', [STRING], STRING, trim)],
    format: [member('string_format', [STRING, listOf(DYN)], STRING, formatWith)],
    'strings.quote': [overload('strings_quote', [STRING], STRING, quote)],
    join: [member('list_join', [STRINGS], STRING, join), member('list_join_string', [STRINGS, STRING], STRING, join)],
  },
};
