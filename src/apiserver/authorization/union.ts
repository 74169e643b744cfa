// Several authorisers as one. Source: apiserver pkg/authorization/union; authorizerfactory NewPrivilegedGroups.
import { SYSTEM_PRIVILEGED_GROUP } from '../authentication/contract.ts';
import {
  ALLOW,
  NO_OPINION,
  type AuthorizationAttributes,
  type AuthorizationDecision,
  type Authorizer,
  type Caller,
  type RuleResolver,
} from './contract.ts';

/** Members of `groups` may do everything. */
export function privilegedGroups(groups: readonly string[] = [SYSTEM_PRIVILEGED_GROUP]): Authorizer {
  return { authorize: ({ user }) => (user.groups.some((group) => groups.includes(group)) ? ALLOW : NO_OPINION) };
}

/** Asks in order until one allows or denies; reasons and errors of those without opinion are kept. */
export function unionAuthorizer(authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(attributes, caller) {
      const passed: AuthorizationDecision[] = [];
      for (let i = 0; i < authorizers.length; i++) {
        const answer = (authorizers[i] as Authorizer).authorize(attributes, caller);
        if (answer instanceof Promise) return later({ attributes, caller, authorizers, at: i, pending: answer, passed });
        if (answer.decision !== 'noOpinion') return answer;
        if (answer !== NO_OPINION) passed.push(answer);
      }
      return summary(passed);
    },
  };
}

interface Pending {
  readonly attributes: AuthorizationAttributes;
  readonly caller: Caller | undefined;
  readonly authorizers: readonly Authorizer[];
  readonly at: number;
  readonly pending: Promise<AuthorizationDecision>;
  readonly passed: AuthorizationDecision[];
}

async function later({ attributes, caller, authorizers, at, pending, passed }: Pending): Promise<AuthorizationDecision> {
  for (let i = at; i < authorizers.length; i++) {
    const answer = await (i === at ? pending : (authorizers[i] as Authorizer).authorize(attributes, caller));
    if (answer.decision !== 'noOpinion') return answer;
    if (answer !== NO_OPINION) passed.push(answer);
  }
  return summary(passed);
}

function summary(passed: readonly AuthorizationDecision[]): AuthorizationDecision {
  if (passed.length === 0) return NO_OPINION;
  if (passed.length === 1) return passed[0] as AuthorizationDecision;
  const errors = passed.flatMap(({ error }) => (error === undefined ? [] : [error]));
  const reason = passed
    .map((answer) => answer.reason)
    .filter((text) => text !== '')
    .join('\n');
  return {
    decision: 'noOpinion',
    reason,
    ...(errors.length === 0
      ? {}
      : {
          error:
            errors.length === 1 ? (errors[0] as Error) : new AggregateError(errors, `[${errors.map(({ message }) => message).join(', ')}]`),
        }),
  };
}

/** The rules of several resolvers together. */
export function unionRules(resolvers: readonly RuleResolver[]): RuleResolver {
  return {
    rulesFor(user, namespace) {
      const answers = resolvers.map((resolver) => resolver.rulesFor(user, namespace));
      const errors = answers.flatMap(({ evaluationError }) => (evaluationError === undefined ? [] : [evaluationError]));
      return {
        resourceRules: answers.flatMap(({ resourceRules }) => resourceRules),
        nonResourceRules: answers.flatMap(({ nonResourceRules }) => nonResourceRules),
        incomplete: answers.some(({ incomplete }) => incomplete),
        ...(errors.length === 0 ? {} : { evaluationError: errors.length === 1 ? (errors[0] as string) : `[${errors.join(', ')}]` }),
      };
    },
  };
}
