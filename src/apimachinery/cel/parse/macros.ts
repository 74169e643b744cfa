// Macros: calls that are rewritten before anything is checked.
// Source: cel-go parser/macro.go, cel/library.go optMap, ext/comprehensions.go.
import { ACCUMULATOR, type Call, type Comprehension, type Expr, type Ident, type ListExpr, type Literal, type MapExpr } from '../ast.ts';
import type { Value } from '../contract.ts';

/** A macro's arguments were not what it takes. */
export class MacroError extends Error {
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

export interface MacroOptions {
  /** `cel.bind(name, value, expression)`. Source: ext.Bindings. */
  readonly bindings: boolean;
}

export interface MacroCall {
  readonly offset: number;
  readonly name: string;
  readonly target: Expr | undefined;
  readonly args: readonly Expr[];
}

/** @throws MacroError; undefined when there is no such macro: an ordinary call */
export function expandMacro(call: MacroCall, { bindings }: MacroOptions): Expr | undefined {
  const { name, target, args } = call;
  if (bindings && name === 'bind' && args.length === 3 && target?.kind === 'ident' && target.name === 'cel') return bind(call);
  if (target === undefined) return name === 'has' && args.length === 1 ? has(args[0] as Expr, call.offset) : undefined;
  return RECEIVER[`${name}/${args.length}`]?.(new Maker(call.offset), target, args);
}

function has(argument: Expr, offset: number): Expr {
  if (argument.kind !== 'select') throw new MacroError(argument.offset, 'invalid argument to has() macro');
  return { ...argument, offset, test: true };
}

type Expand = (make: Maker, target: Expr, args: readonly Expr[]) => Expr;

/** Makes nodes that stand where the macro's call stood. */
class Maker {
  readonly offset: number;

  constructor(offset: number) {
    this.offset = offset;
  }

  literal(value: Value): Literal {
    return { kind: 'literal', offset: this.offset, value };
  }

  accumulator(): Ident {
    return { kind: 'ident', offset: this.offset, name: ACCUMULATOR };
  }

  call(name: string, ...args: readonly Expr[]): Call {
    return { kind: 'call', offset: this.offset, name, target: undefined, args };
  }

  member(name: string, target: Expr): Call {
    return { kind: 'call', offset: this.offset, name, target, args: [] };
  }

  list(...elements: readonly Expr[]): ListExpr {
    return { kind: 'list', offset: this.offset, elements, optional: new Set() };
  }

  map(): MapExpr {
    return { kind: 'map', offset: this.offset, entries: [] };
  }

