// A checked expression to a program of closures, constants folded and paths joined.
// Source: cel-go interpreter/planner.go, decorators.go decOptimize.
import {
  operands,
  type CallNode,
  type IdentNode,
  type ListNode,
  type LoopNode,
  type MapNode,
  type Node,
  type StructNode,
} from '../check/node.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { conversionOf } from '../values/conversion.ts';
import { isNumeric, Uint } from '../values/numbers.ts';
import { showValue } from '../values/show.ts';
import { itemsOf, MapValue, Optional } from '../values/values.ts';
import { attributeOf, converted, presence, type Planner } from './attributes.ts';
import { planCall } from './calls.ts';
import { charge, Frame, type Step } from './frame.ts';
import { planLoop, type Places } from './loops.ts';

export interface Plan {
  readonly step: Step;
  /** Names of the environment's variables, in the order of a frame's globals. */
  readonly globals: readonly string[];
  /** How many variables comprehensions have. */
  readonly locals: number;
}

/** Makes an object of a struct type from its fields. */
export type Construct = (name: string, fields: ReadonlyMap<string, Value>) => Value;

/** What creating a list, a map or a struct costs. Source: common/cost.go. */
const CREATE = { list: 10, map: 30, struct: 40 };

const CONVERSIONS: ReadonlySet<string> = new Set([
  ...['bool', 'bytes', 'double', 'duration', 'dyn', 'int', 'string', 'timestamp', 'type', 'uint'],
]);

/** @throws EvaluationError when a constant part of the expression fails */
export function makePlan(node: Node, construct: Construct): Plan {
  const planner = new ProgramPlanner(construct);
  const step = planner.plan(node);
  return { step, globals: planner.globals, locals: planner.locals };
}

/** A variable in sight. `init` is the value of a `bind`, worked out when it is first read. */
interface Local {
  readonly name: string;
  readonly place: number;
  readonly init?: Step;
}

class ProgramPlanner implements Planner {
  readonly globals: string[] = [];
  locals = 0;
  readonly #construct: Construct;
  /** Innermost last. */
  #scope: readonly Local[] = [];

  constructor(construct: Construct) {
    this.#construct = construct;
  }

  plan(node: Node): Step {
    const constant = this.#constant(node);
    if (constant !== undefined) return () => constant.value;
    const attribute = attributeOf(node, this);
    if (attribute === undefined) return this.#compound(node);
    const walk = converted(attribute.walk, this.conversion(node));
    if (attribute.cost === 0) return walk;
    return (frame) => {
      charge(frame, 1);
      return walk(frame);
    };
  }

  conversion(node: Node): ((raw: Value) => Value) | undefined {
    return conversionOf(node.type);
  }

  variable({ name, local }: IdentNode): Step {
    return local ? this.#local(name) : this.#global(name);
  }

