// Label and field selectors of the fake API server. Any field can be selected by, unlike on a real one.
import { badRequest } from '#apimachinery/errors.ts';
import { everyField, parseFieldSelector } from '#apimachinery/fields.ts';
import { SelectorError } from '#apimachinery/label-requirement.ts';
import { everything, parseLabelSelector } from '#apimachinery/labels.ts';
import type { FakeObject } from './fake-store.ts';

export type Matcher = (object: FakeObject) => boolean;

function fieldValue(object: FakeObject, path: string): string {
  let value: unknown = object;
  for (const step of path.split('.')) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[step];
  return value === undefined || value === null ? '' : String(value);
}

/** @throws StatusError BadRequest for a selector that cannot be read */
export function selecting(labelSelector: string | undefined, fieldSelector: string | undefined): Matcher {
  try {
    const labels = labelSelector === undefined ? everything : parseLabelSelector(labelSelector);
    const fields = fieldSelector === undefined ? everyField : parseFieldSelector(fieldSelector);
    return (object) => labels.matches(object.metadata.labels) && fields.matches((path) => fieldValue(object, path));
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}
