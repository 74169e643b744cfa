// pure
// What a question says of selectors, as requirements. What cannot be read is left out: the question is then about more, never about
// less. Source: plugin/pkg/authorizer/webhook webhook.go fieldSelectorToAuthorizationAPI, labelSelectorToAuthorizationAPI.
import type { FieldSelectorRequirement, LabelSelectorRequirement } from '#api/gen/meta-v1.ts';
import { parseFieldSelector } from '#apimachinery/fields.ts';
import { SelectorError, type LabelOperator } from '#apimachinery/label-requirement.ts';
import { parseLabelSelector } from '#apimachinery/labels.ts';
import type { AuthorizationAttributes } from './contract.ts';

export function fieldRequirements(asked: AuthorizationAttributes['fieldSelector'] = ''): readonly FieldSelectorRequirement[] {
  if (typeof asked !== 'string') return asked;
  const selector = asked === '' ? undefined : readable(() => parseFieldSelector(asked));
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

export function labelRequirements(asked: AuthorizationAttributes['labelSelector'] = ''): readonly LabelSelectorRequirement[] {
  if (typeof asked !== 'string') return asked;
  const selector = asked === '' ? undefined : readable(() => parseLabelSelector(asked));
  return (selector?.requirements ?? []).flatMap(({ key, operator, values }) => {
    const wire = OPERATORS[operator];
    return wire === undefined ? [] : [{ key, operator: wire, ...(values.length === 0 ? {} : { values }) }];
  });
}

/** What is read; undefined where it cannot be. */
export function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}
