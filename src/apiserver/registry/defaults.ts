// Fills in what a mutating plugin left out of what it added.
import { applyDefaults as defaultsOf } from '#api/defaults.ts';
import type { KubeObject } from '#api/types.ts';
import type { Registry, WriteCall } from './write-call.ts';

export function applyDefaults({ stored }: WriteCall, object: KubeObject, { clock }: Pick<Registry, 'clock'>): KubeObject {
  return defaultsOf(object, stored.schema, clock.now());
}
