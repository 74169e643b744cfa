// Calls of functions and operators: strict ones through the overload that fits, logical ones as their terms decide.
// Source: cel-go interpreter/interpretable.go evalBinary, evalAnd, evalOr; common/decls/decls.go.
import { operands, type CallNode } from '../check/node.ts';
import type { Value } from '../contract.ts';
import { fail, type EvaluationError } from '../errors.ts';
import type { Implementation, Overload } from '../functions.ts';
import { refuseBadPattern } from '../library/regex.ts';
import { equal } from '../values/equality.ts';
import { Optional, typeNameOf } from '../values/values.ts';
import type { Planner } from './attributes.ts';
import { absorbed, charge, type Step } from './frame.ts';
import { guardsOf } from './guards.ts';
import { callCost, equalityCost, type CallCost } from './runtime-cost.ts';

type Call = (...args: readonly Value[]) => Value;

export function planCall(node: CallNode, planner: Planner): Step {
  const args = operands(node).map((operand) => planner.plan(operand));
  const [first, second] = args as [Step, Step];
  switch (node.name) {
    case '_&&_':
      return logical(args, false);
    case '_||_':
      return logical(args, true);
    case '_==_':
      return equality(first, second, true);
    case '_!=_':
      return equality(first, second, false);
    case 'or':
    case 'orValue':
      if (node.target !== undefined) return orElse(first, second, node.name === 'orValue');
      break;
    default:
  }
  const overload = node.overloads.length === 1 ? node.overloads[0]?.id : undefined;
  const [argument] = node.args;
  if (overload?.startsWith('string_find') === true && argument?.kind === 'literal') refuseBadPattern(argument.value as string);
  return strict(args, dispatcher(node), callCost(node.name, overload ?? ''));
}

/** Evaluated left to right; the first term that decides does so whatever failed before it. */
function logical(terms: readonly Step[], decides: boolean): Step {
  return (frame) => {
    let failure: EvaluationError | undefined;
    for (const term of terms) {
      try {
        const value = term(frame);
        if (value === decides) return decides;
        if (typeof value !== 'boolean') fail('no such overload');
      } catch (error) {
        failure ??= absorbed(error);
      }
    }
    if (failure !== undefined) throw failure;
    return !decides;
  };
}

function equality(left: Step, right: Step, wanted: boolean): Step {
  return (frame) => {
    const a = left(frame);
    const b = right(frame);
    charge(frame, equalityCost(wanted, a, b));
    return equal(a, b) === wanted;
  };
}

/** The other side is evaluated only for an optional without a value. */
function orElse(left: Step, right: Step, unwrap: boolean): Step {
  return (frame) => {
    const optional = left(frame);
    if (!(optional instanceof Optional)) return fail('no such overload');
    if (optional.value === undefined) return right(frame);
    return unwrap ? optional.value : optional;
  };
}

function strict(args: readonly Step[], call: Call, cost: CallCost): Step {
  const [first, second] = args as [Step, Step];
  if (args.length === 1) {
    return (frame) => {
      const a = first(frame);
      const result = call(a);
      charge(frame, typeof cost === 'number' ? cost : cost([a], result));
      return result;
    };
  }
  if (args.length === 2) {
    return (frame) => {
      const a = first(frame);
      const b = second(frame);
      const result = call(a, b);
      charge(frame, typeof cost === 'number' ? cost : cost([a, b], result));
      return result;
    };
  }
  return (frame) => {
    const values = args.map((arg) => arg(frame));
    const result = call(...values);
    charge(frame, typeof cost === 'number' ? cost : cost(values, result));
    return result;
  };
}

/** The implementation itself where all overloads share one, which then judges its arguments. */
function dispatcher({ name, overloads }: CallNode): Call {
  const [only] = overloads;
  if (only !== undefined && only.unchecked === true) return only.call as Implementation as Call;
  const choices = overloads.map((overload) => ({ fits: fitting(overload), call: overload.call as Implementation as Call }));
  return (...args) => {
    for (const { fits, call } of choices) if (fits(args)) return call(...args);
    return fail(`no such overload: ${name}(${args.map(typeNameOf).join(', ')})`);
  };
}

function fitting(overload: Overload): (args: readonly Value[]) => boolean {
  const guards = guardsOf(overload);
  const [first, second] = guards;
  if (guards.length === 1) return first === undefined ? () => true : ([a]) => first(a as Value);
  if (guards.length === 2 && first !== undefined && second !== undefined) return ([a, b]) => first(a as Value) && second(b as Value);
  return (args) => guards.every((guard, i) => guard === undefined || guard(args[i] as Value));
}
