// pure
// What is to be authorized, as the spec of a SubjectAccessReview. Source: plugin/pkg/authorizer/webhook webhook.go
// resourceAttributesFrom, fieldSelectorToAuthorizationAPI, labelSelectorToAuthorizationAPI.
import type { FieldSelectorAttributes, LabelSelectorAttributes, SubjectAccessReviewSpec } from '#api/gen/authorization-v1.ts';
import { parseFieldSelector } from '#apimachinery/fields.ts';
import { SelectorError, type LabelOperator } from '#apimachinery/label-requirement.ts';
import { parseLabelSelector } from '#apimachinery/labels.ts';
import type { AuthorizationAttributes } from '../contract.ts';

export function reviewSpec(attributes: AuthorizationAttributes): SubjectAccessReviewSpec {
  const { user, verb, isResourceRequest, path } = attributes;
  const who = {
    ...(user.name === '' ? {} : { user: user.name }),
    ...(user.groups.length === 0 ? {} : { groups: user.groups }),
    ...(user.uid === undefined || user.uid === '' ? {} : { uid: user.uid }),
    ...(user.extra === undefined ? {} : { extra: user.extra }),
  };
  if (!isResourceRequest) return { ...who, nonResourceAttributes: { path, verb } };
  const { namespace, group, version, resource, subresource, name } = attributes;
  const said = Object.fromEntries(
    Object.entries({ namespace, verb, group, version, resource, subresource, name }).filter(([, value]) => value !== ''),
  );
  const fields = fieldRequirements(attributes.fieldSelector);
  const labels = labelRequirements(attributes.labelSelector);
  return {
    ...who,
    resourceAttributes: {
      ...said,
      ...(fields.length === 0 ? {} : { fieldSelector: { requirements: fields } }),
      ...(labels.length === 0 ? {} : { labelSelector: { requirements: labels } }),
    },
  };
}

type FieldRequirements = NonNullable<FieldSelectorAttributes['requirements']>;
type LabelRequirements = NonNullable<LabelSelectorAttributes['requirements']>;

/** What cannot be read is left out: the question is then about more, never about less. */
function fieldRequirements(text = ''): FieldRequirements {
  const selector = text === '' ? undefined : readable(() => parseFieldSelector(text));
  return (selector?.requirements ?? []).map(({ field, operator, value }) => ({
    key: field,
    operator: operator === '=' ? 'In' : 'NotIn',
    values: [value],
  }));
}

const OPERATORS: Readonly<Partial<Record<LabelOperator, 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'>>> = {
  in: 'In',
  '=': 'In',
  '==': 'In',
  notin: 'NotIn',
  '!=': 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

function labelRequirements(text = ''): LabelRequirements {
  const selector = text === '' ? undefined : readable(() => parseLabelSelector(text));
  return (selector?.requirements ?? []).flatMap(({ key, operator, values }) => {
    const wire = OPERATORS[operator];
    return wire === undefined ? [] : [{ key, operator: wire, ...(values.length === 0 ? {} : { values }) }];
  });
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}
