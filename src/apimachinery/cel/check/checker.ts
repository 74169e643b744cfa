// Types of an expression, from the leaves up. Every problem is found, not only the first.
// Source: cel-go checker/checker.go, errors.go.
import type { Call, Comprehension, Expr, ListExpr, MapExpr, Select, StructExpr } from '../ast.ts';
import type { Overload } from '../functions.ts';
import type { Problems } from '../source.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DYN,
  ERROR_TYPE,
  INT,
  isOptional,
  listOf,
  mapOf,
  NULL_TYPE,
  optionalOf,
  sameType,
  STRING,
  typeParam,
  typeParams,
  typeOf,
  UINT,
  type Type,
} from '../types.ts';
import { Uint } from '../values/numbers.ts';
import { typeOfValue } from '../values/values.ts';
import { formatSignature, formatType } from './format-type.ts';
import type { CallNode, LoopNode, Node } from './node.ts';
import { fieldOf, Scope, type Declarations } from './scope.ts';
import { isDyn, isDynOrError, mostGeneral, substitute, unify, type Substitutions } from './unify.ts';

/** The checked tree; without meaning when `problems` has any. */
export function check(expr: Expr, declarations: Declarations, problems: Problems): Node {
  const checker = new Checker(declarations, problems);
  const node = checker.check(expr, new Scope(new Map()));
  checker.finish();
  return node;
}

class Checker {
  readonly #declared: Declarations;
  readonly #problems: Problems;
  readonly #nodes: Node[] = [];
  #bound: Substitutions = new Map();
  #variables = 0;

  constructor(declared: Declarations, problems: Problems) {
    this.#declared = declared;
    this.#problems = problems;
  }

  finish(): void {
    for (const node of this.#nodes) node.type = substitute(this.#bound, node.type, true);
  }

  check(expr: Expr, scope: Scope): Node {
    const node = this.#node(expr, scope);
    node.offset = expr.offset;
    this.#nodes.push(node);
    return node;
  }

  #node(expr: Expr, scope: Scope): Node {
    switch (expr.kind) {
      case 'literal':
        return { kind: 'literal', value: expr.value, type: literalType(expr.value) };
      case 'ident':
        return this.#named(expr.name, scope) ?? this.#undeclared(expr.offset, expr.name);
      case 'select':
        return this.#select(expr, scope);
      case 'call':
        return this.#call(expr, scope);
      case 'list':
        return this.#list(expr, scope);
      case 'map':
        return this.#map(expr, scope);
      case 'struct':
        return this.#struct(expr, scope);
      case 'comprehension':
        return this.#loop(expr, scope);
    }
  }

