// Evaluates the rules of one node of a schema on one value. Source: apiextensions pkg/apiserver/schema/cel
// validation.go validateExpressions, evalMessageExpression.
import type { Activation, Program } from '#apimachinery/cel/contract.ts';
import { EvaluationError } from '#apimachinery/cel/errors.ts';
import { NONE, Optional } from '#apimachinery/cel/values/values.ts';
import * as field from '#apimachinery/field-errors.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import { byteLength, goQuote } from '#apimachinery/go-format.ts';
import type { Props } from '../from-crd.ts';
import type { CompiledRule } from './compile.ts';
import type { RuleRun } from './run.ts';

/** Source: celconfig.MaxEvaluatedMessageExpressionSizeBytes. */
const MAX_MESSAGE_BYTES = 5 * 1024;

const OUT_OF_BUDGET = 'validation failed due to running out of cost budget, no further validation rules will be run';

interface Subject {
  readonly value: NonNullable<unknown>;
  /** undefined when there is no counterpart. */
  readonly old: NonNullable<unknown> | undefined;
  /** The value may stay wrong: it is what it was. Asked only when a rule fails. */
  readonly tolerated: () => boolean;
}

export function evaluateRules(rules: readonly CompiledRule[], props: Props, subject: Subject, run: RuleRun): void {
  const { value, old } = subject;
  const type = props.type ?? '';
  if (run.exhausted) return run.stop(field.invalid(run.field(), type, OUT_OF_BUDGET));
  const plain: Activation = old === undefined ? { self: value } : { self: value, oldSelf: old };
  for (const compiled of rules) {
    if (compiled.problem !== undefined) run.errors.push(field.invalid(run.field(), type, `rule compile error: ${compiled.problem}`));
    const { program, rule } = compiled;
    // Rules about a change hold where nothing changed from.
    if (program === undefined || (compiled.usesOld && old === undefined && rule.optionalOldSelf !== true)) continue;
    const activation = rule.optionalOldSelf === true ? { self: value, oldSelf: old === undefined ? NONE : new Optional(old) } : plain;
    const result = evaluate(program, activation);
    if (!run.spend(result.cost)) return run.stop(field.invalid(run.field(), type, OUT_OF_BUDGET));
    if (result.error === undefined) {
      if (result.value !== true) fail(compiled, activation, { ...subject, type }, run);
    } else if (result.error.reason === 'costLimit') {
      const detail = `'${result.error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shown(compiled)}`;
      return run.stop(field.invalid(run.field(), type, detail));
    } else run.errors.push(field.invalid(run.field(), type, failureText(compiled, result.error.message)));
    if (run.stopped) return;
  }
}

interface Result {
  readonly value?: unknown;
  readonly error?: EvaluationError;
  readonly cost: number;
}

function evaluate(program: Program, activation: Activation): Result {
  try {
    return program.evaluate(activation);
  } catch (error) {
    if (error instanceof EvaluationError) return { error, cost: error.cost };
    throw error;
  }
}

/** What a rule is called: by its message where it has one. */
const shown = ({ rule }: CompiledRule): string => ((rule.message ?? '') === '' ? rule.rule : (rule.message ?? '')).trim();

function failureText(compiled: CompiledRule, message: string): string {
  return message.startsWith('no such overload')
    ? `'${message}': call arguments did not match a supported operator, function or macro signature for rule: ${shown(compiled)}`
    : `${message} evaluating rule: ${shown(compiled)}`;
}

/** Says that a rule does not hold. */
function fail(compiled: CompiledRule, activation: Activation, subject: Subject & { readonly type: string }, run: RuleRun): void {
  const at = run.field(compiled.field);
  const add = (error: FieldError): void => {
    if (!compiled.usesOld && subject.tolerated()) run.warn(error);
    else run.errors.push(error);
  };
  const message = messageOf(compiled, activation, run);
  if (message.stop !== undefined) {
    add(field.invalid(at, subject.type, message.stop));
    run.stopped = true;
    return;
  }
  const { rule } = compiled;
  const detail = message.text ?? ((rule.message ?? '') === '' ? `failed rule: ${shown(compiled)}` : shown(compiled));
  const value = subject.type === 'object' || subject.type === 'array' ? field.OMITTED : subject.value;
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return add(field.forbidden(at, detail));
    case 'FieldValueRequired':
      return add(field.required(at, detail));
    case 'FieldValueDuplicate':
      return add(field.duplicate(at, value));
    default:
      return add(field.invalid(at, value, detail));
  }
}

interface Message {
  readonly text?: string;
  /** Why nothing more is evaluated. */
  readonly stop?: string;
}

/** An expression that fails, or whose text no message can be, leaves the message to the rule. */
function messageOf({ message, rule }: CompiledRule, activation: Activation, run: RuleRun): Message {
  if (message === undefined) return {};
  const { value, error, cost } = evaluate(message, activation);
  if (!run.spend(cost))
    return { stop: 'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run' };
  if (error?.reason === 'costLimit') {
    const source = goQuote(rule.messageExpression ?? '');
    return { stop: `no further validation rules will be run due to call cost exceeds limit for messageExpression: ${source}` };
  }
  if (error !== undefined || typeof value !== 'string') return {};
  const text = value.trim();
  return text === '' || text.includes('\n') || byteLength(text) > MAX_MESSAGE_BYTES ? {} : { text };
}
