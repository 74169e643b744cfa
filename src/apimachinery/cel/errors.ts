// What can go wrong with an expression: while it is compiled (all problems at once) and while it runs (the first one).
import type { Issue } from './contract.ts';

/** The message is every problem's display text, a line each and the source below it. */
export class CompileError extends Error {
  override readonly name = 'CompileError';
  readonly issues: readonly Issue[];
  /** Upstream words the two differently: `compilation failed: …` and `program instantiation failed: …`. */
  readonly stage: 'check' | 'program';

  constructor(issues: readonly Issue[], stage: 'check' | 'program' = 'check') {
    super(issues.map(({ text }) => text).join('\n'));
    this.issues = issues;
    this.stage = stage;
  }
}

/**
 * - `runtime`: the expression failed on this input (`no such key: x`); `||`, `&&` and macros may absorb it;
 * - `costLimit`: it cost more than it may.
 */
export class EvaluationError extends Error {
  override readonly name = 'EvaluationError';
  readonly reason: 'runtime' | 'costLimit';
  /** What had been spent by then; set when the evaluation ends. */
  cost = 0;

  constructor(message: string, reason: 'runtime' | 'costLimit' = 'runtime') {
    super(message);
    this.reason = reason;
  }
}

/** An authorizer's answer that is not there yet: evaluation starts again when it is. Not absorbed by any operator. */
export class PendingDecision extends Error {
  override readonly name = 'PendingDecision';
  readonly settled: Promise<unknown>;

  constructor(settled: Promise<unknown>) {
    super('an authorization decision is pending');
    this.settled = settled;
  }
}

/** @throws EvaluationError always */
export function fail(message: string): never {
  throw new EvaluationError(message);
}
