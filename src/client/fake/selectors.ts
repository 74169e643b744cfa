// Label and field selectors of the fake API server, by their string form.
import { badRequest } from '#apimachinery/errors.ts';
import type { FakeObject } from './fake-store.ts';

export type Matcher = (object: FakeObject) => boolean;

const everything: Matcher = () => true;

const SET_REQUIREMENT = /^(\S+)\s+(in|notin)\s+\(([^)]*)\)$/;
const EQUALITY_REQUIREMENT = /^([^=!\s]+)\s*(==|=|!=)\s*(\S*)$/;
const EXISTENCE_REQUIREMENT = /^(!?)\s*([A-Za-z0-9]\S*)$/;

/** Commas separate requirements, except inside the parentheses of a set. */
function requirements(selector: string): string[] {
  return selector.split(/,(?![^(]*\))/).map((part) => part.trim());
}

function labelRequirement(text: string): Matcher {
  const label = (object: FakeObject, key: string): string | undefined => object.metadata.labels?.[key];
  const [, setKey, setOperator, setValues] = SET_REQUIREMENT.exec(text) ?? [];
  if (setKey !== undefined && setValues !== undefined) {
    const values = new Set(setValues.split(',').map((value) => value.trim()));
    if (setOperator === 'in') return (object) => values.has(label(object, setKey) ?? '\0');
    return (object) => !values.has(label(object, setKey) ?? '\0');
  }
  const [, key, operator, value] = EQUALITY_REQUIREMENT.exec(text) ?? [];
  if (key !== undefined) return operator === '!=' ? (object) => label(object, key) !== value : (object) => label(object, key) === value;
  const [, not, bare] = EXISTENCE_REQUIREMENT.exec(text) ?? [];
  if (bare === undefined) throw badRequest(`unable to parse requirement: ${text}`);
  return not === '!' ? (object) => label(object, bare) === undefined : (object) => label(object, bare) !== undefined;
}

function fieldValue(object: FakeObject, path: string): string {
  let value: unknown = object;
  for (const step of path.split('.')) value = (value as Readonly<Record<string, unknown>> | null | undefined)?.[step];
  return value === undefined || value === null ? '' : String(value);
}

function fieldRequirement(text: string): Matcher {
  const [, path, operator, value] = EQUALITY_REQUIREMENT.exec(text) ?? [];
  if (path === undefined) throw badRequest(`invalid selector: ${JSON.stringify(text)}; can't understand ${JSON.stringify(text)}`);
  return operator === '!=' ? (object) => fieldValue(object, path) !== value : (object) => fieldValue(object, path) === value;
}

/** @throws StatusError BadRequest for a selector that cannot be read */
export function selecting(labelSelector: string | undefined, fieldSelector: string | undefined): Matcher {
  const all = [
    ...(labelSelector === undefined || labelSelector === '' ? [] : requirements(labelSelector).map(labelRequirement)),
    ...(fieldSelector === undefined || fieldSelector === '' ? [] : requirements(fieldSelector).map(fieldRequirement)),
  ];
  return all.length === 0 ? everything : (object) => all.every((matches) => matches(object));
}
