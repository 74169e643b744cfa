// Whether the user may do this at all. Source: filters.WithAuthorization, responsewriters.Forbidden.
import { forbidden, type StatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { SYSTEM_PRIVILEGED_GROUP } from '../authentication/contract.ts';
import type { AuthorizationAttributes, AuthorizationDecision } from '../authorization/contract.ts';
import type { ChainDeps, Stage } from '../chain.ts';
import type { RequestContext } from '../request.ts';
import { PlainRefusal, sanitized } from './plain-refusal.ts';

export const authorizationStage: Stage = {
  name: 'authorization',
  run(walk, deps) {
    const { context } = walk;
    if (context.user.groups.includes(SYSTEM_PRIVILEGED_GROUP)) {
      deps.metrics.allowed.took(0);
      return note(context, 'allow', '');
    }
    const attributes = attributesOf(context);
    const since = deps.clock.monotonic();
    const decision = deps.authorizer.authorize(attributes, context);
    if (decision instanceof Promise) return decision.then((settled) => judge(attributes, settled, context, deps, since));
    judge(attributes, decision, context, deps, since);
  },
};

function judge(
  attributes: AuthorizationAttributes,
  { decision, reason, error }: AuthorizationDecision,
  context: RequestContext,
  { metrics, clock }: ChainDeps,
  since: number,
): void {
  const { allowed, denied, noOpinion, authorizationErrors } = metrics;
  const result = decision === 'allow' ? allowed : error !== undefined ? authorizationErrors : decision === 'deny' ? denied : noOpinion;
  result.took(clock.monotonic() - since);
  if (decision === 'allow') return note(context, 'allow', reason);
  if (error !== undefined) {
    context.audit.add('authorization.k8s.io/reason', 'internal error');
    context.logger.error('authorization failed', { error });
    throw new PlainRefusal('InternalError', sanitized(`Internal Server Error: ${goQuote(context.uri)}: ${error.message}`));
  }
  note(context, 'forbid', reason);
  context.addHeaders(NOT_SNIFFED);
  throw forbiddenError(attributes, reason);
}

/** Of refusals that repeat what the client sent. Source: responsewriters.Forbidden */
export const NOT_SNIFFED = { 'x-content-type-options': 'nosniff' } as const;

/** Source: WithAuthorization's audit annotations. */
function note(context: RequestContext, decision: 'allow' | 'forbid', reason: string): void {
  if (context.auditTrail === undefined) return; // few requests are written down
  context.audit.add('authorization.k8s.io/decision', decision);
  context.audit.add('authorization.k8s.io/reason', reason);
}

const SELECTOR_VERBS: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

export function attributesOf({ info, user, query }: RequestContext): AuthorizationAttributes {
  const { isResourceRequest, verb, namespace, group, version, resource, subresource, name, path } = info;
  const base = {
    user,
    verb,
    isResourceRequest,
    namespace,
    group,
    version,
    resource,
    subresource,
    name,
    path: isResourceRequest ? '' : path,
  };
  if (!isResourceRequest || !SELECTOR_VERBS.has(verb)) return base;
  const fieldSelector = query.get('fieldSelector');
  const labelSelector = query.get('labelSelector');
  if (fieldSelector === undefined && labelSelector === undefined) return base;
  return { ...base, ...(fieldSelector === undefined ? {} : { fieldSelector }), ...(labelSelector === undefined ? {} : { labelSelector }) };
}

/** Source: forbiddenMessage, ForbiddenStatusError. */
export function forbiddenError(attributes: AuthorizationAttributes, reason: string): StatusError {
  const { user, verb, isResourceRequest, path, namespace, group, resource, subresource, name } = attributes;
  const who = `User ${goQuote(user.name)} cannot ${verb}`;
  const what = goQuote(subresource === '' ? resource : `${resource}/${subresource}`);
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace ${goQuote(namespace)}`;
  const message = isResourceRequest ? `${who} resource ${what} in API group ${goQuote(group)} ${where}` : `${who} path ${goQuote(path)}`;
  const safe = sanitized(message);
  return forbidden({ group, resource }, name, reason === '' ? safe : `${safe}: ${reason}`);
}
