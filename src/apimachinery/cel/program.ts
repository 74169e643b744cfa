// A compiled expression and its evaluation.
import type { Node } from './check/node.ts';
import type { Activation, CostEstimate, Evaluation, EvaluationOptions, Program } from './contract.ts';
import { EvaluationError, PendingDecision } from './errors.ts';
import { estimate } from './estimate/estimate.ts';
import { PER_CALL_LIMIT } from './limits.ts';
import { Frame } from './plan/frame.ts';
import type { Plan } from './plan/plan.ts';
import type { Type } from './types.ts';

export class CompiledProgram implements Program {
  readonly source: string;
  readonly variables: ReadonlySet<string>;
  readonly #root: Node;
  readonly #plan: Plan;
  readonly #declared: ReadonlyMap<string, Type>;

  /** `declared`: the variables of its environment. */
  constructor(source: string, root: Node, plan: Plan, declared: ReadonlyMap<string, Type>) {
    this.source = source;
    this.#declared = declared;
    this.#root = root;
    this.#plan = plan;
    this.variables = new Set(plan.globals);
  }

  get resultType(): Type {
    return this.#root.type;
  }

  estimateCost(): CostEstimate {
    return estimate(this.#root, this.#declared);
  }

  evaluate(activation: Activation, { costLimit = PER_CALL_LIMIT }: EvaluationOptions = {}): Evaluation {
    const { step, globals, locals } = this.#plan;
    const frame = new Frame(
      globals.map((name) => (Object.hasOwn(activation, name) ? activation[name] : undefined)),
      locals,
      costLimit,
    );
    try {
      return { value: step(frame), cost: frame.cost };
    } catch (error) {
      if (error instanceof EvaluationError) error.cost = frame.cost;
      throw error instanceof RangeError ? new EvaluationError(error.message) : error;
    }
  }

  async evaluateAsync(activation: Activation, options?: EvaluationOptions): Promise<Evaluation> {
    for (;;) {
      try {
        return this.evaluate(activation, options);
      } catch (error) {
        if (!(error instanceof PendingDecision)) throw error;
        await error.settled;
      }
    }
  }
}
