// Comprehensions: each macro as a loop of its own, costing what upstream's general fold costs step by step.
// Source: cel-go interpreter/interpretable.go evalFold, folder; parser/macro.go for the steps that are counted.
import type { CallNode, ListNode, LoopNode, Node } from '../check/node.ts';
import type { Value } from '../contract.ts';
import { fail, type EvaluationError } from '../errors.ts';
import { showValue } from '../values/show.ts';
import { itemsOf, MapValue, membersOf, typeNameOf } from '../values/values.ts';
import type { Planner } from './attributes.ts';
import { absorbed, charge, type Frame, type Step } from './frame.ts';

/** Where the variables of a loop stand in a frame's locals. */
export interface Places {
  readonly iterVar: number;
  readonly iterVar2: number | undefined;
  readonly accuVar: number;
}

/** Runs once for each turn; false ends the loop. */
type Turn = (frame: Frame) => boolean;

export function planLoop(node: LoopNode, range: Step, places: Places, planner: Planner): Step {
  switch (node.macro) {
    case 'all':
    case 'exists':
      return quantifier(node, range, places, planner);
    case 'existsOne':
      return existsOne(node, range, places, planner);
    case 'list':
      return collectList(node, range, places, planner);
    case 'map':
      return collectMap(node, range, places, planner);
    case 'bind':
      return bind(node, places, planner);
  }
}

function iterate(frame: Frame, range: Value, { iterVar, iterVar2 }: Places, turn: Turn): void {
  const { locals } = frame;
  const items = itemsOf(range);
  if (items !== undefined) {
    for (let i = 0; i < items.length; i++) {
      if (iterVar2 !== undefined) locals[iterVar2] = items[i];
      locals[iterVar] = iterVar2 === undefined ? items[i] : i;
      if (!turn(frame)) return;
    }
    return;
  }
  const members = membersOf(range) ?? fail(`got '${typeNameOf(range)}', expected iterable type`);
  for (const key of members.keys()) {
    locals[iterVar] = key;
    if (iterVar2 !== undefined) locals[iterVar2] = members.get(key);
    if (!turn(frame)) return;
  }
}

/** all: false decides; exists: true does. Errors count only when nothing decides. */
function quantifier(node: LoopNode, range: Step, places: Places, planner: Planner): Step {
  const decides = node.macro === 'exists';
  const predicate = planner.plan((node.step as CallNode).args[1] as Node);
  /** Asking whether to go on: the accumulator, `@not_strictly_false`, and for exists the negation. */
  const askCost = decides ? 3 : 2;
  return (frame) => {
    let failure: EvaluationError | undefined;
    let decided = false;
    iterate(frame, range(frame), places, () => {
      charge(frame, askCost);
      if (decided) return false;
      charge(frame, 1);
      try {
        const value = predicate(frame);
        if (value === decides) decided = true;
        else if (typeof value !== 'boolean') fail('no such overload');
      } catch (error) {
        failure ??= absorbed(error);
      }
      return true;
    });
    charge(frame, 1);
    if (decided) return decides;
    if (failure !== undefined) throw failure;
    return !decides;
  };
}

function existsOne(node: LoopNode, range: Step, places: Places, planner: Planner): Step {
  const predicate = planner.plan((node.step as CallNode).args[0] as Node);
  return (frame) => {
    let found = 0;
    iterate(frame, range(frame), places, () => {
      if (holds(predicate(frame))) {
        charge(frame, 2);
        found++;
      }
      return true;
    });
    charge(frame, 2);
    return found === 1;
  };
}

function holds(value: Value): boolean {
  return typeof value === 'boolean' ? value : fail('no such overload');
}

/** The filter before what a turn adds, and the call that adds it. */
function filtered(step: Node): { readonly filter: Node | undefined; readonly added: CallNode } {
  const call = step as CallNode;
  if (call.name !== '_?_:_') return { filter: undefined, added: call };
  return { filter: call.args[0] as Node, added: call.args[1] as CallNode };
}

function collectList(node: LoopNode, range: Step, places: Places, planner: Planner): Step {
  const { filter, added } = filtered(node.step);
  const list = added.args[1] as ListNode;
  const element = list.elements[0] as Node;
  const test = filter === undefined ? undefined : planner.plan(filter);
  const made = planner.plan(element);
  /** The accumulator, the addition, and a list of one unless that is a constant. */
  const addCost = element.kind === 'literal' ? 2 : 12;
  return (frame) => {
    const out: Value[] = [];
    iterate(frame, range(frame), places, () => {
      if (test !== undefined && !holds(test(frame))) return true;
      out.push(made(frame));
      charge(frame, addCost);
      return true;
    });
    charge(frame, 1);
    return out;
  };
}

function collectMap(node: LoopNode, range: Step, places: Places, planner: Planner): Step {
  const { filter, added } = filtered(node.step);
  const test = filter === undefined ? undefined : planner.plan(filter);
  const parts = added.args.slice(1).map((part) => planner.plan(part));
  const [first, second] = parts as [Step, Step | undefined];
  return (frame) => {
    const out = new MapValue();
    iterate(frame, range(frame), places, () => {
      if (test !== undefined && !holds(test(frame))) return true;
      const key = first(frame);
      if (second === undefined) insertAll(out, key);
      else insert(out, key, second(frame));
      charge(frame, 2);
      return true;
    });
    charge(frame, 1);
    return out;
  };
}

function insertAll(out: MapValue, entries: Value): void {
  const members = membersOf(entries) ?? fail('no such overload');
  for (const key of members.keys()) insert(out, key, members.get(key) as Value);
}

function insert(out: MapValue, key: Value, value: Value): void {
  if (out.get(key) !== undefined) fail(`insert failed: key ${showValue(key)} already exists`);
  out.set(key, value);
}

/** The value is worked out when it is first asked for; see `bound` in plan.ts. */
function bind(node: LoopNode, { accuVar }: Places, planner: Planner): Step {
  const body = planner.plan(node.result);
  return (frame) => {
    frame.locals[accuVar] = undefined;
    return body(frame);
  };
}
