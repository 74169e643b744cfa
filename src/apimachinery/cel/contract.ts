// The contract of CEL: what CRD rules, match conditions, claim mappings and admission policies program against.
// Types and promises only. `createEnvironment` (environment.ts) makes an Environment, types.ts and schema-type.ts make Types.
import type { Type } from './types.ts';

/**
 * A value as expressions see it. JSON needs no conversion: what `JSON.parse` gives is already a value.
 *
 * | CEL | here |
 * |---|---|
 * | null, bool, string, bytes | null, boolean, string, Uint8Array |
 * | int | a number that is a safe integer; a bigint beyond that, up to 64 bits |
 * | double | a number that is no safe integer; `Double` for 1.0 and its like |
 * | uint, timestamp, duration | `Uint`, `Timestamp`, `Duration` (values.ts, times.ts) |
 * | list | an array |
 * | map, object | a plain object; `MapValue` where an expression made it (its keys need not be strings) |
 * | type, optional, Kubernetes' own | `Type`, `Optional`, an `OpaqueValue` |
 *
 * Where a declared type says more than JSON does (a double, a timestamp, a list of type `set`), the member is converted
 * when an expression reads it, so that callers always hand in plain JSON. Values are never changed.
 */
export type Value = NonNullable<unknown> | null;

/**
 * What each variable stands for in one evaluation, by name. A function is asked once at most, and only when an expression
 * needs it; what it throws is the error of the evaluation. An absent variable is the error `no such attribute(s): name`.
 */
export type Activation = Readonly<Record<string, unknown>>;

/** Variables and functions an expression may use. Immutable and made once; compiling with it is the costly part. */
export interface Environment {
  /**
   * Parses, checks and prepares `source`. The program has no state: keep it and evaluate it as often as you like.
   * @throws CompileError with every problem found, in upstream's words
   */
  compile(source: string): Program;
  /** This environment with further variables; one of the same name is replaced. */
  extend(variables: Readonly<Record<string, Type>>): Environment;
}

export interface EnvironmentOptions {
  /** Names and types. `DYN` for a value nothing is known about. A name may have dots: `authorizer.requestResource`. */
  readonly variables: Readonly<Record<string, Type>>;
  /** Mutating admission policies: `Object{…}`, `Object.spec{…}`, `JSONPatch{…}` and `jsonpatch.escapeKey`. */
  readonly patchTypes?: boolean;
  /** `cel.bind(name, value, expression)`, for selectors of devices. */
  readonly bindings?: boolean;
  /** Takes `[1, 'a']`, as CEL does and Kubernetes does not. */
  readonly mixedLiterals?: boolean;
}

export interface Program {
  readonly source: string;
  /** What the checker found; compare with `sameType(BOOL, program.resultType)`, print with `showType`. */
  readonly resultType: Type;
  /** Names of the declared variables the expression refers to: whether `oldSelf` occurs, for example. */
  readonly variables: ReadonlySet<string>;
  /**
   * Bounds of what an evaluation can cost, from the sizes that the variables' types state. Worked out when asked for.
   * Units and figures are upstream's. Source: checker.Cost with library.CostEstimator.
   */
  estimateCost(): CostEstimate;
  /**
   * @throws EvaluationError with upstream's message
   * @throws PendingDecision when an authorizer answers with a promise: use `evaluateAsync` where one is declared
   */
  evaluate(activation: Activation, options?: EvaluationOptions): Evaluation;
  /** `evaluate` for activations with an authorizer, which may take its time. @throws EvaluationError */
  evaluateAsync(activation: Activation, options?: EvaluationOptions): Promise<Evaluation>;
}

export interface EvaluationOptions {
  /** Evaluation ends with a `costLimit` error as soon as it has cost more. Absent: `PER_CALL_LIMIT` (limits.ts). */
  readonly costLimit?: number;
}

export interface Evaluation {
  readonly value: Value;
  /** What it cost, to be taken off the caller's budget. Source: interpreter.CostTracker. */
  readonly cost: number;
}

/** In cost units; saturates at 2^64. Multiply with `multiplyCost` (estimate.ts) where a rule runs once for each element. */
export interface CostEstimate {
  readonly min: number;
  readonly max: number;
}

/**
 * One thing wrong with an expression. `text` is upstream's display form:
 *
 *     ERROR: <input>:1:5: undeclared reference to 'foo' (in container '')
 *      | 1 + foo
 *      | ....^
 */
export interface Issue {
  readonly message: string;
  /** From 1. */
  readonly line: number;
  /** In characters, from 1. */
  readonly column: number;
  readonly text: string;
}

/** How the value bound to `authorizer` asks. Answers are remembered for the time of one evaluation. */
export interface AuthorizerHost {
  /** Must not throw: what went wrong belongs in `error`. */
  authorize(check: AuthorizationCheck): AuthorizationAnswer | Promise<AuthorizationAnswer>;
}

/** Source: library/authz.go pathCheckVal, resourceCheckVal. */
export interface AuthorizationCheck {
  /** Whom it is about: the requester where absent. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly verb: string;
  /** Only of a non-resource check; all else but `verb` is then empty. */
  readonly path: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface AuthorizationAnswer {
  readonly decision: 'allow' | 'deny' | 'noOpinion';
  readonly reason: string;
  /** Text of what went wrong; empty for nothing. */
  readonly error: string;
}
