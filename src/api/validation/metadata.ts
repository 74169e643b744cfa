// Object metadata of every kind, on create and on update.
// Source: apimachinery pkg/api/validation objectmeta.go, meta/v1/validation; core ValidateObjectMeta.
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../gen/meta-v1.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength, goQuote } from '#apimachinery/go-format.ts';
import { dns1123Label, dns1123Subdomain, pathSegmentName, pathSegmentPrefix, qualifiedName } from '#apimachinery/names.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import { validateLabels } from './label-selectors.ts';
import { blank, Problems } from './problems.ts';

/** Why `name` may not be one; `prefix`: it is a generateName. Source: ValidateNameFunc. */
export type NameCheck = (name: string, prefix: boolean) => readonly string[];

/** A generated name goes on after its prefix, so a dash may end it. Source: maskTrailingDash. */
const masked = (name: string, prefix: boolean): string => (prefix && /[\x00-\x7f]-$/.test(name) ? `${name.slice(0, -2)}a` : name);

export const subdomainName: NameCheck = (name, prefix) => dns1123Subdomain(masked(name, prefix));
export const labelName: NameCheck = (name, prefix) => dns1123Label(masked(name, prefix));
/** What any object's name must be. Source: rest validatePathSegment. */
export const pathSegment: NameCheck = (name, prefix) => (prefix ? pathSegmentPrefix(name) : pathSegmentName(name));

export type Scope = 'namespaced' | 'cluster';

/** Source: TotalAnnotationSizeLimitB. */
const MAX_ANNOTATION_BYTES = 256 * 1024;
const MAX_MANAGER_BYTES = 128;
const MAX_SUBRESOURCE_BYTES = 256;

export function validateAnnotations(out: Problems, at: Path, annotations: Readonly<Record<string, string>> | undefined): void {
  if (annotations === undefined) return;
  let bytes = 0;
  for (const key of Object.keys(annotations)) {
    out.each(at, key, qualifiedName(key.toLowerCase()));
    bytes += byteLength(key) + byteLength(annotations[key] as string);
  }
  if (bytes > MAX_ANNOTATION_BYTES) out.tooLong(at, MAX_ANNOTATION_BYTES);
}

function validateOwnerReferences(out: Problems, at: Path, owners: readonly OwnerReference[]): void {
  let controller: string | undefined;
  for (const owner of owners) {
    const { group, version } = owner.apiVersion.split('/').length > 2 ? { group: '', version: '' } : parseApiVersion(owner.apiVersion);
    if (version === '') out.invalid(at.child('apiVersion'), owner.apiVersion, 'version must not be empty');
    if (blank(owner.kind)) out.invalid(at.child('kind'), '', 'must not be empty');
    if (blank(owner.name)) out.invalid(at.child('name'), '', 'must not be empty');
    if (blank(owner.uid)) out.invalid(at.child('uid'), '', 'must not be empty');
    if (group === '' && version === 'v1' && owner.kind === 'Event')
      out.invalid(at, owner, '/v1, Kind=Event is disallowed from being an owner');
    if (owner.controller !== true) continue;
    const name = `${owner.kind}/${owner.name}`;
    if (controller === undefined) controller = name;
    else {
      const detail = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      out.invalid(at, owners, detail);
    }
  }
}

function validateFinalizers(out: Problems, at: Path, finalizers: readonly string[]): void {
  for (const finalizer of finalizers) out.each(at, finalizer, qualifiedName(finalizer));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    out.invalid(at, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set');
  }
}

