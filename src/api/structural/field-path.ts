// pure
// Paths that a schema names fields by: `.spec.size`, `.spec['a.b']`. Source: apiextensions schema/cel ValidFieldPath.
import { isJsonObject } from '../json-object.ts';
import type { Props } from './from-crd.ts';

/** The path leads nowhere; the message says why. */
export class FieldPathError extends Error {
  override readonly name = 'FieldPathError';
}

export interface FoundField {
  readonly names: readonly string[];
  /** As errors name it, with a leading dot or bracket: `.size`, `[key]`. */
  readonly suffix: string;
  readonly schema: Props;
}

/** Delimiters on their own, text in quotes with them (all the rest where no quote ends it), and what is between. */
const TOKEN = /'(?:[\s\S]*?[^\\])??'|'[\s\S]*|[.[\]]|[^.[\]]+/g;

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

/** Source: unescapeSingleQuote, which tells of the last escape that is none. @throws FieldPathError */
function unescaped(text: string): string {
  const wrong = text.match(/\\./g)?.findLast((escape) => ESCAPES[escape.slice(1)] === undefined);
  if (wrong !== undefined) throw new FieldPathError(`invalid string literal: invalid escape char ${wrong}`);
  return text.replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? '');
}

/** @throws FieldPathError */
export function findField(path: string, root: Props, { brackets = true }: { readonly brackets?: boolean } = {}): FoundField {
  const tokens = path.match(TOKEN) ?? [];
  const names: string[] = [];
  let [schema, suffix, at] = [root, '', 0];
  const next = (): string => {
    const token = tokens[at++];
    if (token === undefined) throw new FieldPathError('unexpected end of JSON path');
    return token;
  };
  const enter = (name: string): void => {
    const { properties, additionalProperties } = schema;
    const named = properties !== undefined;
    const found = named ? properties[name] : isJsonObject(additionalProperties) ? (additionalProperties as Props) : undefined;
    if (found === undefined) throw new FieldPathError('does not refer to a valid field');
    names.push(name);
    suffix += named && name !== '' ? `.${name}` : `[${name}]`;
    schema = found;
  };
  while (at < tokens.length) {
    const token = next();
    if (token === '.') {
      enter(next());
      continue;
    }
    if (token !== '[') throw new FieldPathError(`expected [ or . but got: ${token}`);
    if (!brackets) throw new FieldPathError('array notation is not allowed');
    const quoted = next();
    if (!/^'.*'$/s.test(quoted)) throw new FieldPathError(`expected single quoted string but got ${quoted}`);
    enter(unescaped(quoted.slice(1, -1)));
    const closing = next();
    if (closing !== ']') throw new FieldPathError(`expected ] but got ${closing}`);
  }
  return { names, suffix, schema };
}
