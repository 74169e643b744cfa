// pure
// What is to be authorized, as the spec of a SubjectAccessReview. Source: plugin/pkg/authorizer/webhook webhook.go
// resourceAttributesFrom.
import type { SubjectAccessReviewSpec } from '#api/gen/authorization-v1.ts';
import { fieldRequirements, labelRequirements } from '../asked-selectors.ts';
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
