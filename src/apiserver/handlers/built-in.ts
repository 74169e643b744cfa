// Resources and subresources of the built-in API that answer in their own way.
import type { Authenticator } from '../authentication/contract.ts';
import type { Authorizer, RuleResolver } from '../authorization/contract.ts';
import type { Catalog } from '../registry/catalog.ts';
import type { Handlers } from './dispatch.ts';
import { createBinding } from './pods/binding.ts';
import { createEviction } from './pods/eviction.ts';
import { accessReviewHandler } from './reviews/access.ts';
import { rulesReviewHandler } from './reviews/rules.ts';
import { createSelfSubjectReview } from './reviews/self-subject.ts';
import { tokenReviewHandler } from './reviews/token.ts';
import { scaleHandlers } from './scale.ts';
import { tokenHandler, type TokenIssuer } from './token.ts';

export interface BuiltInHandlerOptions {
  readonly catalog: Catalog;
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver | undefined;
  readonly tokens: TokenIssuer | undefined;
  /** Names under which tokens may be meant for this server. */
  readonly audiences: readonly string[];
}

const AUTHORIZATION = 'authorization.k8s.io';
const AUTHENTICATION = 'authentication.k8s.io';

export function builtInHandlers(options: BuiltInHandlerOptions): ReadonlyMap<string, Handlers> {
  const { catalog, authenticators, authorizer, rules, tokens, audiences } = options;
  const handlers = new Map<string, Handlers>([
    ['bindings', { create: createBinding }],
    ['pods/binding', { create: createBinding }],
    ['pods/eviction', { create: createEviction }],
    [`subjectaccessreviews.${AUTHORIZATION}`, { create: accessReviewHandler(authorizer, 'named') }],
    [`localsubjectaccessreviews.${AUTHORIZATION}`, { create: accessReviewHandler(authorizer, 'local') }],
    [`selfsubjectaccessreviews.${AUTHORIZATION}`, { create: accessReviewHandler(authorizer, 'self') }],
    [`selfsubjectreviews.${AUTHENTICATION}`, { create: createSelfSubjectReview }],
    [`tokenreviews.${AUTHENTICATION}`, { create: tokenReviewHandler(authenticators, audiences) }],
  ]);
  if (rules !== undefined) handlers.set(`selfsubjectrulesreviews.${AUTHORIZATION}`, { create: rulesReviewHandler(rules) });
  if (tokens !== undefined) handlers.set('serviceaccounts/token', { create: tokenHandler(tokens) });
  for (const { name, info, stored } of catalog.resources()) {
    if (info.subresources.has('scale') && stored?.strategy.scale !== undefined) handlers.set(`${name}/scale`, scaleHandlers);
  }
  return handlers;
}