/** What almost every manager's name is made of; asked for each entry of each write. */
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** Source: ValidateFieldManager. */
export function validateFieldManager(out: Problems, at: Path, manager: string): void {
  if (PRINTABLE_ASCII.test(manager) && manager.length <= MAX_MANAGER_BYTES) return;
  if (byteLength(manager) > MAX_MANAGER_BYTES) out.tooLong(at, MAX_MANAGER_BYTES);
  let position = 0;
  for (const char of manager) {
    if (char !== ' ' && !/^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(char)) {
      const code = (char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0');
      out.invalid(at, manager, `invalid character U+${code} (at position ${position})`);
    }
    position += byteLength(char);
  }
}

function validateManagedFields(out: Problems, at: Path, managed: readonly ManagedFieldsEntry[]): void {
  managed.forEach((entry, i) => {
    const path = at.index(i);
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      out.invalid(path.child('operation'), entry.operation ?? '', 'must be `Apply` or `Update`');
    if (!blank(entry.fieldsType) && entry.fieldsType !== 'FieldsV1')
      out.invalid(path.child('fieldsType'), entry.fieldsType, 'must be `FieldsV1`');
    validateFieldManager(out, path.child('manager'), entry.manager ?? '');
    if (byteLength(entry.subresource ?? '') > MAX_SUBRESOURCE_BYTES) out.tooLong(path.child('subresource'), MAX_SUBRESOURCE_BYTES);
  });
}

const META = Path.of('metadata');

/** Source: ValidateObjectMetaAccessor. */
function validateMeta(out: Problems, meta: ObjectMeta, scope: Scope, nameCheck: NameCheck): void {
  if (!blank(meta.generateName)) out.each(META.child('generateName'), meta.generateName, nameCheck(meta.generateName, true));
  if (blank(meta.name)) out.required(META.child('name'), 'name or generateName is required');
  else out.each(META.child('name'), meta.name, nameCheck(meta.name, false));
  validateCommonMeta(out, meta, scope);
}

function validateCommonMeta(out: Problems, meta: ObjectMeta, scope: Scope): void {
  if (scope === 'cluster') {
    if (!blank(meta.namespace)) out.forbidden(META.child('namespace'), 'not allowed on this type');
  } else if (blank(meta.namespace)) out.required(META.child('namespace'));
  else out.each(META.child('namespace'), meta.namespace, labelName(meta.namespace, false));
  out.nonNegative(META.child('generation'), meta.generation);
  validateLabels(out, META.child('labels'), meta.labels);
  validateAnnotations(out, META.child('annotations'), meta.annotations);
  validateOwnerReferences(out, META.child('ownerReferences'), meta.ownerReferences ?? []);
  validateFinalizers(out, META.child('finalizers'), meta.finalizers ?? []);
  validateManagedFields(out, META.child('managedFields'), meta.managedFields ?? []);
}

/** Names without a slash are the system's own. Source: validateKubeFinalizerName. */
const STANDARD_FINALIZERS: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

export function validateKubeFinalizer(out: Problems, at: Path, name: string): void {
  if (!name.includes('/') && !STANDARD_FINALIZERS.has(name)) {
    out.invalid(at, name, 'name is neither a standard finalizer name nor is it fully qualified');
  }
}

function validateKubeFinalizers(out: Problems, finalizers: readonly string[] | undefined): void {
  finalizers?.forEach((name, i) => validateKubeFinalizer(out, META.child('finalizers').index(i), name));
}

/** Metadata of a built-in kind. Source: core ValidateObjectMeta. */
export function validateObjectMeta(out: Problems, meta: ObjectMeta, scope: Scope, nameCheck: NameCheck): void {
  validateMeta(out, meta, scope, nameCheck);
  validateKubeFinalizers(out, meta.finalizers);
}

/** As validateObjectMeta, for the groups that let finalizers be any qualified name. Source: ValidateObjectMeta. */
export const validatePlainMeta: (out: Problems, meta: ObjectMeta, scope: Scope, nameCheck: NameCheck) => void = validateMeta;
/** Source: ValidateObjectMetaUpdate. */
export const validatePlainMetaUpdate: (out: Problems, meta: ObjectMeta, old: ObjectMeta) => void = validateMetaUpdate;

/** Metadata of any object, asked after a kind's own rules accepted it. Source: rest.BeforeCreate. */
export function genericMetaErrors(meta: ObjectMeta, scope: Scope): readonly FieldError[] {
  const out = new Problems();
  validateMeta(out, meta, scope, pathSegment);
  return out.list;
}

/** Source: ValidateObjectMetaAccessorUpdate. */
function validateMetaUpdate(out: Problems, meta: ObjectMeta, old: ObjectMeta): void {
  if (old.deletionTimestamp !== undefined) {
    const before = new Set(old.finalizers);
    const added = [...new Set(meta.finalizers)].filter((name) => !before.has(name)).toSorted();
    if (added.length > 0) {
      const shown = `[]string{${added.map(goQuote).join(', ')}}`;
      out.forbidden(
        META.child('finalizers'),
        `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`,
      );
    }
  }
  if (blank(meta.resourceVersion)) out.invalid(META.child('resourceVersion'), '', 'must be specified for an update');
  if ((meta.generation ?? 0) < (old.generation ?? 0))
    out.invalid(META.child('generation'), meta.generation ?? 0, 'must not be decremented');
  for (const key of ['name', 'namespace', 'uid'] as const)
    out.immutable(META.child(key), meta[key] ?? '', (meta[key] ?? '') === (old[key] ?? ''));
  for (const key of ['creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const) {
    out.immutable(META.child(key), meta[key] ?? null, (meta[key] ?? null) === (old[key] ?? null));
  }
  validateLabels(out, META.child('labels'), meta.labels);
  validateAnnotations(out, META.child('annotations'), meta.annotations);
  validateOwnerReferences(out, META.child('ownerReferences'), meta.ownerReferences ?? []);
  validateManagedFields(out, META.child('managedFields'), meta.managedFields ?? []);
}

/** Source: core ValidateObjectMetaUpdate. */
export function validateObjectMetaUpdate(out: Problems, meta: ObjectMeta, old: ObjectMeta): void {
  validateMetaUpdate(out, meta, old);
  validateKubeFinalizers(out, meta.finalizers);
}

/** What an update of any object is asked first. Source: rest validateCommonFields. */
export function genericMetaUpdateErrors(meta: ObjectMeta, old: ObjectMeta, scope: Scope): readonly FieldError[] {
  const out = new Problems();
  validateMeta(out, meta, scope, pathSegment);
  validateMetaUpdate(out, meta, old);
  return out.list;
}

/** Metadata of an object inside another. Source: ValidateTemplateObjectMeta. */
export function validateTemplateMeta(out: Problems, at: Path, meta: ObjectMeta | undefined): void {
  validateAnnotations(out, at.child('annotations'), meta?.annotations);
  validateLabels(out, at.child('labels'), meta?.labels);
  for (const [key, value] of Object.entries(meta ?? {})) {
    if (key !== 'annotations' && key !== 'labels' && value !== undefined && value !== null && value !== '')
      out.forbidden(at.child(key === 'uid' ? 'uID' : key), 'cannot be set'); // a Go field's name, its first letter made small
  }
}
