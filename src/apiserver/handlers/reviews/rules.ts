// SelfSubjectRulesReview: all that I may do in a namespace. Source: pkg/registry/authorization/selfsubjectrulesreview.
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import type { RuleResolver } from '../../authorization/contract.ts';
import type { Answer } from '../answer.ts';
import type { Handler } from '../dispatch.ts';
import { readPosted } from '../named-create.ts';

type Review = KubeObject & { readonly spec: { readonly namespace?: string } };

export function rulesReviewHandler(resolver: RuleResolver): Handler {
  return async (operation, deps): Promise<Answer> => {
    const { served, request } = operation;
    const { object: review } = await readPosted<Review>(operation, served.info, deps);
    const { namespace = '' } = review.spec;
    if (namespace === '') throw badRequest('no namespace on request');
    const { resourceRules, nonResourceRules, incomplete, evaluationError } = resolver.rulesFor(request.user, namespace);
    const status = { resourceRules, nonResourceRules, incomplete, ...(evaluationError === undefined ? {} : { evaluationError }) };
    return { kind: 'object', code: 201, object: { kind: served.info.kind, apiVersion: served.apiVersion, metadata: {}, spec: review.spec, status } };
  };
}
