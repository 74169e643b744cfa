// Fills in what a mutating plugin left out of what it added, and takes out what a custom resource's schema does not know.
import { applyDefaults as defaultsOf } from '#api/defaults.ts';
import { decodeKind, isCustomType } from '#api/decode-kind.ts';
import { DecodeError } from '#api/decode.ts';
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import type { Registry, WriteCall } from './write-call.ts';

/** @throws StatusError BadRequest when a plugin left metadata of a custom resource that cannot be read */
export function applyDefaults({ stored }: WriteCall, object: KubeObject, { clock }: Pick<Registry, 'clock'>): KubeObject {
  if (!isCustomType(stored.schema)) return defaultsOf(object, stored.schema, clock.now());
  try {
    const { object: pruned } = decodeKind<KubeObject>(object, stored.schema, { fieldValidation: 'Ignore' });
    return defaultsOf(pruned, stored.schema, clock.now());
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}
