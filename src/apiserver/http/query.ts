// Query strings as Go's net/url reads them.
import { ownText } from '#base/own-text.ts';
import type { Query } from '../request.ts';

export const EMPTY_QUERY: Query = { get: () => undefined, getAll: () => [], has: () => false };

class ParsedQuery implements Query {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  getAll(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }
}

/** A pair that is not well formed is left out, as url.ParseQuery does. */
export function parseQuery(raw: string): Query {
  if (raw === '') return EMPTY_QUERY;
  const values = new Map<string, string[]>();
  for (const pair of raw.split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const name = unescape(equals === -1 ? pair : pair.slice(0, equals));
    const value = unescape(equals === -1 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) continue;
    const present = values.get(name);
    if (present === undefined) values.set(name, [value]);
    else present.push(value);
  }
  return new ParsedQuery(values);
}

export function queryOf(parameters: Readonly<Record<string, string>>): Query {
  const entries = Object.entries(parameters);
  return entries.length === 0 ? EMPTY_QUERY : new ParsedQuery(new Map(entries.map(([name, value]) => [name, [value]])));
}

/** By itself: a value may be kept with an object, which is no reason to keep the rest of the query. */
function unescape(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return ownText(text);
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined; // a bad escape
  }
}
