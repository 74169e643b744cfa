// How a kind's rules are given to the table in validation.ts.
import type { Scope } from './metadata.ts';
import type { Problems } from './problems.ts';

/** Rules of one kind. Objects are decoded and defaulted; `T` is the kind's type. */
export interface KindRules {
  readonly scope: Scope;
  readonly create: (out: Problems, object: unknown) => void;
  /** Absent: an update has only the rules of all objects. */
  readonly update?: (out: Problems, object: unknown, old: unknown) => void;
  /** Rules of an update through `status`, `approval`, …; the object is the whole kind's. */
  readonly subresources?: Readonly<Record<string, (out: Problems, object: unknown, old: unknown) => void>>;
}

interface TypedRules<T> {
  readonly scope: Scope;
  readonly create: (out: Problems, object: T) => void;
  readonly update?: (out: Problems, object: T, old: T) => void;
  readonly subresources?: Readonly<Record<string, (out: Problems, object: T, old: T) => void>>;
}

/** The one place where a kind's name stands for its type. */
export function rules<T>(typed: TypedRules<T>): KindRules {
  return typed as TypedRules<unknown>;
}
