// Bounds of what an expression can cost, before any input is known: sizes come from schemas and literals.
// Source: cel-go checker/cost.go Cost; apiextensions schema/cel sizeEstimator.
import { operands, type CallNode, type LoopNode, type Node } from '../check/node.ts';
import { partsOf } from '../check/literals.ts';
import type { CostEstimate } from '../contract.ts';
import { isOptional, type Type } from '../types.ts';
import { characters, TypeValue } from '../values/values.ts';
import { estimateCall, unionOf, type Operand } from './call-estimate.ts';
import { FieldPath, INDICES, ITEMS, KEYS, sizeOfType, VALUES } from './paths.ts';
import { fixed, NOTHING, plus, times, total, union, UNKNOWN, type Range } from './sizes.ts';

const STEP = fixed(1);
const CREATE = { list: fixed(10), map: fixed(30), struct: fixed(40) };

/** `variables`: by name, with the sizes that schemas state. */
export function estimate(root: Node, variables: ReadonlyMap<string, Type>): CostEstimate {
  return new Estimator(variables).cost(root);
}

/** Sizes of what a list or map holds. */
interface Entries {
  readonly keys: Range;
  readonly values: Range;
}

interface Local {
  readonly path: FieldPath;
  readonly size: Range | undefined;
  readonly entries: Entries | undefined;
}

class Estimator {
  readonly #variables: ReadonlyMap<string, Type>;
  readonly #paths = new Map<Node, FieldPath>();
  readonly #sizes = new Map<Node, Range>();
  readonly #entries = new Map<Node, Entries>();
  #locals: readonly (readonly [string, Local])[] = [];

  constructor(variables: ReadonlyMap<string, Type>) {
    this.#variables = variables;
  }

  cost(node: Node): Range {
    switch (node.kind) {
      case 'literal':
        return node.value instanceof TypeValue ? this.#type(node, node.value) : NOTHING;
      case 'ident':
        return this.#ident(node);
      case 'select': {
        const operand = this.cost(node.operand);
        if (node.test) return operand;
        const { kind } = node.operand.type;
        this.#paths.set(node, this.#pathOf(node.operand).then(node.field));
        return kind === 'map' || kind === 'object' || kind === 'param' ? plus(operand, STEP) : operand;
      }
      case 'call':
        return this.#call(node);
      case 'list': {
        const cost = total(node.elements.map((element) => this.cost(element)));
        const values = node.elements.map((element) => this.#size(element) ?? UNKNOWN);
        this.#entries.set(node, { keys: STEP, values: values.length === 0 ? NOTHING : values.reduce(union) });
        return plus(cost, CREATE.list);
      }
      case 'map': {
        const cost = total(node.entries.flatMap(({ key, value }) => [this.cost(key), this.cost(value)]));
        const keys = node.entries.map(({ key }) => this.#size(key) ?? UNKNOWN);
        const values = node.entries.map(({ value }) => this.#size(value) ?? UNKNOWN);
        const whole = (sizes: readonly Range[]): Range => (sizes.length === 0 ? NOTHING : sizes.reduce(union));
        this.#entries.set(node, { keys: whole(keys), values: whole(values) });
        return plus(cost, CREATE.map);
      }
      case 'struct':
        return plus(total(partsOf(node).map((part) => this.cost(part))), CREATE.struct);
      case 'loop':
        return node.macro === 'bind' ? this.#bind(node) : this.#loop(node);
    }
  }

  #ident(node: Node & { readonly kind: 'ident' }): Range {
    this.#paths.set(node, this.#local(node.name)?.path ?? FieldPath.of(node.name));
    return STEP;
  }

  /** A type is a name like that of a variable: where a schema tells sizes, it has that of the object. */
  #type(node: Node, { name }: TypeValue): Range {
    this.#paths.set(node, FieldPath.of(name));
    return STEP;
  }

  #call(node: CallNode): Range {
    if (node.name === 'dyn') return this.#dyn(node);
    const costed = node.args.map((arg) => ({ cost: this.cost(arg), operand: this.#operand(arg) }));
    const [argCosts, args] = [costed.map(({ cost }) => cost), costed.map(({ operand }) => operand)];
    const targetCost = node.target === undefined ? NOTHING : this.cost(node.target);
    const target = node.target === undefined ? undefined : this.#operand(node.target);
    if (node.overloads.length === 0) return NOTHING;
    const partial = this.#partial(node, argCosts);
    if (partial !== undefined) return partial;
    if (node.name === '_+_') this.#joinEntries(node, node.args);
    const { cost, result } = unionOf(node.overloads.map(({ id: overload }) => estimateCall({ name: node.name, overload, target, args })));
    const size = this.#indexed(node) ?? result ?? this.#size(node);
    if (size !== undefined) this.#sizes.set(node, size);
    return plus(targetCost, plus(cost, total(argCosts)));
  }

  #dyn(node: CallNode): Range {
    const [arg] = operands(node);
    if (arg === undefined) return NOTHING;
    const cost = this.cost(arg);
    this.#copy(node, arg);
    return plus(STEP, cost);
  }

  /** Operators that evaluate only a part of their operands. */
  #partial(node: CallNode, costs: readonly Range[]): Range | undefined {
    const [first = NOTHING, second = NOTHING, third = NOTHING] = costs;
    if (node.name === '_&&_' || node.name === '_||_') return { min: first.min, max: total(costs).max };
    if (node.name !== '_?_:_') return undefined;
    const [, yes, no] = node.args as [Node, Node, Node];
    this.#sizes.set(node, union(this.#size(yes) ?? UNKNOWN, this.#size(no) ?? UNKNOWN));
    this.#joinEntries(node, [yes, no]);
    return plus(first, union(second, third));
  }

  /** Where an index ends up, and how large that is. */
  #indexed(node: CallNode): Range | undefined {
    const [container] = node.args;
    const overload = node.overloads.at(-1)?.id;
    if (container === undefined || (overload !== 'index_list' && overload !== 'index_map')) return undefined;
    this.#paths.set(node, this.#pathOf(container).then(overload === 'index_list' ? ITEMS : VALUES));
    return this.#entriesOf(container)?.values;
  }

