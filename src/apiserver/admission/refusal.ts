// How plugins refuse, and how they tell what they are looking at.
import type { KubeObject } from '#api/types.ts';
import { forbidden, isStatusError, type StatusError } from '#apimachinery/errors.ts';
import type { AdmissionAttributes } from './contract.ts';

/**
 * The refusal of `attributes` for `why`; an error that already is one stays as it is.
 * Source: admission.NewForbidden, extractResourceName.
 */
export function refusal(attributes: AdmissionAttributes, why: string | Error): StatusError {
  if (isStatusError(why, 'Forbidden')) return why;
  return forbidden(attributes.resource, nameOf(attributes), typeof why === 'string' ? why : why.message);
}

/** An object that is only about to get its name goes by what the name is made of. */
function nameOf({ name, object }: AdmissionAttributes): string {
  if (name !== '') return name;
  const metadata: Partial<KubeObject['metadata']> | undefined = object?.metadata;
  if (object !== undefined && metadata === undefined) return 'Unknown/errorGettingName';
  return metadata?.name || metadata?.generateName || 'Unknown';
}

/** Whether the write is of this resource (in any version) and subresource. */
export function concerns({ resource, subresource }: AdmissionAttributes, group: string, plural: string, part = ''): boolean {
  return resource.resource === plural && resource.group === group && subresource === part;
}
