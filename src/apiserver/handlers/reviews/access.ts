// SubjectAccessReview and its kin: may this user do that. Source: pkg/registry/authorization.
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { forbidden, invalid, required, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { SYSTEM_PRIVILEGED_GROUP, type UserInfo } from '../../authentication/contract.ts';
import type { AuthorizationAttributes, AuthorizationDecision, Authorizer } from '../../authorization/contract.ts';
import type { Answer } from '../answer.ts';
import type { Handler } from '../dispatch.ts';
import { readPosted } from '../named-create.ts';

interface SelectorAttributes {
  readonly rawSelector?: string;
  readonly requirements?: readonly { readonly key: string; readonly operator: string; readonly values?: readonly string[] }[];
}

interface ResourceAttributes {
  readonly namespace?: string;
  readonly verb?: string;
  readonly group?: string;
  readonly version?: string;
  readonly resource?: string;
  readonly subresource?: string;
  readonly name?: string;
  readonly fieldSelector?: SelectorAttributes;
  readonly labelSelector?: SelectorAttributes;
}

interface ReviewSpec {
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: { readonly path?: string; readonly verb?: string };
  readonly user?: string;
  readonly groups?: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
  readonly uid?: string;
}

type Review = KubeObject & { readonly spec: ReviewSpec };

/** @param whose `self`: the caller; `named`: the user in the spec; `local`: that, within the namespace of the path */
export function accessReviewHandler(authorizer: Authorizer, whose: 'self' | 'named' | 'local'): Handler {
  return async (operation, deps): Promise<Answer> => {
    const { served, request } = operation;
    const { object: review } = await readPosted<Review>(operation, served.info, deps);
    const errors = problems(review.spec, whose);
    if (errors.length > 0) throw toStatusError(served.info, '', errors);
    const { namespace } = request.info;
    if (whose === 'local' && (review.spec.resourceAttributes?.namespace ?? '') !== namespace) {
      throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
    }
    const user = whose === 'self' ? request.user : namedUser(review.spec);
    const decision = await decide(authorizer, attributesOf(review.spec, user));
    const object = { ...review, kind: served.info.kind, apiVersion: served.apiVersion, status: statusOf(decision) };
    return { kind: 'object', code: 201, object };
  };
}

/** As the authorisation stage does: nobody refuses those who may do everything. */
function decide(authorizer: Authorizer, attributes: AuthorizationAttributes): AuthorizationDecision | Promise<AuthorizationDecision> {
  if (attributes.user.groups.includes(SYSTEM_PRIVILEGED_GROUP)) return { decision: 'allow', reason: '' };
  return authorizer.authorize(attributes);
}

function namedUser({ user = '', groups = [], extra, uid }: ReviewSpec): UserInfo {
  return { name: user, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}

/** Source: ValidateSubjectAccessReviewSpec. */
function problems({ resourceAttributes, nonResourceAttributes, user = '', groups = [] }: ReviewSpec, whose: 'self' | 'named' | 'local'): readonly FieldError[] {
  const errors: FieldError[] = [];
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    errors.push(invalid('spec.nonResourceAttributes', nonResourceAttributes, 'cannot be specified in combination with resourceAttributes'));
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    errors.push(invalid('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'));
  }
  if (whose !== 'self' && user === '' && groups.length === 0) {
    errors.push(invalid('spec.user', user, 'at least one of user or group must be specified'));
  }
  if (whose === 'local' && nonResourceAttributes !== undefined) errors.push(forbidden('spec.nonResourceAttributes', 'disallowed on this kind of request'));
  for (const name of ['fieldSelector', 'labelSelector'] as const) {
    const selector = resourceAttributes?.[name];
    if (selector === undefined) continue;
    const at = `spec.resourceAttributes.${name}`;
    const { rawSelector = '', requirements = [] } = selector;
    if (rawSelector !== '' && requirements.length > 0) errors.push(invalid(`${at}.rawSelector`, rawSelector, 'may not specified at the same time as requirements'));
    if (rawSelector === '' && requirements.length === 0) {
      errors.push(required(`${at}.requirements`, `when ${at} is specified, requirements or rawSelector is required`));
    }
  }
  return errors;
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: ReviewSpec, user: UserInfo): AuthorizationAttributes {
  const none = { namespace: '', group: '', version: '', resource: '', subresource: '', name: '', path: '' };
  if (resourceAttributes === undefined) {
    const { path = '', verb = '' } = nonResourceAttributes ?? {};
    return { ...none, user, verb, isResourceRequest: false, path };
  }
  const { verb = '', fieldSelector, labelSelector, ...rest } = resourceAttributes;
  const field = selectorText(fieldSelector);
  const label = selectorText(labelSelector);
  return {
    ...none,
    ...rest,
    user,
    verb,
    isResourceRequest: true,
    ...(field === undefined ? {} : { fieldSelector: field }),
    ...(label === undefined ? {} : { labelSelector: label }),
  };
}

/** Requirements in the form selectors have in a query; those without such a form are left out, which asks for more. */
function selectorText(selector: SelectorAttributes | undefined): string | undefined {
  if (selector === undefined) return undefined;
  if (selector.rawSelector !== undefined && selector.rawSelector !== '') return selector.rawSelector;
  const terms = (selector.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    if (operator === 'Exists') return [key];
    if (operator === 'DoesNotExist') return [`!${key}`];
    if (values.length === 1 && operator === 'In') return [`${key}=${values[0]}`];
    if (values.length === 1 && operator === 'NotIn') return [`${key}!=${values[0]}`];
    if (operator === 'In' || operator === 'NotIn') return [`${key} ${operator.toLowerCase()} (${values.join(',')})`];
    return [];
  });
  return terms.length === 0 ? undefined : terms.join(',');
}

function statusOf({ decision, reason, error }: AuthorizationDecision): object {
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(error === undefined ? {} : { evaluationError: error.message }),
  };
}

