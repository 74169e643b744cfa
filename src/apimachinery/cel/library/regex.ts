// Regular expressions, in time linear in the text. Source: cel-go stdlib matches, apiserver library/regex.go.
import { RE2JS, RE2JSSyntaxException } from 're2js';
import { Lru } from '#base/lru.ts';
import { fail } from '../errors.ts';
import { member, type Library } from '../functions.ts';
import { INT, listOf, STRING } from '../types.ts';
import type { Int } from '../values/numbers.ts';

/** Patterns are mostly constants of programs, so the same few come again and again. One that is longer is not kept. */
const compiled = new Lru<string, RE2JS>(1024);
const MAX_LENGTH = 4_096;

/** undefined for a pattern that is none; `report` takes why. */
export function pattern(text: string, report?: (message: string) => void): RE2JS | undefined {
  const known = compiled.get(text);
  if (known !== undefined) return known;
  try {
    const made = RE2JS.compile(text);
    if (text.length <= MAX_LENGTH) compiled.set(text, made);
    return made;
  } catch (error) {
    if (!(error instanceof RE2JSSyntaxException)) throw error;
    report?.(error.message);
    return undefined;
  }
}

/** @throws EvaluationError for a pattern that is none */
function known(text: string, prefix: string): RE2JS {
  let why = '';
  return pattern(text, (message) => (why = message)) ?? fail(`${prefix}${why}`);
}

/** @throws EvaluationError for a constant pattern of `find` and `findAll` that is none. Source: FindRegexOptimization. */
export function refuseBadPattern(regex: string): void {
  known(regex, '');
}

export function matches(text: string, regex: string): boolean {
  return known(regex, '').matcher(text).find();
}

function findAll(text: string, regex: string, limit: Int): readonly string[] {
  const matcher = known(regex, 'Illegal regex: ').matcher(text);
  const found: string[] = [];
  const most = limit < 0 ? Infinity : Number(limit);
  while (found.length < most && matcher.find()) found.push(matcher.group() ?? '');
  return found;
}

const STRINGS = listOf(STRING);

export const REGEX: Library = {
  functions: {
    find: [member('string_find_string', [STRING, STRING], STRING, (text: string, regex: string) => findAll(text, regex, 1)[0] ?? '')],
    findAll: [
      member('string_find_all_string', [STRING, STRING], STRINGS, (text: string, regex: string) => findAll(text, regex, -1)),
      member('string_find_all_string_int', [STRING, STRING, INT], STRINGS, findAll),
    ],
  },
};
