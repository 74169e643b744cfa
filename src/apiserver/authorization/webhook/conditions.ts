// Which questions a webhook is asked: all its conditions must hold. Source: apiserver pkg/authorization/cel matcher.go.
import type { SubjectAccessReviewSpec } from '#api/gen/authorization-v1.ts';
import { createEnvironment } from '#apimachinery/cel/environment.ts';
import { CompileError, EvaluationError } from '#apimachinery/cel/errors.ts';
import { BOOL, listOf, mapOf, objectOf, sameType, STRING } from '#apimachinery/cel/types.ts';
import { ConfigurationError } from '../../configuration/decode.ts';

const REQUIREMENT = objectOf('kubernetes.SelectorRequirement', { key: STRING, operator: STRING, values: listOf(STRING) });
const SELECTOR = objectOf('kubernetes.SelectorAttributes', { rawSelector: STRING, requirements: listOf(REQUIREMENT) });
const ENVIRONMENT = createEnvironment({
  variables: {
    request: objectOf('kubernetes.SubjectAccessReviewSpec', {
      resourceAttributes: objectOf('kubernetes.ResourceAttributes', {
        namespace: STRING,
        verb: STRING,
        group: STRING,
        version: STRING,
        resource: STRING,
        subresource: STRING,
        name: STRING,
        fieldSelector: SELECTOR,
        labelSelector: SELECTOR,
      }),
      nonResourceAttributes: objectOf('kubernetes.NonResourceAttributes', { path: STRING, verb: STRING }),
      user: STRING,
      groups: listOf(STRING),
      extra: mapOf(STRING, listOf(STRING)),
      uid: STRING,
    }),
  },
});

export type Match = 'yes' | 'no' | { readonly error: Error };

/** @throws ConfigurationError for an expression that does not compile or gives no bool */
export function requestMatcher(conditions: readonly { readonly expression: string }[]): (spec: SubjectAccessReviewSpec) => Match {
  const programs = conditions.map(({ expression }) => {
    try {
      const program = ENVIRONMENT.compile(expression);
      if (!sameType(BOOL, program.resultType))
        throw new ConfigurationError(`the match condition ${JSON.stringify(expression)} must return a bool`);
      return program;
    } catch (error) {
      if (error instanceof CompileError) throw new ConfigurationError(`compilation failed: ${error.message}`);
      throw error;
    }
  });
  return (spec) => {
    const request = { user: '', groups: [], uid: '', extra: {}, ...spec };
    const failures: string[] = [];
    for (const program of programs) {
      try {
        if (program.evaluate({ request }).value === false) return 'no'; // decides, whatever others failed with
      } catch (error) {
        if (!(error instanceof EvaluationError)) throw error;
        failures.push(`cel evaluation error: expression '${program.source}' resulted in error: ${error.message}`);
      }
    }
    return failures.length === 0 ? 'yes' : { error: new Error(failures.join(', ')) };
  };
}
