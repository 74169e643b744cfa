// The SubjectAccessReview family: what a review asks, and what is wrong with it. Pure but for the authoriser asked.
// Source: pkg/registry/authorization, pkg/apis/authorization/validation.
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SelfSubjectRulesReview,
  SubjectAccessReview,
  SubjectAccessReviewSpec,
  SubjectAccessReviewStatus,
} from '#api/gen/authorization-v1.ts';
import type { FieldSelectorRequirement, LabelSelectorRequirement } from '#api/gen/meta-v1.ts';
import { validateLabelSelector } from '#api/validation/label-selectors.ts';
import { Problems } from '#api/validation/problems.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { forbidden, invalid, required, toStatusError, type FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { parseFieldSelector } from '#apimachinery/fields.ts';
import { parseLabelSelector, selectorFromObject } from '#apimachinery/labels.ts';
import type { UserInfo } from '../authentication/contract.ts';
import { readable } from './asked-selectors.ts';
import type { AuthorizationAttributes, Authorizer, RuleResolver, Caller } from './contract.ts';

const GROUP = 'authorization.k8s.io';
type Spec = Pick<SubjectAccessReviewSpec, 'resourceAttributes' | 'nonResourceAttributes'>;
type Metadata = SubjectAccessReview['metadata'];

/** @throws StatusError Invalid */
export function checkSubjectAccessReview({ metadata, spec }: SubjectAccessReview): void {
  refuse('SubjectAccessReview', [...validateSpec(spec), ...validateSubject(spec), ...validateMetadata(metadata, 'must be empty')]);
}

/** @throws StatusError Invalid */
export function checkSelfSubjectAccessReview({ metadata, spec }: SelfSubjectAccessReview): void {
  refuse('SelfSubjectAccessReview', [...validateSpec(spec), ...validateMetadata(metadata, 'must be empty')]);
}

