// What the checker makes of an expression: names resolved, overloads chosen, every node with its type.
import type { Macro } from '../ast.ts';
import type { Value } from '../contract.ts';
import type { Overload } from '../functions.ts';
import type { Type } from '../types.ts';

export type Node = LiteralNode | IdentNode | SelectNode | CallNode | ListNode | MapNode | StructNode | LoopNode;

interface Typed {
  /** Exact once the whole expression is checked: type variables are filled in at the end. */
  type: Type;
  /** Where problems with it are shown; set when it is checked. */
  offset?: number;
}

export interface LiteralNode extends Typed {
  readonly kind: 'literal';
  readonly value: Value;
}

export interface IdentNode extends Typed {
  readonly kind: 'ident';
  readonly name: string;
  /** A variable of a comprehension, rather than of the environment. */
  readonly local: boolean;
}

export interface SelectNode extends Typed {
  readonly kind: 'select';
  readonly operand: Node;
  /** As the expression names it. */
  readonly field: string;
  /** As JSON names it. */
  readonly json: string;
  readonly test: boolean;
}

export interface CallNode extends Typed {
  readonly kind: 'call';
  readonly name: string;
  readonly target: Node | undefined;
  readonly args: readonly Node[];
  /** All that may fit; one when the types say which. */
  readonly overloads: readonly Overload[];
}

export interface ListNode extends Typed {
  readonly kind: 'list';
  readonly elements: readonly Node[];
  readonly optional: ReadonlySet<number>;
}

export interface MapNode extends Typed {
  readonly kind: 'map';
  readonly entries: readonly { readonly key: Node; readonly value: Node; readonly optional: boolean }[];
}

export interface StructNode extends Typed {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly value: Node; readonly optional: boolean }[];
}

export interface LoopNode extends Typed {
  readonly kind: 'loop';
  readonly macro: Macro;
  readonly range: Node;
  readonly iterVar: string;
  readonly iterVar2: string | undefined;
  readonly accuVar: string;
  readonly init: Node;
  readonly condition: Node;
  readonly step: Node;
  readonly result: Node;
}

/** All parts of a call in the order they are evaluated. */
export function operands({ target, args }: CallNode): readonly Node[] {
  return target === undefined ? args : [target, ...args];
}
