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

/** Delimiters on their own, quoted text with its quotes, and what is between. */
const TOKEN = /'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]]+/g;

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
    suffix += named ? `.${name}` : `[${name}]`;
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
    enter(quoted.slice(1, -1).replace(/\\(.)/gs, '$1'));
    const closing = next();
    if (closing !== ']') throw new FieldPathError(`expected ] but got ${closing}`);
  }
  return { names, suffix, schema };
}