/** @param namespace of the request @throws StatusError Invalid, BadRequest */
export function checkLocalSubjectAccessReview({ metadata, spec }: LocalSubjectAccessReview, namespace: string): void {
  const { namespace: own = '', ...rest } = metadata;
  const errors = [...validateSpec(spec), ...validateSubject(spec), ...validateMetadata(rest, 'must be empty except for namespace')];
  const asked = spec.resourceAttributes?.namespace ?? '';
  if (spec.resourceAttributes !== undefined && asked !== own) {
    errors.push(invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace'));
  }
  if (spec.nonResourceAttributes !== undefined) {
    errors.push(invalid('spec.nonResourceAttributes', spec.nonResourceAttributes, 'disallowed on this kind of request'));
  }
  refuse('LocalSubjectAccessReview', errors);
  if (namespace !== own) throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw toStatusError({ group: GROUP, kind }, '', errors);
}

function validateSpec({ resourceAttributes, nonResourceAttributes }: Spec): readonly FieldError[] {
  const errors: FieldError[] = [];
  const at = Path.of('spec');
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    errors.push(
      invalid(at.child('nonResourceAttributes'), nonResourceAttributes, 'cannot be specified in combination with resourceAttributes'),
    );
  }
  if (resourceAttributes === undefined && nonResourceAttributes === undefined) {
    errors.push(
      invalid(at.child('resourceAttributes'), null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified'),
    );
  }
  const attributes = Path.of('spec.resourceAttributes');
  errors.push(...validateFieldSelector(resourceAttributes?.fieldSelector, attributes.child('fieldSelector')));
  errors.push(...validateLabels(resourceAttributes?.labelSelector, attributes.child('labelSelector')));
  return errors;
}

const validateSubject = ({ user = '', groups = [] }: SubjectAccessReviewSpec): readonly FieldError[] =>
  user === '' && groups.length === 0 ? [invalid('spec.user', '', 'at least one of user or group must be specified')] : [];

function validateMetadata({ managedFields: _, ...metadata }: Metadata, detail: string): readonly FieldError[] {
  const empty = Object.values(metadata).every((value) => value === undefined || value === null || value === '');
  return empty ? [] : [invalid('metadata', metadata, detail)];
}

function validateEither(
  { rawSelector = '', requirements = [] }: FieldSelectorAttributes | LabelSelectorAttributes,
  at: Path,
): readonly FieldError[] {
  if (rawSelector !== '' && requirements.length > 0) {
    return [invalid(at.child('rawSelector'), rawSelector, 'may not specified at the same time as requirements')];
  }
  if (rawSelector !== '' || requirements.length > 0) return [];
  return [required(at.child('requirements'), `when ${at.toString()} is specified, requirements or rawSelector is required`)];
}

function validateFieldSelector(selector: FieldSelectorAttributes | undefined, at: Path): readonly FieldError[] {
  if (selector === undefined) return [];
  const errors = [...validateEither(selector, at)];
  for (const [i, { key, operator, values = [] }] of (selector.requirements ?? []).entries()) {
    const one = at.child('requirements').index(i);
    if (key === '') errors.push(required(one.child('key'), 'must be specified'));
    if ((operator === 'In' || operator === 'NotIn') && values.length === 0) {
      errors.push(required(one.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
    }
    if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
      errors.push(forbidden(one.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    }
  }
  return errors;
}

function validateLabels(selector: LabelSelectorAttributes | undefined, at: Path): readonly FieldError[] {
  if (selector === undefined) return [];
  const found = new Problems();
  // Operators of later versions are left to the authoriser, which ignores them.
  const known = (selector.requirements ?? []).map((requirement) =>
    OPERATORS.has(requirement.operator) ? requirement : { ...requirement, operator: 'Exists' as const, values: [] },
  );
  validateLabelSelector(found, at, { matchExpressions: known });
  const errors = found.list.map((error) => ({ ...error, field: error.field.replace('.matchExpressions[', '.requirements[') }));
  return [...validateEither(selector, at), ...errors];
}

const OPERATORS: ReadonlySet<string> = new Set(['In', 'NotIn', 'Exists', 'DoesNotExist']);

/** @throws StatusError BadRequest without a namespace */
export function reviewRules(review: SelfSubjectRulesReview, user: UserInfo, resolver: RuleResolver): SelfSubjectRulesReview {
  const { namespace = '' } = review.spec;
  if (namespace === '') throw badRequest('no namespace on request');
  const { resourceRules, nonResourceRules, incomplete, evaluationError } = resolver.rulesFor(user, namespace);
  return {
    kind: review.kind,
    apiVersion: review.apiVersion,
    metadata: {},
    spec: {},
    status: { resourceRules, nonResourceRules, incomplete, ...(evaluationError === undefined ? {} : { evaluationError }) },
  };
}

/** The user a review asks about. */
export const subjectOf = ({ user = '', groups = [], uid, extra }: SubjectAccessReviewSpec): UserInfo => ({
  name: user,
  groups,
  ...(uid === undefined ? {} : { uid }),
  ...(extra === undefined ? {} : { extra }),
});

/** What `authorizer` says of `user` and the attributes of a checked spec. */
export async function reviewAccess(
  user: UserInfo,
  spec: Spec,
  authorizer: Authorizer,
  caller?: Caller,
): Promise<SubjectAccessReviewStatus> {
  const { attributes, problems } = attributesOf(user, spec);
  const { decision, reason, error } = await authorizer.authorize(attributes, caller);
  const evaluationError = [...(error === undefined ? [] : [error.message]), ...problems].join('; ');
  return {
    allowed: decision === 'allow',
    ...(decision === 'deny' ? { denied: true } : {}),
    ...(reason === '' ? {} : { reason }),
    ...(evaluationError === '' ? {} : { evaluationError }),
  };
}

function attributesOf(user: UserInfo, spec: Spec): { readonly attributes: AuthorizationAttributes; readonly problems: readonly string[] } {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const nothing = { namespace: '', group: '', version: '', resource: '', subresource: '', name: '', path: '' };
  if (resourceAttributes === undefined) {
    const { path = '', verb = '' } = nonResourceAttributes ?? {};
    return { attributes: { ...nothing, user, verb, path, isResourceRequest: false }, problems: [] };
  }
  const { namespace = '', verb = '', group = '', version = '', resource = '', subresource = '', name = '' } = resourceAttributes;
  const { fieldSelector, labelSelector } = resourceAttributes;
  const fields = fieldsAsked(fieldSelector);
  const labels = labelsAsked(labelSelector);
  const base = {
    user,
    verb,
    isResourceRequest: true,
    namespace,
    group,
    version: version === '' ? '*' : version,
    resource,
    subresource,
    name,
    path: '',
  };
  return {
    attributes: {
      ...base,
      ...(fields.asked.length === 0 ? {} : { fieldSelector: fields.asked }),
      ...(labels.asked.length === 0 ? {} : { labelSelector: labels.asked }),
    },
    problems: [fields.problem, labels.problem].filter((problem) => problem !== ''),
  };
}

/**
 * What cannot be read is left out: the question then is about more, never about less. The rest is asked as it was given: put together
 * as text, a key could say more than it is. Source: ResourceAttributesFrom, BuildEvaluationError.
 */
interface ReadSelector<R> {
  /** Empty: everything. */
  readonly asked: string | readonly R[];
  readonly problem: string;
}

function fieldsAsked({ rawSelector = '', requirements = [] }: FieldSelectorAttributes = {}): ReadSelector<FieldSelectorRequirement> {
  if (requirements.length === 0) return raw('fieldSelector', rawSelector, parseFieldSelector);
  return known(
    'fieldSelector',
    requirements,
    ({ operator, values = [] }) => values.length === 1 && (operator === 'In' || operator === 'NotIn'),
  );
}

function labelsAsked({ rawSelector = '', requirements = [] }: LabelSelectorAttributes = {}): ReadSelector<LabelSelectorRequirement> {
  if (requirements.length === 0) return raw('labelSelector', rawSelector, parseLabelSelector);
  return known(
    'labelSelector',
    requirements,
    (requirement) => readable(() => selectorFromObject({ matchExpressions: [requirement] })) !== undefined,
  );
}

function known<R>(name: string, requirements: readonly R[], isKnown: (requirement: R) => boolean): ReadSelector<R> {
  const asked = requirements.filter(isKnown);
  return { asked, problem: asked.length === requirements.length ? '' : ignored(name, asked.length > 0 ? 'partially ' : '') };
}

const raw = (name: string, text: string, parse: (text: string) => object): ReadSelector<never> =>
  text === '' || readable(() => parse(text)) !== undefined ? { asked: text, problem: '' } : { asked: '', problem: ignored(name) };

const ignored = (name: string, partially = ''): string => `spec.resourceAttributes.${name} ${partially}ignored due to parse error`;
