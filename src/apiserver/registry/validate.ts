// Judges a complete object by its strategy's rules.
import type { FieldError } from '#apimachinery/field-errors.ts';
import type { KubeObject } from '#api/types.ts';
import type { UpdateHooks, WriteContext } from './strategy.ts';
import type { WriteCall } from './write-call.ts';

export function validateNew(call: WriteCall, object: KubeObject, context: WriteContext): readonly FieldError[] {
  return call.stored.strategy.validate?.(object, context) ?? [];
}

export function validateChange(_call: WriteCall, hooks: UpdateHooks, object: KubeObject, old: KubeObject, context: WriteContext): readonly FieldError[] {
  return hooks.validateUpdate?.(object, old, context) ?? [];
}
