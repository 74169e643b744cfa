// What the parser makes of an expression: macros are expanded, names not yet resolved.
import type { Value } from './contract.ts';

export type Expr = Literal | Ident | Select | Call | ListExpr | MapExpr | StructExpr | Comprehension;

interface Node {
  /** Where problems with it are shown: index into the text. */
  readonly offset: number;
}

export interface Literal extends Node {
  readonly kind: 'literal';
  readonly value: Value;
}

export interface Ident extends Node {
  readonly kind: 'ident';
  /** With a leading dot when it must not mean a local variable. */
  readonly name: string;
}

export interface Select extends Node {
  readonly kind: 'select';
  readonly operand: Expr;
  readonly field: string;
  /** `has(operand.field)`. */
  readonly test: boolean;
}

export interface Call extends Node {
  readonly kind: 'call';
  /** Operators have names as upstream's: `_+_`, `_[_]`, `_?._`, `_?_:_`. `_&&_` and `_||_` take any number of terms. */
  readonly name: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}

export interface ListExpr extends Node {
  readonly kind: 'list';
  readonly elements: readonly Expr[];
  /** Indexes written with `?`. */
  readonly optional: ReadonlySet<number>;
}

export interface MapExpr extends Node {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: Expr; readonly value: Expr; readonly optional: boolean }[];
}

export interface StructExpr extends Node {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: readonly (Node & { readonly name: string; readonly value: Expr; readonly optional: boolean })[];
}

/** Which form a comprehension has: by it the planner knows the parts. `bind` names a value and loops not at all. */
export type Macro = 'all' | 'exists' | 'existsOne' | 'list' | 'map' | 'bind';

/** A loop over `range` that keeps `accuVar`; `result` is its value. Every macro over lists and maps becomes one. */
export interface Comprehension extends Node {
  readonly kind: 'comprehension';
  readonly macro: Macro;
  readonly range: Expr;
  /** The item of a list or key of a map; with `iterVar2` the index or key, and the item or value. */
  readonly iterVar: string;
  readonly iterVar2: string | undefined;
  readonly accuVar: string;
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** The variable macros accumulate in; no expression can name it. Source: HiddenAccumulatorName. */
export const ACCUMULATOR = '@result';
