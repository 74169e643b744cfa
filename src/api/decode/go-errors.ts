// How Go's JSON decoder words a value that does not fit. Source: encoding/json UnmarshalTypeError, sigs.k8s.io/json.
import { WrittenNumber } from '#apimachinery/json.ts';

/** A value that no Go field of that type can hold. Where it stands is added by whoever walks the document. */
export class TypeMismatch extends Error {
  override readonly name = 'TypeMismatch';
  /** `string`, `number 3.5`, `bool`, `array`, `object`. */
  readonly value: string;
  /** As Go prints it: `int32`, `v1.Protocol`, `[]v1.Container`. */
  readonly goType: string;

  constructor(value: string, goType: string) {
    super(`json: cannot unmarshal ${value} into Go value of type ${goType}`);
    this.value = value;
    this.goType = goType;
  }

  /** `struct` is the Go struct that declares the field, `path` the JSON names from the root, joined by dots. */
  at(struct: string, path: string): string {
    return `json: cannot unmarshal ${this.value} into Go struct field ${struct}.${path} of type ${this.goType}`;
  }
}

/** The decoder of one scalar type refused (a time, a quantity): its own words, without a place. */
export class ScalarError extends Error {
  override readonly name = 'ScalarError';
}

/** The word for a JSON value of the wrong type; numbers are named by value only where a range was missed. */
export function jsonKind(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (value instanceof WrittenNumber) return 'number';
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'boolean':
      return 'bool';
    case 'number':
    case 'bigint':
      return 'number';
    default:
      return 'object';
  }
}
