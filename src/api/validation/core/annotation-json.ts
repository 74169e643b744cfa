// JSON that annotations hold, as Go reads it into its types.
import { goKind } from '#apimachinery/go-format.ts';
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { JsonError, parseJson } from '#apimachinery/json.ts';
import { blank } from '../problems.ts';

type Refuse = (why: string) => void;

/** The JSON of `text`, if it is of the `type` that Go reads it as; undefined for none. */
export function parsed(text: string | undefined, type: string, refuse: Refuse): unknown {
  if (blank(text)) return undefined;
  try {
    const value = parseJson(text);
    if (value === null || Array.isArray(value) === type.startsWith('[]')) return value;
    refuse(`json: cannot unmarshal ${goKind(value)} into Go value of type ${type}`);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    refuse(error.message);
  }
  return undefined;
}

/** A struct, and those of its members that are text: their names in JSON and their types, as `{ effect: 'core.TaintEffect' }`. */
export interface Struct<T> {
  readonly type: string;
  readonly texts: Readonly<Partial<Record<keyof T & string, string>>>;
}

/** Structs of a list, none when `text` holds no such list. Null is an empty struct, and says nothing as a member. */
export function parsedStructs<T>(text: string | undefined, struct: Struct<T>, refuse: Refuse): readonly Partial<T>[] {
  const list = parsed(text, `[]${struct.type}`, refuse);
  if (!Array.isArray(list)) return [];
  const items = list.map((item: unknown) => item ?? {});
  const why = items.map((item) => mismatch(item, struct)).find((problem) => problem !== undefined);
  if (why === undefined)
    return items.map((item) => Object.fromEntries(Object.entries(item as JsonObject).filter(([, value]) => value !== null)) as Partial<T>);
  refuse(`json: cannot unmarshal ${why}`);
  return [];
}

function mismatch(item: unknown, { type, texts }: Struct<object>): string | undefined {
  if (!isObject(item)) return `${goKind(item)} into Go value of type ${type}`;
  for (const [name, of] of Object.entries<string>(texts)) {
    const value = item[name] ?? '';
    const field = `${type.replace(/^.*\./, '')}.${name.charAt(0).toUpperCase()}${name.slice(1)}`;
    if (typeof value !== 'string') return `${goKind(value)} into Go struct field ${field} of type ${of}`;
  }
  return undefined;
}