  /** A variable or type of that (qualified) name. */
  #named(name: string, scope: Scope): Node | undefined {
    const local = name.startsWith('.') ? undefined : scope.find(name);
    if (local !== undefined) return { kind: 'ident', name, local: true, type: local };
    const global = name.startsWith('.') ? name.slice(1) : name;
    const type = this.#declared.variables.get(global);
    if (type !== undefined) return { kind: 'ident', name: global, local: false, type };
    const value = this.#declared.typeNames.get(global);
    return value === undefined ? undefined : { kind: 'literal', value, type: typeOf(value.of) };
  }

  #undeclared(offset: number, name: string): Node {
    this.#problems.add(offset, `undeclared reference to '${name}' (in container '')`);
    return { kind: 'ident', name, local: false, type: ERROR_TYPE };
  }

  #select(expr: Select, scope: Scope): Node {
    if (!expr.test) {
      const name = qualifiedName(expr);
      const shadowed = name !== undefined && scope.find(name.slice(0, name.indexOf('.'))) !== undefined;
      const found = name === undefined || shadowed ? undefined : this.#named(name, NO_SCOPE);
      if (found !== undefined) return found;
    }
    const operand = this.check(expr.operand, scope);
    const field = this.#field(expr.offset, operand.type, expr.field);
    const type = expr.test ? BOOL : substitute(this.#bound, field.type, false);
    return { kind: 'select', operand, field: expr.field, json: field.json, test: expr.test, type };
  }

  #field(offset: number, operand: Type, name: string): { readonly json: string; readonly type: Type } {
    const whole = substitute(this.#bound, operand, false);
    const [target, wrap] = isOptional(whole) ? [whole.params[0] as Type, optionalOf] : [whole, (type: Type) => type];
    switch (target.kind) {
      case 'map':
        return { json: name, type: wrap(target.values) };
      case 'object': {
        const field = fieldOf(target, name);
        if (field !== undefined) return { json: field.json, type: wrap(field.type) };
        const computed = this.#declared.structType(target.name)?.fieldType(name);
        if (computed !== undefined) return { json: name, type: wrap(computed) };
        this.#problems.add(offset, `undefined field '${name}'`);
        return { json: name, type: wrap(ERROR_TYPE) };
      }
      case 'param':
        this.#assignable(DYN, target);
        return { json: name, type: wrap(DYN) };
      default:
        if (!isDynOrError(target)) this.#problems.add(offset, `type '${formatType(target)}' does not support field selection`);
        return { json: name, type: wrap(DYN) };
    }
  }

  #call(expr: Call, scope: Scope): Node {
    if (expr.name === '_?._') return this.#optionalSelect(expr, scope);
    if (expr.target === undefined) {
      const args = expr.args.map((arg) => this.check(arg, scope));
      const name = expr.name.startsWith('.') ? expr.name.slice(1) : expr.name;
      return this.#resolve(expr, name, undefined, args);
    }
    const prefix = qualifiedName(expr.target);
    const qualified = `${prefix ?? ''}.${expr.name}`;
    const args = expr.args.map((arg) => this.check(arg, scope));
    if (prefix !== undefined && this.#declared.functions.has(qualified)) return this.#resolve(expr, qualified, undefined, args);
    return this.#resolve(expr, expr.name, this.check(expr.target, scope), args);
  }

  #resolve(expr: Call, name: string, target: Node | undefined, args: readonly Node[]): CallNode {
    const call = { kind: 'call', name, target, args } as const;
    const overloads = this.#declared.functions.get(name);
    if (overloads === undefined) {
      this.#problems.add(expr.offset, `undeclared reference to '${expr.name}' (in container '')`);
      return { ...call, overloads: [], type: ERROR_TYPE };
    }
    if (name === '_&&_' || name === '_||_') return this.#logical(expr, call, overloads);
    const types = (target === undefined ? args : [target, ...args]).map(({ type }) => type);
    const { type, fitting } = this.#overloads(overloads, types, target !== undefined);
    if (type !== undefined) return { ...call, overloads: fitting, type };
    const shown = types.map((argument) => substitute(this.#bound, argument, true));
    this.#problems.add(
      expr.offset,
      `found no matching overload for '${name}' applied to '${formatSignature(shown, target !== undefined)}'`,
    );
    return { ...call, overloads: [], type: ERROR_TYPE };
  }

  #logical(expr: Call, call: Omit<CallNode, 'overloads' | 'type'>, overloads: readonly Overload[]): CallNode {
    let type: Type = BOOL;
    call.args.forEach((arg, i) => {
      if (this.#assignable(arg.type, BOOL)) return;
      type = ERROR_TYPE;
      this.#mismatch(expr.args[i]?.offset ?? expr.offset, BOOL, arg.type);
    });
    return { ...call, overloads, type };
  }

  #overloads(overloads: readonly Overload[], types: readonly Type[], member: boolean): { type: Type | undefined; fitting: Overload[] } {
    const fitting: Overload[] = [];
    let type: Type | undefined;
    for (const overload of overloads) {
      if (overload.member !== member || overload.args.length !== types.length) continue;
      const fresh: Substitutions = new Map();
      const instance = (declared: Type): Type => this.#instantiate(declared, fresh);
      const bound = unify(this.#bound, types, overload.args.map(instance));
      if (bound === undefined) continue;
      this.#bound = bound;
      fitting.push(overload);
      const result = substitute(bound, instance(overload.result), false);
      if (type === undefined) type = result;
      else if (!isDyn(type) && !sameType(type, result)) type = DYN;
    }
    return { type, fitting };
  }

  /** A declared type with variables of its own for this call. */
  #instantiate(declared: Type, fresh: Substitutions): Type {
    if (declared.kind === 'param') {
      if (!fresh.has(declared.name)) fresh.set(declared.name, this.#newVariable());
      return fresh.get(declared.name) as Type;
    }
    if (typeParams(declared).length === 0) return declared;
    for (const param of typeParams(declared)) this.#instantiate(param, fresh);
    return substitute(fresh, declared, false);
  }

  #optionalSelect(expr: Call, scope: Scope): Node {
    const [operandExpr, fieldExpr] = expr.args as [Expr, Expr];
    const operand = this.check(operandExpr, scope);
    const name = fieldExpr.kind === 'literal' && typeof fieldExpr.value === 'string' ? fieldExpr.value : '';
    const { json, type } = this.#field(expr.offset, operand.type, name);
    const result = substitute(this.#bound, isOptional(type) ? type : optionalOf(type), false);
    const field: Node = { kind: 'literal', value: json, type: STRING };
    this.#nodes.push(field);
    const overloads = this.#declared.functions.get('_?._') ?? [];
    return { kind: 'call', name: '_?._', target: undefined, args: [operand, field], overloads, type: result };
  }

  #list(expr: ListExpr, scope: Scope): Node {
    let items: Type | undefined;
    const elements = expr.elements.map((element, i) => {
      const node = this.check(element, scope);
      const type = expr.optional.has(i) ? this.#unwrap(element.offset, node.type) : node.type;
      items = this.#join(items, type);
      return node;
    });
    return { kind: 'list', elements, optional: expr.optional, type: listOf(items ?? this.#newVariable()) };
  }

  #map(expr: MapExpr, scope: Scope): Node {
    let keys: Type | undefined;
    let values: Type | undefined;
    const entries = expr.entries.map((entry) => {
      const key = this.check(entry.key, scope);
      keys = this.#join(keys, key.type);
      const value = this.check(entry.value, scope);
      values = this.#join(values, entry.optional ? this.#unwrap(entry.value.offset, value.type) : value.type);
      return { key, value, optional: entry.optional };
    });
    return { kind: 'map', entries, type: mapOf(keys ?? this.#newVariable(), values ?? this.#newVariable()) };
  }

  #struct(expr: StructExpr, scope: Scope): Node {
    const name = expr.name.startsWith('.') ? expr.name.slice(1) : expr.name;
    const struct = this.#declared.structType(name);
    if (struct === undefined) {
      const named = this.#named(name, NO_SCOPE);
      if (named === undefined) return this.#undeclared(expr.offset, expr.name);
      const wrong =
        named.type.kind === 'type'
          ? `'${formatType(named.type.of ?? DYN)}' is not a message type`
          : `'${formatType(named.type)}' is not a type`;
      this.#problems.add(expr.offset, wrong);
    }
    const fields = expr.fields.map(({ name: field, value: valueExpr, optional, offset }) => {
      const value = this.check(valueExpr, scope);
      const wanted = struct?.fieldType(field);
      if (struct !== undefined && wanted === undefined) this.#problems.add(offset, `undefined field '${field}'`);
      const given = optional ? this.#unwrap(valueExpr.offset, value.type) : value.type;
      if (wanted !== undefined && !this.#assignable(wanted, given)) {
        const message = `expected type of field '${field}' is '${formatType(wanted)}' but provided type is '${formatType(given)}'`;
        this.#problems.add(offset, message);
      }
      return { name: field, value, optional };
    });
    return { kind: 'struct', name, fields, type: struct?.type ?? ERROR_TYPE };
  }

  #loop(expr: Comprehension, scope: Scope): LoopNode {
    const range = this.check(expr.range, scope);
    const init = this.check(expr.init, scope);
    const [first, second] = this.#iterated(expr.range.offset, substitute(this.#bound, range.type, false), expr.iterVar2 !== undefined);
    const outer = new Scope(new Map([[expr.accuVar, init.type]]), scope);
    const variables = new Map([[expr.iterVar, first]]);
    if (expr.iterVar2 !== undefined) variables.set(expr.iterVar2, second);
    const inner = new Scope(variables, outer);
    const condition = this.check(expr.condition, inner);
    this.#assert(expr.condition.offset, condition.type, BOOL);
    const step = this.check(expr.step, inner);
    this.#assert(expr.step.offset, step.type, init.type);
    const result = this.check(expr.result, outer);
    const { macro, iterVar, iterVar2, accuVar } = expr;
    const type = substitute(this.#bound, result.type, false);
    return { kind: 'loop', macro, range, iterVar, iterVar2, accuVar, init, condition, step, result, type };
  }

  /** The types of the loop's variables. */
  #iterated(offset: number, range: Type, two: boolean): readonly [Type, Type] {
    switch (range.kind) {
      case 'list':
        return two ? [INT, range.items] : [range.items, DYN];
      case 'map':
        return [range.keys, range.values];
      case 'dyn':
      case 'error':
      case 'param':
        this.#assignable(DYN, range);
        return [DYN, DYN];
      default:
        this.#problems.add(
          offset,
          `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [ERROR_TYPE, ERROR_TYPE];
    }
  }

  /** The value type of what is written with `?`. */
  #unwrap(offset: number, type: Type): Type {
    if (isOptional(type)) return type.params[0] as Type;
    if (!isDyn(type)) this.#mismatch(offset, optionalOf(type), type);
    return type;
  }

  /** The common type of a literal's elements; that they have one is checked in literals.ts. */
  #join(before: Type | undefined, type: Type): Type {
    if (before === undefined) return type;
    return this.#assignable(before, type) ? mostGeneral(before, type) : DYN;
  }

  #assert(offset: number, type: Type, wanted: Type): void {
    if (!this.#assignable(wanted, type)) this.#mismatch(offset, wanted, type);
  }

  #mismatch(offset: number, expected: Type, found: Type): void {
    this.#problems.add(offset, `expected type '${formatType(expected)}' but found '${formatType(found)}'`);
  }

  #assignable(a: Type, b: Type): boolean {
    const bound = unify(this.#bound, [a], [b]);
    if (bound !== undefined) this.#bound = bound;
    return bound !== undefined;
  }

  #newVariable(): Type {
    return typeParam(`_var${this.#variables++}`);
  }
}

const NO_SCOPE = new Scope(new Map());

/** `a.b.c` of selects down to an identifier. */
function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.test) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}

function literalType(value: NonNullable<unknown> | null): Type {
  if (value === null) return NULL_TYPE;
  if (value instanceof Uint8Array) return BYTES;
  if (value instanceof Uint) return UINT;
  const type = typeOfValue(value);
  return type.kind === 'double' ? DOUBLE : type;
}
