// Whole objects inside a custom resource say what they are and have metadata that any object could have.
// Source: apiextensions pkg/apiserver/schema/objectmeta Validate.
import type { FieldError } from '#apimachinery/field-errors.ts';
import { invalid, required } from '#apimachinery/field-errors.ts';
import { dns1035Label } from '#apimachinery/names.ts';
import type { ObjectMeta } from '../../gen/meta-v1.ts';
import { isJsonObject, type JsonObject } from '../../json-object.ts';
import { genericMetaErrors } from '../../validation/metadata.ts';
import type { Props } from '../from-crd.ts';

type EmbeddedCheck = (value: unknown, path: string, found: FieldError[]) => void;

/** What is wrong with the objects inside an object; undefined for a schema without any. */
export function compileEmbeddedChecks(props: Props | undefined): ((object: unknown) => readonly FieldError[]) | undefined {
  const check = props === undefined ? undefined : compile(props);
  if (check === undefined) return undefined;
  return (object) => {
    const found: FieldError[] = [];
    check(object, '', found);
    return found;
  };
}

function compile(props: Props): EmbeddedCheck | undefined {
  const whole = props['x-kubernetes-embedded-resource'] === true;
  const items = isJsonObject(props.items) ? compile(props.items as Props) : undefined;
  const values = isJsonObject(props.additionalProperties) ? compile(props.additionalProperties as Props) : undefined;
  const members = new Map(
    Object.entries(props.properties ?? {}).flatMap(([name, nested]) => {
      const check = compile(nested);
      return check === undefined ? [] : [[name, check] as const];
    }),
  );
  if (!whole && items === undefined && values === undefined && members.size === 0) return undefined;
  return (value, path, found) => {
    if (Array.isArray(value)) {
      if (items !== undefined) value.forEach((item: unknown, i) => items(item, `${path}[${i}]`, found));
      return;
    }
    if (!isJsonObject(value)) return;
    if (whole) checkWhole(value, path, found);
    for (const name of Object.keys(value)) {
      const check = members.get(name);
      if (check !== undefined) check(value[name], path === '' ? name : `${path}.${name}`, found);
      else values?.(value[name], `${path}[${name}]`, found);
    }
  };
}

const FAKE_NAME = 'fakename'; // a name is not required here, but the rules of metadata ask for one

function checkWhole(object: JsonObject, path: string, found: FieldError[]): void {
  const at = (name: string): string => (path === '' ? name : `${path}.${name}`);
  for (const name of ['apiVersion', 'kind'] as const) if (!Object.hasOwn(object, name)) found.push(required(at(name), ''));
  const { apiVersion, kind, metadata } = object;
  if (typeof apiVersion === 'string' && apiVersion === '') found.push(invalid(at('apiVersion'), apiVersion, 'must not be empty'));
  else if (typeof apiVersion === 'string' && apiVersion.split('/').length > 2)
    found.push(invalid(at('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  if (typeof kind === 'string' && kind === '') found.push(invalid(at('kind'), kind, 'must not be empty'));
  else if (typeof kind === 'string') {
    const reasons = dns1035Label(kind.toLowerCase());
    if (reasons.length > 0) found.push(invalid(at('kind'), kind, `may have mixed case, but should otherwise match: ${reasons.join(',')}`));
  }
  if (!isJsonObject(metadata)) return;
  const meta = metadata as unknown as ObjectMeta;
  const named = (meta.name ?? '') === '' ? { ...meta, name: FAKE_NAME } : meta;
  const errors = genericMetaErrors(named, (meta.namespace ?? '') === '' ? 'cluster' : 'namespaced');
  for (const error of errors) found.push({ ...error, field: at(error.field) });
}