  #local(name: string): Step {
    const found = this.#scope.findLast((variable) => variable.name === name) as Local;
    const { place, init } = found;
    if (init === undefined) return ({ locals }) => locals[place] as Value;
    return (frame) => (frame.locals[place] ??= init(frame)) ?? null;
  }

  #global(name: string): Step {
    let place = this.globals.indexOf(name);
    if (place < 0) place = this.globals.push(name) - 1;
    return ({ globals }) => {
      const value = globals[place];
      if (typeof value === 'function') return (globals[place] = (value as () => Value)());
      return (value as Value | undefined) === undefined ? fail(`no such attribute(s): ${name}`) : (value as Value);
    };
  }

  #compound(node: Node): Step {
    switch (node.kind) {
      case 'select':
        return presence(node, this);
      case 'call':
        return this.#membership(node) ?? planCall(node, this);
      case 'list':
        return this.#list(node);
      case 'map':
        return this.#map(node);
      case 'struct':
        return this.#struct(node);
      case 'loop':
        return this.#loop(node);
      default:
        throw new TypeError(`${node.kind} is a path`);
    }
  }

  /** Literals, lists and maps of nothing else, and conversions of them: free of cost, evaluated now. */
  #constant(node: Node): { readonly value: Value } | undefined {
    if (node.kind === 'literal') return node;
    const parts = constantParts(node);
    if (parts?.every((part) => this.#constant(part) !== undefined) !== true) return undefined;
    return { value: this.#compound(node)(new Frame([], 0, Infinity)) };
  }

  /** `x in [constants]` is looked up, for nothing. Source: maybeOptimizeSetMembership. */
  #membership(node: CallNode): Step | undefined {
    const [item, list] = node.args as [Node, Node];
    if (node.overloads.length !== 1 || node.overloads[0]?.id !== 'in_list') return undefined;
    const items = itemsOf(this.#constant(list)?.value ?? null);
    if (items === undefined || !items.every((value) => typeof value === 'string' || typeof value === 'boolean' || isNumeric(value)))
      return undefined;
    const set = new MapValue(items.map((value) => [value, true]));
    const step = this.plan(item);
    if (items.length === 0) return () => false;
    return (frame) => {
      const value = step(frame);
      const simple = typeof value === 'string' || typeof value === 'boolean' || isNumeric(value);
      return simple && set.get(value) === true;
    };
  }

  #list({ elements, optional }: ListNode): Step {
    const steps = elements.map((element) => this.plan(element));
    if (optional.size === 0) {
      return (frame) => {
        const items = steps.map((step) => step(frame));
        charge(frame, CREATE.list);
        return items;
      };
    }
    return (frame) => {
      const items: Value[] = [];
      steps.forEach((step, i) => {
        const value = step(frame);
        if (!optional.has(i)) items.push(value);
        else if (!(value instanceof Optional)) fail(`cannot initialize optional list element from non-optional value ${showValue(value)}`);
        else if (value.value !== undefined) items.push(value.value);
      });
      charge(frame, CREATE.list);
      return items;
    };
  }

  #map({ entries }: MapNode): Step {
    const steps = entries.map(({ key, value, optional }) => ({ key: this.plan(key), value: this.plan(value), optional }));
    return (frame) => {
      const map = new MapValue();
      for (const { key, value, optional } of steps) {
        const name = checkedKey(key(frame));
        const given = present(name, value(frame), optional);
        if (given === undefined) continue;
        map.set(name, given);
      }
      charge(frame, CREATE.map);
      return map;
    };
  }

  #struct({ name, fields }: StructNode): Step {
    const steps = fields.map((field) => ({ name: field.name, value: this.plan(field.value), optional: field.optional }));
    return (frame) => {
      const values = new Map<string, Value>();
      for (const { name: field, value, optional } of steps) {
        const given = present(field, value(frame), optional);
        if (given !== undefined) values.set(field, given);
      }
      charge(frame, CREATE.struct);
      return this.#construct(name, values);
    };
  }

  #loop(node: LoopNode): Step {
    const places: Places = {
      iterVar: this.locals++,
      iterVar2: node.iterVar2 === undefined ? undefined : this.locals++,
      accuVar: this.locals++,
    };
    const outer = this.#scope;
    // The range and a bound value are outside the variables' sight.
    const range = this.plan(node.range);
    const init = node.macro === 'bind' ? this.plan(node.init) : undefined;
    const variables: Local[] = [{ name: node.accuVar, place: places.accuVar, ...(init && { init }) }];
    if (node.macro !== 'bind') variables.push({ name: node.iterVar, place: places.iterVar });
    if (node.iterVar2 !== undefined && places.iterVar2 !== undefined) variables.push({ name: node.iterVar2, place: places.iterVar2 });
    this.#scope = [...outer, ...variables];
    const step = planLoop(node, range, places, this);
    this.#scope = outer;
    return step;
  }
}

function constantParts(node: Node): readonly Node[] | undefined {
  switch (node.kind) {
    case 'list':
      return node.elements;
    case 'map':
      return node.entries.flatMap(({ key, value }) => [key, value]);
    case 'call':
      return CONVERSIONS.has(node.name) && node.target === undefined && node.args.length === 1 ? operands(node) : undefined;
    default:
      return undefined;
  }
}

function present(name: Value, value: Value, optional: boolean): Value | undefined {
  if (!optional) return value;
  if (value instanceof Optional) return value.value;
  return fail(`cannot initialize optional entry '${showValue(name)}' from non-optional value ${showValue(value)}`);
}

function checkedKey(key: Value): Value {
  const valid =
    typeof key === 'string' || typeof key === 'boolean' || typeof key === 'bigint' || typeof key === 'number' || key instanceof Uint;
  return valid ? key : fail('unsupported key type');
}
