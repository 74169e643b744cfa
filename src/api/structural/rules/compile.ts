// The expressions of `x-kubernetes-validations`, ready to be evaluated.
// Source: apiextensions pkg/apiserver/schema/cel compilation.go.
import type { Program } from '#apimachinery/cel/contract.ts';
import { createEnvironment } from '#apimachinery/cel/environment.ts';
import { CompileError } from '#apimachinery/cel/errors.ts';
import { BOOL, optionalOf, sameType, STRING, type Type } from '#apimachinery/cel/types.ts';
import type { ValidationRule } from '../../gen/apiextensions-v1.ts';
import { findField, FieldPathError } from '../field-path.ts';
import type { Props } from '../from-crd.ts';

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** undefined when the rule is blank or has a problem. */
  readonly program: Program | undefined;
  /** What is wrong with the rule. */
  readonly problem: string | undefined;
  /** Of messageExpression, where there is one without a problem. */
  readonly message: Program | undefined;
  readonly messageProblem: string | undefined;
  readonly usesOld: boolean;
  /** The field that a failure is told about, below what the rule is about; empty for that itself. */
  readonly field: string;
}

/** The rules of one node of a schema. @param type of what they are about: the node's */
export function compileRules(props: Props, type: Type): readonly CompiledRule[] {
  const environment = createEnvironment({ variables: { self: type, oldSelf: type } });
  const optional = environment.extend({ oldSelf: optionalOf(type) });
  return (props['x-kubernetes-validations'] ?? []).map((rule) => {
    const { program, problem } = compileTo(BOOL, rule.rule, rule.optionalOldSelf === true ? optional : environment, RULE_WORDS);
    const withMessage = program !== undefined && (rule.messageExpression ?? '') !== '';
    const message = withMessage
      ? compileTo(STRING, rule.messageExpression ?? '', rule.optionalOldSelf === true ? optional : environment, MESSAGE_WORDS)
      : undefined;
    return {
      rule,
      program,
      problem,
      message: message?.program,
      messageProblem: message?.problem,
      usesOld: program?.variables.has('oldSelf') === true,
      field: fieldBelow(rule.fieldPath ?? '', props),
    };
  });
}

interface Words {
  readonly prefix: string;
  readonly result: string;
}

const RULE_WORDS: Words = { prefix: '', result: 'cel expression must evaluate to a bool' };
const MESSAGE_WORDS: Words = { prefix: 'messageExpression ', result: 'messageExpression must evaluate to a string' };

interface Outcome {
  readonly program?: Program;
  readonly problem?: string;
}

function compileTo(result: Type, source: string, environment: ReturnType<typeof createEnvironment>, words: Words): Outcome {
  if (source.trim() === '') return {};
  try {
    const program = environment.compile(source);
    return sameType(result, program.resultType) ? { program } : { problem: words.result };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const stage = error.stage === 'check' ? 'compilation' : words.prefix === '' ? 'program instantiation' : 'instantiation';
    return { problem: `${words.prefix}${stage} failed: ${error.message}` };
  }
}

/** Upstream joins the path to the rule's own with a dot, whatever it begins with. */
function fieldBelow(path: string, props: Props): string {
  if (path === '') return '';
  try {
    return `.${findField(path, props).suffix.replace(/^\./, '')}`;
  } catch (error) {
    if (error instanceof FieldPathError) return '';
    throw error;
  }
}
