// A ValidatingAdmissionPolicy compiled, and its judgement of one write. Source: policy/validating validator.go, plugin.go.
import type { ValidatingAdmissionPolicy, Validation } from '#api/gen/admissionregistration-v1.ts';
import type { Clock } from '#base/clock.ts';
import { PolicyCompiler, type CompiledExpression, type Offered } from '#api/expressions/admission.ts';
import { BOOL, NULL_TYPE, STRING } from '#apimachinery/cel/types.ts';
import { typeNameOf } from '#apimachinery/cel/values/values.ts';
import type { StatusReason } from '#apimachinery/errors.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { matchConditions } from './conditions.ts';
import { Budget, Evaluation, OutOfBudget, type Inputs, type Outcome } from './evaluation.ts';
import { constraintsOf, type Constraints } from './match.ts';

/** Longest message an expression may make, bytes. Source: MaxEvaluatedMessageExpressionSizeBytes. */
const MAX_MESSAGE = 5 * 1024;

export interface CompiledValidation {
  readonly validation: Validation;
  readonly expression: CompiledExpression;
  readonly message: CompiledExpression | undefined;
}

export interface ValidatingPolicy {
  readonly name: string;
  readonly spec: ValidatingAdmissionPolicy['spec'];
  readonly constraints: Constraints;
  readonly failOpen: boolean;
  readonly variables: ReadonlyMap<string, CompiledExpression>;
  readonly conditions: readonly CompiledExpression[];
  readonly validations: readonly CompiledValidation[];
  readonly annotations: readonly { readonly key: string; readonly expression: CompiledExpression }[];
}

export function compileValidatingPolicy({ metadata, spec }: ValidatingAdmissionPolicy): ValidatingPolicy {
  const offered: Offered = { params: spec.paramKind !== undefined, authorizer: true };
  const compiler = new PolicyCompiler();
  for (const { name, expression } of spec.variables ?? []) compiler.addVariable(name, expression, offered);
  return {
    name: metadata.name,
    spec,
    constraints: constraintsOf(spec.matchConstraints),
    failOpen: spec.failurePolicy === 'Ignore',
    variables: compiler.variables,
    conditions: (spec.matchConditions ?? []).map(({ expression }) => compiler.compile(expression, offered, [BOOL])),
    validations: (spec.validations ?? []).map((validation) => ({
      validation,
      expression: compiler.compile(validation.expression, offered, [BOOL]),
      message: messageOf(validation, compiler, offered),
    })),
    annotations: (spec.auditAnnotations ?? []).map(({ key, valueExpression }) => ({
      key,
      expression: compiler.compile(valueExpression, offered, [STRING, NULL_TYPE]),
    })),
  };
}

function messageOf({ messageExpression = '' }: Validation, compiler: PolicyCompiler, offered: Offered): CompiledExpression | undefined {
  return messageExpression === '' ? undefined : compiler.compile(messageExpression, { ...offered, authorizer: false }, [STRING]);
}

export type Decision = {
  /** That the expression took; 0 where it was not evaluated. */
  readonly ms: number;
} & (
  | { readonly action: 'admit'; readonly failed: false }
  | { readonly action: 'admit'; readonly failed: true; readonly message: string }
  /** `failed`: the expression could not be evaluated, and the policy says that means no. */
  | { readonly action: 'deny'; readonly failed: boolean; readonly message: string; readonly reason: StatusReason }
);

export type Annotation = { readonly key: string; readonly value: string } | { readonly error: string };

export interface Judgement {
  /** In the order of the policy's validations; one alone when none could be evaluated. */
  readonly decisions: readonly Decision[];
  readonly annotations: readonly Annotation[];
}

const NOTHING: Judgement = { decisions: [], annotations: [] };

