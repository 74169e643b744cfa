// Where in an object a value was found, as estimates know it, and what the schema says of the size there.
// Source: cel-go v0.26 checker/cost.go exprPaths; apiextensions schema/cel sizeEstimator.EstimateSize.
import { fieldOf } from '../check/scope.ts';
import type { Type } from '../types.ts';
import { MOST, NOTHING, type Range } from './sizes.ts';

export const ITEMS = '@items';
export const INDICES = '@indices';
export const KEYS = '@keys';
export const VALUES = '@values';

/**
 * In rules of custom resources every path is taken to start here, whatever its first name is: an item of a list that is no field,
 * such as that of `(has(self.a) ? self.a : [])`, counts as the whole object, whose own size is none.
 */
const SELF = 'self';

/**
 * Names from a variable downwards. A path is a view of a row of names, and two may view the same row: `then` writes behind the
 * end where the row has room, over what another path has there. That is upstream's, and decides which rules are too expensive.
 */
export class FieldPath {
  /** Of a value that is not found in an object: a literal, the result of a call. */
  static readonly NONE = new FieldPath([], 0, 0);

  readonly #row: string[];
  readonly #length: number;
  readonly #room: number;

  private constructor(row: string[], length: number, room: number) {
    this.#row = row;
    this.#length = length;
    this.#room = room;
  }

  static of(name: string): FieldPath {
    return new FieldPath([name], 1, 1);
  }

  then(name: string): FieldPath {
    const room = this.#length < this.#room ? this.#room : Math.max(1, 2 * this.#room);
    const row = room === this.#room ? this.#row : this.#row.slice(0, this.#length);
    row[this.#length] = name;
    return new FieldPath(row, this.#length + 1, room);
  }

  /** The type of what is there; undefined where no schema knows it. */
  typeIn(variables: ReadonlyMap<string, Type>): Type | undefined {
    const [first] = this.#row;
    if (first === undefined || this.#length === 0) return undefined;
    const self = variables.get(SELF);
    const below = self === undefined ? attributeOr(typeBelow) : typeBelow;
    return this.#row.slice(1, this.#length).reduce((type, name) => type && below(type, name), self ?? variables.get(first));
  }
}

function typeBelow(type: Type, name: string): Type | undefined {
  if (name === ITEMS || name === VALUES) return type.kind === 'list' ? type.items : type.kind === 'map' ? type.values : undefined;
  if (name === KEYS) return type.kind === 'map' ? type.keys : undefined;
  return type.kind === 'object' ? fieldOf(type, name)?.type : undefined;
}

/** Of a device attributes may be read as if they were fields. Source: dynamic-resource-allocation cel sizeEstimator. */
const attributeOr =
  (below: typeof typeBelow): typeof typeBelow =>
  (type, name) =>
    below(type, name) ?? (type.kind === 'map' && type.values.kind === 'any' ? type.values : undefined);

/** What a schema says of the size of its values; nothing of those it does not describe. */
export function sizeOfType(type: Type): Range | undefined {
  if (type.maxElements !== undefined) return { min: 0, max: type.maxElements < 0 ? MOST : type.maxElements };
  return type.kind === 'dyn' || type.kind === 'any' || type.kind === 'list' || type.kind === 'map' || type.kind === 'string'
    ? undefined
    : NOTHING;
}
