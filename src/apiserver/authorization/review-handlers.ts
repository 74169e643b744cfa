// The SubjectAccessReview family, as the server answers it. What is asked and what is wrong with it, ./access-review.ts says.
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
} from '#api/gen/authorization-v1.ts';
import type { KubeObject } from '#api/types.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Handler, Handlers } from '../handlers/dispatch.ts';
import { readPosted } from '../handlers/named-create.ts';
import {
  checkLocalSubjectAccessReview,
  checkSelfSubjectAccessReview,
  checkSubjectAccessReview,
  reviewAccess,
  reviewRules,
  subjectOf,
} from './access-review.ts';
import type { Authorizer, RuleResolver } from './contract.ts';

const GROUP = 'authorization.k8s.io';

export function reviewHandlers({
  authorizer,
  rules,
}: {
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
}): ReadonlyMap<string, Handlers> {
  const subject = handler<SubjectAccessReview>(async (review, caller) => {
    checkSubjectAccessReview(review);
    return { ...review, status: await reviewAccess(subjectOf(review.spec), review.spec, authorizer, caller) };
  });
  const self = handler<SelfSubjectAccessReview>(async (review, caller) => {
    checkSelfSubjectAccessReview(review);
    return { ...review, status: await reviewAccess(caller.user, review.spec, authorizer, caller) };
  });
  const local = handler<LocalSubjectAccessReview>(async (review, caller) => {
    checkLocalSubjectAccessReview(review, caller.info.namespace);
    return { ...review, status: await reviewAccess(subjectOf(review.spec), review.spec, authorizer, caller) };
  });
  const rulesReview = handler<SelfSubjectRulesReview>((review, { user }) => Promise.resolve(reviewRules(review, user, rules)));
  return new Map<string, Handlers>([
    [`subjectaccessreviews.${GROUP}`, { create: subject }],
    [`selfsubjectaccessreviews.${GROUP}`, { create: self }],
    [`localsubjectaccessreviews.${GROUP}`, { create: local }],
    [`selfsubjectrulesreviews.${GROUP}`, { create: rulesReview }],
  ]);
}

type Request = Parameters<Handler>[0]['request'];

function handler<T>(answer: (review: T, request: Request) => Promise<T>): Handler {
  return async (operation, deps): Promise<Answer> => {
    const { object } = await readPosted<KubeObject>(operation, operation.served.info, deps);
    return { kind: 'object', code: 201, object: (await answer(object as unknown as T, operation.request)) as object };
  };
}
