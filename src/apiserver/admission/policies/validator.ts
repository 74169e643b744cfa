// A ValidatingAdmissionPolicy compiled, and its judgement of one write. Source: policy/validating validator.go, plugin.go.
import type { ValidatingAdmissionPolicy, Validation } from '#api/gen/admissionregistration-v1.ts';
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

export type Decision =
  | { readonly action: 'admit'; readonly failed: false }
  | { readonly action: 'admit'; readonly failed: true; readonly message: string }
  /** `failed`: the expression could not be evaluated, and the policy says that means no. */
  | { readonly action: 'deny'; readonly failed: boolean; readonly message: string; readonly reason: StatusReason };

export type Annotation = { readonly key: string; readonly value: string } | { readonly error: string };

export interface Judgement {
  /** In the order of the policy's validations; one alone when none could be evaluated. */
  readonly decisions: readonly Decision[];
  readonly annotations: readonly Annotation[];
}

const NOTHING: Judgement = { decisions: [], annotations: [] };

export async function judge(policy: ValidatingPolicy, inputs: Inputs): Promise<Judgement> {
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
      budget,
    );
    const decisions = await decide(policy, outcomes, quiet, budget);
    return { decisions, annotations: await annotate(policy, quiet) };
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return { decisions: [failure(policy, error.message)], annotations: [] };
  }
}

function failure({ failOpen }: ValidatingPolicy, message: string): Decision {
  return failOpen ? { action: 'admit', failed: true, message } : { action: 'deny', failed: true, message, reason: '' };
}

/** @throws OutOfBudget */
async function evaluateAll(
  { variables }: ValidatingPolicy,
  expressions: readonly (CompiledExpression | undefined)[],
  inputs: Inputs,
  budget: Budget,
): Promise<readonly (Outcome | undefined)[]> {
  const evaluation = new Evaluation(inputs, variables, budget);
  const outcomes: (Outcome | undefined)[] = [];
  for (const expression of expressions) outcomes.push(expression === undefined ? undefined : await evaluation.evaluate(expression));
  return outcomes;
}

async function decide(
  policy: ValidatingPolicy,
  outcomes: readonly (Outcome | undefined)[],
  inputs: Inputs,
  budget: Budget,
): Promise<readonly Decision[]> {
  const messages = await messagesOf(policy, inputs, budget);
  return policy.validations.map(({ validation }, i): Decision => {
    const outcome = outcomes[i] as Outcome;
    if ('error' in outcome) return failure(policy, outcome.error);
    if (messages instanceof OutOfBudget) return failure(policy, `failed messageExpression: ${messages.message}`);
    if (outcome.value === true) return { action: 'admit', failed: false };
    const message = usable(messages[i]) || (validation.message ?? '').trim() || `failed expression: ${validation.expression.trim()}`;
    return { action: 'deny', failed: false, message, reason: (validation.reason ?? 'Invalid') as StatusReason };
  });
}

async function messagesOf(
  policy: ValidatingPolicy,
  inputs: Inputs,
  budget: Budget,
): Promise<readonly (Outcome | undefined)[] | OutOfBudget> {
  try {
    return await evaluateAll(
      policy,
      policy.validations.map(({ message }) => message),
      inputs,
      budget,
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

async function annotate(policy: ValidatingPolicy, inputs: Inputs): Promise<readonly Annotation[]> {
  const outcomes = await evaluateAll(
    policy,
    policy.annotations.map(({ expression }) => expression),
    inputs,
    new Budget(),
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