export async function judge(policy: ValidatingPolicy, inputs: Inputs, clock: Pick<Clock, 'monotonic'>): Promise<Judgement> {
  const match = await matchConditions(policy.conditions, policy.variables, inputs);
  if (match === 'no') return NOTHING;
  if (match !== 'yes') return policy.failOpen ? NOTHING : { decisions: [failure(policy, match.error)], annotations: [] };
  const quiet = { ...inputs, authorizer: undefined };
  try {
    const budget = new Budget();
    const outcomes = await evaluateAll(
      policy,
      policy.validations.map(({ expression }) => expression),
      inputs,
      { budget, clock },
    );
    const decisions = await decide(policy, outcomes, quiet, { budget, clock });
    return { decisions, annotations: await annotate(policy, quiet, clock) };
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return { decisions: [failure(policy, error.message)], annotations: [] };
  }
}

function failure({ failOpen }: ValidatingPolicy, message: string, ms = 0): Decision {
  return failOpen ? { action: 'admit', failed: true, message, ms } : { action: 'deny', failed: true, message, reason: '', ms };
}

type Timed = Outcome & { readonly ms: number };

interface Limits {
  readonly budget: Budget;
  readonly clock: Pick<Clock, 'monotonic'>;
}

/** @throws OutOfBudget */
async function evaluateAll(
  { variables }: ValidatingPolicy,
  expressions: readonly (CompiledExpression | undefined)[],
  inputs: Inputs,
  { budget, clock }: Limits,
): Promise<readonly (Timed | undefined)[]> {
  const evaluation = new Evaluation(inputs, variables, budget);
  const outcomes: (Timed | undefined)[] = [];
  for (const expression of expressions) {
    const start = clock.monotonic();
    const outcome = expression === undefined ? undefined : await evaluation.evaluate(expression);
    outcomes.push(outcome === undefined ? undefined : { ...outcome, ms: clock.monotonic() - start });
  }
  return outcomes;
}

async function decide(
  policy: ValidatingPolicy,
  outcomes: readonly (Timed | undefined)[],
  inputs: Inputs,
  limits: Limits,
): Promise<readonly Decision[]> {
  const messages = await messagesOf(policy, inputs, limits);
  return policy.validations.map(({ validation }, i): Decision => {
    const outcome = outcomes[i] as Timed;
    const { ms } = outcome;
    if ('error' in outcome) return failure(policy, outcome.error, ms);
    if (messages instanceof OutOfBudget) return failure(policy, `failed messageExpression: ${messages.message}`, ms);
    if (outcome.value === true) return { action: 'admit', failed: false, ms };
    const message = usable(messages[i]) || (validation.message ?? '').trim() || `failed expression: ${validation.expression.trim()}`;
    return { action: 'deny', failed: false, message, reason: (validation.reason ?? 'Invalid') as StatusReason, ms };
  });
}

async function messagesOf(
  policy: ValidatingPolicy,
  inputs: Inputs,
  limits: Limits,
): Promise<readonly (Outcome | undefined)[] | OutOfBudget> {
  try {
    return await evaluateAll(
      policy,
      policy.validations.map(({ message }) => message),
      inputs,
      limits,
    );
  } catch (error) {
    if (error instanceof OutOfBudget) return error;
    throw error;
  }
}

/** A message of one line that is not too long; empty for none. */
function usable(outcome: Outcome | undefined): string {
  if (outcome === undefined || 'error' in outcome || typeof outcome.value !== 'string') return '';
  const message = outcome.value.trim();
  return byteLength(message) > MAX_MESSAGE || message.includes('\n') ? '' : message;
}

async function annotate(policy: ValidatingPolicy, inputs: Inputs, clock: Limits['clock']): Promise<readonly Annotation[]> {
  const outcomes = await evaluateAll(
    policy,
    policy.annotations.map(({ expression }) => expression),
    inputs,
    { budget: new Budget(), clock },
  );
  return policy.annotations.flatMap(({ key, expression }, i): Annotation[] => {
    const outcome = outcomes[i] as Outcome;
    if ('error' in outcome) return policy.failOpen ? [] : [{ error: outcome.error }];
    if (outcome.value === null) return [];
    if (typeof outcome.value === 'string') return outcome.value.trim() === '' ? [] : [{ key, value: outcome.value.trim() }];
    const type = typeNameOf(outcome.value);
    const why = `valueExpression '${expression.source}' resulted in unsupported return type: ${type}. Return type must be either string or null.`;
    return [{ error: why }];
  });
}
