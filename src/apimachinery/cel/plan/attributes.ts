// Paths: a variable (or any value) and what is selected from it. They are walked over plain JSON; only what stands at the
// end is converted to the value its type says. Upstream counts a path as one step and one more for each part of it.
// Source: cel-go interpreter/attributes.go, planner.go planSelect, planCallIndex, planCallConditional.
import type { CallNode, IdentNode, Node, SelectNode } from '../check/node.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { isOptional } from '../types.ts';
import { showValue } from '../values/show.ts';
import { itemsOf, memberOf, NONE, Optional } from '../values/values.ts';
import { charge, type Frame, type Step } from './frame.ts';

/** What the planner offers here: steps of any expression, and where variables stand. */
export interface Planner {
  /** The step of a whole expression, its own cost included. */
  plan(node: Node): Step;
  /** Converts what a node's path ends at; undefined where nothing needs to be. */
  conversion(node: Node): ((raw: Value) => Value) | undefined;
  /** Reads a variable, unconverted and free of cost. */
  variable(node: IdentNode): Step;
}

/** `walk` gives what the path ends at, unconverted; `cost` is what evaluating it by itself adds. */
export interface Attribute {
  readonly walk: Step;
  readonly cost: 0 | 1;
}

/** undefined when the node is no path. */
export function attributeOf(node: Node, planner: Planner): Attribute | undefined {
  if (node.kind === 'ident') return { walk: planner.variable(node), cost: 1 };
  if (node.kind === 'select') return node.test ? undefined : select(node, planner);
  if (node.kind !== 'call') return undefined;
  switch (node.name) {
    case '_[_]':
      return index(node, planner, false);
    case '_?._':
    case '_[?_]':
      return index(node, planner, true);
    case '_?_:_':
      return conditional(node, planner);
    default:
      return undefined;
  }
}

/** The path a selection goes on from; any other value begins one. */
function base(node: Node, planner: Planner): Attribute {
  return attributeOf(node, planner) ?? { walk: planner.plan(node), cost: 1 };
}

/** Whether a field of what the node stands for is as good as absent when it is null. */
function omitsNull({ type }: Node): boolean {
  const inner = isOptional(type) ? type.params[0] : type;
  return inner?.kind === 'object' && inner.omitsNull === true;
}

/** As far as an expression can tell. */
const seen = (found: Value | undefined, nullIsNone: boolean): Value | undefined => (found === null && nullIsNone ? undefined : found);

function select({ operand, json }: SelectNode, planner: Planner): Attribute {
  const { walk, cost } = base(operand, planner);
  const nullIsNone = omitsNull(operand);
  // Names every object inherits must be looked up with care.
  const plain = !(json in Object.prototype);
  return {
    cost,
    walk(frame) {
      const object = walk(frame);
      if (plain && typeof object === 'object' && object !== null && object.constructor === Object) {
        charge(frame, 1);
        const found = seen((object as Readonly<Record<string, Value | undefined>>)[json], nullIsNone);
        return found ?? missing(found, object, json);
      }
      return qualify(frame, object, json, { optional: false, nullIsNone });
    },
  };
}

/** null is a value; undefined is none. */
function missing(found: null | undefined, object: Value, key: Value): Value {
  if (found === null) return null;
  return fail(itemsOf(object) === undefined ? `no such key: ${showValue(key)}` : `index out of bounds: ${showValue(key)}`);
}

interface Qualifier {
  /** `a.?b`, `a[?b]`. */
  readonly optional: boolean;
  readonly nullIsNone: boolean;
}

/** One part of a path. Behind an optional the rest of the path is optional too. */
function qualify(frame: Frame, object: Value, key: Value, { optional, nullIsNone }: Qualifier): Value {
  if (!optional && !(object instanceof Optional)) {
    charge(frame, 1);
    const found = seen(memberOf(object, key), nullIsNone);
    return found ?? missing(found, object, key);
  }
  const inner = object instanceof Optional ? object.value : object;
  const found = inner === undefined ? undefined : seen(memberOf(inner, key), nullIsNone);
  if (found === undefined) return NONE;
  charge(frame, 1);
  return new Optional(found);
}

function index({ args }: CallNode, planner: Planner, optional: boolean): Attribute {
  const [operand, key] = args as [Node, Node];
  const { walk, cost } = base(operand, planner);
  const qualifier = { optional, nullIsNone: omitsNull(operand) };
  if (key.kind === 'literal') {
    const constant = key.value;
    return { cost, walk: (frame) => qualify(frame, walk(frame), constant, qualifier) };
  }
  const keyWalk = operandWalk(key, planner);
  return {
    cost,
    walk(frame) {
      const object = walk(frame);
      return qualify(frame, object, keyWalk(frame), qualifier);
    },
  };
}

/** A path used as a part of another costs nothing by itself. */
function operandWalk(node: Node, planner: Planner): Step {
  const attribute = attributeOf(node, planner);
  if (attribute === undefined) return planner.plan(node);
  return converted(attribute.walk, planner.conversion(node));
}

export function converted(walk: Step, conversion: ((raw: Value) => Value) | undefined): Step {
  return conversion === undefined ? walk : (frame) => conversion(walk(frame));
}

function conditional({ args }: CallNode, planner: Planner): Attribute {
  const [condition, yes, no] = args as [Node, Node, Node];
  const test = planner.plan(condition);
  const [then, otherwise] = [operandWalk(yes, planner), operandWalk(no, planner)];
  return {
    cost: 0,
    walk(frame) {
      const holds = test(frame);
      if (typeof holds !== 'boolean') fail('no such overload');
      return holds ? then(frame) : otherwise(frame);
    },
  };
}

/** `has(a.b)`: costs the path to `a` and one for asking. */
export function presence({ operand, json }: SelectNode, planner: Planner): Step {
  const { walk } = base(operand, planner);
  const nullIsNone = omitsNull(operand);
  return (frame) => {
    const object = walk(frame);
    charge(frame, 1);
    const inner = object instanceof Optional ? object.value : object;
    return inner !== undefined && itemsOf(inner) === undefined && seen(memberOf(inner, json), nullIsNone) !== undefined;
  };
}
