// Judges a complete object: the kind's own rules and those of every kind are the api module's; a strategy may add to them.
import { validateCreate, validateUpdate, type ValidatedKind } from '#api/validation/validation.ts';
import { createWarnings, updateWarnings } from '#api/validation/warnings/warnings.ts';
import type { FieldError } from '#apimachinery/field-errors.ts';
import type { KubeObject } from '#api/types.ts';
import type { UpdateHooks, WriteContext } from './strategy.ts';
import type { WriteCall } from './write-call.ts';

/**
 * Events are the one kind of two groups, and each group has rules of its own: a write is judged in the form of its
 * group, whichever is stored. Source: event strategy requestGroupVersion.
 */
function judged({ served, stored }: WriteCall): { readonly kind: ValidatedKind; form(object: KubeObject): KubeObject } {
  const { conversion, info } = served;
  if (conversion === undefined || info.group === stored.resource.group) return { kind: stored.resource, form: (object) => object };
  return { kind: info, form: (object) => conversion.toServed(object) };
}

export function validateNew(call: WriteCall, object: KubeObject, context: WriteContext): readonly FieldError[] {
  const own = call.stored.strategy.validate?.(object, context) ?? [];
  if (own.length > 0) return own;
  const { kind, form } = judged(call);
  return validateCreate(form(object), kind, context.capabilities);
}

/** Warnings of an accepted object; a component in this process has nobody to read them. */
export function warnOfNew({ stored, request }: WriteCall, object: KubeObject): void {
  if (request.transport === 'loopback') return;
  for (const text of createWarnings(object, stored.resource)) request.warnings.add(text);
  for (const text of stored.strategy.warnings?.(object, undefined) ?? []) request.warnings.add(text);
}

export function warnOfChange({ stored, subresource, request }: WriteCall, object: KubeObject, old: KubeObject): void {
  if (request.transport === 'loopback') return;
  for (const text of updateWarnings(object, old, stored.resource, subresource)) request.warnings.add(text);
  if (subresource === '') for (const text of stored.strategy.warnings?.(object, old) ?? []) request.warnings.add(text);
}

/** Subresources that change the object by themselves, or in one field that the object's own rules cover. */
const UNJUDGED: ReadonlySet<string> = new Set(['binding', 'eviction']);
const AS_WHOLE: ReadonlySet<string> = new Set(['scale']);

export function validateChange(
  call: WriteCall,
  hooks: UpdateHooks,
  object: KubeObject,
  old: KubeObject,
  context: WriteContext,
): readonly FieldError[] {
  const { subresource } = call;
  if (UNJUDGED.has(subresource)) return [];
  const { kind, form } = judged(call);
  const part = AS_WHOLE.has(subresource) ? '' : subresource;
  const errors = validateUpdate(form(object), form(old), kind, part, context.capabilities);
  return [...errors, ...(hooks.validateUpdate?.(object, old, context) ?? [])];
}