  #loop(node: LoopNode): Range {
    const outside = plus(this.cost(node.range), this.cost(node.init));
    const outer = this.#locals;
    const accumulator: Local = { path: this.#pathOf(node.init), size: this.#size(node.init), entries: this.#entriesOf(node.init) };
    const first = node.iterVar2 === undefined && node.range.type.kind !== 'map' ? 'values' : 'keys';
    const variables: (readonly [string, Local])[] = [[node.iterVar, this.#iterated(node.range, first)]];
    if (node.iterVar2 !== undefined) variables.push([node.iterVar2, this.#iterated(node.range, 'values')]);
    this.#locals = [...outer, [node.accuVar, accumulator], ...variables];
    const turn = plus(this.cost(node.condition), this.cost(node.step));
    this.#locals = [...outer, [node.accuVar, accumulator]];
    const result = this.cost(node.result);
    this.#locals = outer;
    const count = this.#size(node.range) ?? UNKNOWN;
    this.#loopSize(node, count);
    return plus(plus(outside, result), times(count, turn));
  }

  /** As large as the range; what it holds is what its step adds. */
  #loopSize(node: LoopNode, count: Range): void {
    if (node.init.kind === 'literal') {
      const size = this.#size(node.init);
      if (size !== undefined) this.#sizes.set(node, size);
      return;
    }
    this.#sizes.set(node, count);
    const entries = this.#entriesOf(node.step);
    if (entries !== undefined) this.#entries.set(node, entries);
  }

  #bind(node: LoopNode): Range {
    const outside = plus(this.cost(node.range), this.cost(node.init));
    const outer = this.#locals;
    const local = { path: this.#pathOf(node.init), size: this.#size(node.init), entries: this.#entriesOf(node.init) };
    this.#locals = [...outer, [node.accuVar, local]];
    const cost = plus(outside, this.cost(node.result));
    this.#copy(node, node.result);
    this.#locals = outer;
    return cost;
  }

  #iterated(range: Node, part: 'keys' | 'values'): Local {
    const isMap = range.type.kind === 'map';
    const name = part === 'values' ? (isMap ? VALUES : ITEMS) : isMap ? KEYS : INDICES;
    return { path: this.#pathOf(range).then(name), size: this.#entriesOf(range)?.[part], entries: undefined };
  }

  #operand(node: Node): Operand {
    const path = this.#pathOf(node);
    const items = (): Range | undefined =>
      node.type.kind === 'list' && path !== FieldPath.NONE ? this.#sizeAt(path.then(ITEMS)) : undefined;
    return { node, size: this.#size(node), items };
  }

  #size(node: Node): Range | undefined {
    const known = this.#sizes.get(node) ?? literalSize(node);
    if (known !== undefined) return known;
    const sized = this.#sizeAt(this.#pathOf(node));
    if (sized !== undefined) {
      this.#sizes.set(node, sized);
      return sized;
    }
    if (isScalar(node.type)) return STEP;
    return node.kind === 'ident' ? this.#local(node.name)?.size : undefined;
  }

  #entriesOf(node: Node): Entries | undefined {
    return this.#entries.get(node) ?? (node.kind === 'ident' ? this.#local(node.name)?.entries : undefined);
  }

  #joinEntries(node: Node, parts: readonly Node[]): void {
    const [a, b] = parts.map((part) => this.#entriesOf(part));
    if (a === undefined || b === undefined) return;
    this.#entries.set(node, { keys: union(a.keys, b.keys), values: union(a.values, b.values) });
  }

  #copy(to: Node, from: Node): void {
    const size = this.#size(from);
    if (size !== undefined) this.#sizes.set(to, size);
    const entries = this.#entriesOf(from);
    if (entries !== undefined) this.#entries.set(to, entries);
  }

  #local(name: string): Local | undefined {
    return this.#locals.findLast(([local]) => local === name)?.[1];
  }

  #pathOf(node: Node): FieldPath {
    const local = node.kind === 'ident' ? this.#local(node.name) : undefined;
    return local?.path ?? this.#paths.get(node) ?? FieldPath.NONE;
  }

  #sizeAt(path: FieldPath): Range | undefined {
    const type = path.typeIn(this.#variables);
    return type === undefined ? undefined : sizeOfType(type);
  }
}

function literalSize(node: Node): Range | undefined {
  if (node.kind === 'list') return fixed(node.elements.length);
  if (node.kind === 'map') return fixed(node.entries.length);
  if (node.kind !== 'literal' || node.value instanceof TypeValue) return undefined;
  if (typeof node.value === 'string') return fixed(characters(node.value));
  return fixed(node.value instanceof Uint8Array ? node.value.length : 1);
}

const SCALARS: ReadonlySet<string> = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);

function isScalar(type: Type): boolean {
  return isOptional(type) ? isScalar(type.params[0] as Type) : SCALARS.has(type.kind);
}
