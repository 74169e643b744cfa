// Environment variables of a container. Source: ValidateEnv, ValidateEnvFrom.
import type { EnvFromSource, EnvVar } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { configMapKey, dns1123Label, relaxedEnvVarName } from '#apimachinery/names.ts';
import { subdomainName } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { ENV_FIELDS, validateFieldRef, validateResourceFieldRef } from './downward-api.ts';
import { validateNoBacksteps } from './paths.ts';

export function validateEnv(out: Problems, at: Path, vars: readonly EnvVar[]): void {
  vars.forEach((variable, i) => {
    const path = at.index(i);
    if (blank(variable.name)) out.required(path.child('name'));
    else out.each(path.child('name'), variable.name, relaxedEnvVarName(variable.name));
    if (variable.valueFrom !== undefined) validateValueFrom(out, path.child('valueFrom'), variable);
  });
}

function validateKeyRef(out: Problems, at: Path, { name, key }: { readonly name?: string; readonly key: string }): void {
  out.each(at.child('name'), name ?? '', subdomainName(name ?? '', false));
  if (blank(key)) out.required(at.child('key'));
  else out.each(at.child('key'), key, configMapKey(key));
}

function validateValueFrom(out: Problems, at: Path, { value, valueFrom = {} }: EnvVar): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  if (fieldRef !== undefined) validateFieldRef(out, at.child('fieldRef'), fieldRef, ENV_FIELDS);
  if (resourceFieldRef !== undefined) validateResourceFieldRef(out, at.child('resourceFieldRef'), resourceFieldRef, false);
  if (configMapKeyRef !== undefined) validateKeyRef(out, at.child('configMapKeyRef'), configMapKeyRef);
  if (secretKeyRef !== undefined) validateKeyRef(out, at.child('secretKeyRef'), secretKeyRef);
  if (fileKeyRef !== undefined) {
    const path = at.child('fileKeyRef');
    if (blank(fileKeyRef.key)) out.required(path.child('key'));
    else out.each(path.child('key'), fileKeyRef.key, relaxedEnvVarName(fileKeyRef.key));
    if (blank(fileKeyRef.volumeName)) out.required(path.child('volumeName'));
    else out.each(path.child('volumeName'), fileKeyRef.volumeName, dns1123Label(fileKeyRef.volumeName));
    if (blank(fileKeyRef.path)) out.required(path.child('path'));
    else validateNoBacksteps(out, path.child('path'), fileKeyRef.path);
  }
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter((s) => s !== undefined).length;
  if (sources === 0)
    out.invalid(at, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`');
  else if (!blank(value)) out.invalid(at, '', 'may not be specified when `value` is not empty');
  else if (sources > 1) out.invalid(at, '', 'may not have more than one field specified at a time');
}

export function validateEnvFrom(out: Problems, at: Path, sources: readonly EnvFromSource[]): void {
  sources.forEach((source, i) => {
    const path = at.index(i);
    if (!blank(source.prefix)) out.each(path.child('prefix'), source.prefix, relaxedEnvVarName(source.prefix));
    for (const kind of ['configMapRef', 'secretRef'] as const) {
      const ref = source[kind];
      if (ref === undefined) continue;
      if (blank(ref.name)) out.required(path.child(kind, 'name'));
      else out.each(path.child(kind, 'name'), ref.name, subdomainName(ref.name, true));
    }
    if (source.configMapRef === undefined && source.secretRef === undefined)
      out.invalid(at, '', 'must specify one of: `configMapRef` or `secretRef`');
    else if (source.configMapRef !== undefined && source.secretRef !== undefined)
      out.invalid(at, '', 'may not have more than one field specified at a time');
  });
}
