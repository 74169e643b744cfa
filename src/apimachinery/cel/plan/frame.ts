// The state of one evaluation: values of variables, and what has been spent.
import type { Value } from '../contract.ts';
import { EvaluationError } from '../errors.ts';

/** One step of a program: gives its value, and adds what it costs. @throws EvaluationError */
export type Step = (frame: Frame) => Value;

export class Frame {
  /** Values of the environment's variables that the program uses; a function for one that is not asked for yet. */
  readonly globals: unknown[];
  /** Variables of comprehensions; every comprehension has places of its own. undefined before the first turn. */
  readonly locals: (Value | undefined)[];
  readonly limit: number;
  cost = 0;

  constructor(globals: unknown[], locals: number, limit: number) {
    this.globals = globals;
    this.locals = new Array<Value | undefined>(locals);
    this.limit = limit;
  }
}

/** @throws EvaluationError when that is more than the evaluation may cost */
export function charge(frame: Frame, cost: number): void {
  frame.cost += cost;
  if (frame.cost > frame.limit) throw new EvaluationError('operation cancelled: actual cost limit exceeded', 'costLimit');
}

/** What operators that absorb errors may absorb; anything else is thrown again. */
export function absorbed(error: unknown): EvaluationError {
  if (error instanceof EvaluationError && error.reason === 'runtime') return error;
  throw error;
}