  loop(parts: Omit<Comprehension, 'kind' | 'offset' | 'accuVar'> & { readonly accuVar?: string }): Comprehension {
    return { kind: 'comprehension', offset: this.offset, accuVar: ACCUMULATOR, ...parts };
  }
}

interface Variables {
  readonly iterVar: string;
  readonly iterVar2: string | undefined;
  /** The arguments after the variables. */
  readonly rest: readonly Expr[];
}

function oneVariable(what: string): (args: readonly Expr[]) => Variables {
  return ([first, ...rest]) => ({ iterVar: variable(first as Expr, what), iterVar2: undefined, rest });
}

function twoVariables([first, second, ...rest]: readonly Expr[]): Variables {
  const [iterVar, iterVar2] = [variable(first as Expr, SIMPLE_NAME), variable(second as Expr, SIMPLE_NAME)];
  if (iterVar === iterVar2) throw new MacroError((second as Expr).offset, `duplicate variable name: ${iterVar}`);
  return { iterVar, iterVar2, rest };
}

const SIMPLE_NAME = 'argument must be a simple name';

function variable(argument: Expr, what: string): string {
  if (argument.kind !== 'ident') throw new MacroError(argument.offset, what);
  if (argument.name === ACCUMULATOR || argument.name === '__result__')
    throw new MacroError(argument.offset, 'iteration variable overwrites accumulator variable');
  return argument.name;
}

type Read = (args: readonly Expr[]) => Variables;

const all =
  (read: Read): Expand =>
  (make, range, args) => {
    const { rest, ...variables } = read(args);
    const condition = make.call('@not_strictly_false', make.accumulator());
    const step = make.call('_&&_', make.accumulator(), rest[0] as Expr);
    return make.loop({ macro: 'all', range, ...variables, init: make.literal(true), condition, step, result: make.accumulator() });
  };

const exists =
  (read: Read): Expand =>
  (make, range, args) => {
    const { rest, ...variables } = read(args);
    const condition = make.call('@not_strictly_false', make.call('!_', make.accumulator()));
    const step = make.call('_||_', make.accumulator(), rest[0] as Expr);
    return make.loop({ macro: 'exists', range, ...variables, init: make.literal(false), condition, step, result: make.accumulator() });
  };

const existsOne =
  (read: Read): Expand =>
  (make, range, args) => {
    const { rest, ...variables } = read(args);
    const found = make.call('_+_', make.accumulator(), make.literal(1));
    const step = make.call('_?_:_', rest[0] as Expr, found, make.accumulator());
    const result = make.call('_==_', make.accumulator(), make.literal(1));
    return make.loop({ macro: 'existsOne', range, ...variables, init: make.literal(0), condition: make.literal(true), step, result });
  };

/** A list or map of what each turn adds, where the filter before it, if any, lets it. */
const collect =
  (macro: 'list' | 'map', read: Read, add: (make: Maker, made: Expr, variables: Variables) => Expr): Expand =>
  (make, range, args) => {
    const variables = read(args);
    const { iterVar, iterVar2, rest } = variables;
    const added = add(make, rest.at(-1) as Expr, variables);
    const step = rest.length > 1 ? make.call('_?_:_', rest[0] as Expr, added, make.accumulator()) : added;
    const init = macro === 'list' ? make.list() : make.map();
    return make.loop({ macro, range, iterVar, iterVar2, init, condition: make.literal(true), step, result: make.accumulator() });
  };

const append = (make: Maker, made: Expr): Expr => make.call('_+_', make.accumulator(), make.list(made));
const insertEntry = (make: Maker, made: Expr): Expr => make.call('cel.@mapInsert', make.accumulator(), made);
const insertValue = (make: Maker, made: Expr, { iterVar }: Variables): Expr =>
  make.call('cel.@mapInsert', make.accumulator(), { kind: 'ident', offset: make.offset, name: iterVar }, made);

/** `target.filter(x, p)` is `target.map(x, p, x)`. */
const filter: Expand = (make, target, args) => collect('list', oneIdentifier, append)(make, target, [...args, args[0] as Expr]);

/** `result`, in which `name` stands for `value`. */
const named = (make: Maker, name: string, value: Expr, result: Expr): Comprehension =>
  make.loop({
    macro: 'bind',
    range: make.list(),
    iterVar: '#unused',
    iterVar2: undefined,
    accuVar: name,
    init: value,
    condition: make.literal(false),
    step: { kind: 'ident', offset: make.offset, name },
    result,
  });

function bind({ offset, args }: MacroCall): Expr {
  const [variable, value, result] = args as [Expr, Expr, Expr];
  if (variable.kind !== 'ident') throw new MacroError(variable.offset, 'cel.bind() variable names must be simple identifiers');
  return named(new Maker(offset), variable.name, value, result);
}

/** An optional's value under a name, where there is one. `wrap` makes the result an optional again. */
const optional =
  (name: string, wrap: boolean): Expand =>
  (make, target, args) => {
    const [first, body] = args as [Expr, Expr];
    if (first.kind !== 'ident') throw new MacroError(first.offset, `${name}() variable name must be a simple identifier`);
    const bound = named(make, first.name, make.member('value', target), body);
    const some = wrap ? make.call('optional.of', bound) : bound;
    return make.call('_?_:_', make.member('hasValue', target), some, make.call('optional.none'));
  };

/** `list.sortBy(x, key)`: the list under a hidden name, sorted by the keys of its items. */
const sortBy: Expand = (make, target, args) => {
  const input: Ident = { kind: 'ident', offset: make.offset, name: '@__sortBy_input__' };
  const keys = mapOne(make, input, args);
  const result: Call = { kind: 'call', offset: make.offset, name: '@sortByAssociatedKeys', target: input, args: [keys] };
  return named(make, input.name, target, result);
};

const one = oneVariable(SIMPLE_NAME);
const oneIdentifier = oneVariable('argument is not an identifier');
const mapOne = collect('list', oneIdentifier, append);
const toList = collect('list', twoVariables, append);
const toMap = collect('map', twoVariables, insertValue);
const toEntries = collect('map', twoVariables, insertEntry);

/** By name and number of arguments. */
const RECEIVER: Readonly<Record<string, Expand>> = {
  'all/2': all(one),
  'exists/2': exists(one),
  'exists_one/2': existsOne(one),
  'existsOne/2': existsOne(one),
  'map/2': mapOne,
  'map/3': mapOne,
  'filter/2': filter,
  'all/3': all(twoVariables),
  'exists/3': exists(twoVariables),
  'existsOne/3': existsOne(twoVariables),
  'exists_one/3': existsOne(twoVariables),
  'transformList/3': toList,
  'transformList/4': toList,
  'transformMap/3': toMap,
  'transformMap/4': toMap,
  'transformMapEntry/3': toEntries,
  'transformMapEntry/4': toEntries,
  'sortBy/2': sortBy,
  'optMap/2': optional('optMap', true),
  'optFlatMap/2': optional('optFlatMap', false),
};
