// Match conditions: all must be true for a policy to judge a write. Source: webhook/matchconditions matcher.go.
import type { CompiledExpression } from '#api/expressions/admission.ts';
import { MATCH_CONDITIONS_BUDGET } from '#apimachinery/cel/limits.ts';
import { Budget, Evaluation, OutOfBudget, type Inputs } from './evaluation.ts';

export type Match = 'yes' | 'no' | { readonly error: string };

/** One that is false decides, whatever others failed with. What failures mean is the failure policy's to say. */
export async function matchConditions(
  conditions: readonly CompiledExpression[],
  variables: ReadonlyMap<string, CompiledExpression>,
  inputs: Inputs,
): Promise<Match> {
  if (conditions.length === 0) return 'yes';
  const evaluation = new Evaluation({ ...inputs, namespace: undefined }, variables, new Budget(MATCH_CONDITIONS_BUDGET));
  const errors: string[] = [];
  try {
    for (const condition of conditions) {
      const outcome = await evaluation.evaluate(condition);
      if ('error' in outcome) errors.push(outcome.error);
      else if (outcome.value === false) return 'no';
    }
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return { error: error.message };
  }
  const distinct = [...new Set(errors)];
  if (distinct.length === 0) return 'yes';
  return { error: distinct.length === 1 ? (distinct[0] as string) : `[${distinct.join(', ')}]` };
}
