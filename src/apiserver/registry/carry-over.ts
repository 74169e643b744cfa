// Metadata that no update changes, whatever it says. Pure. Source: rest.BeforeUpdate.
import type { KubeObject } from '#api/types.ts';
import { inNamespace, withMetadata, type Metadata } from './metadata.ts';
import type { WriteCall } from './write-call.ts';

/**
 * `object` with the server's fields of `old`. After the strategy has run, `keep: 'generation'` leaves the generation it
 * gave.
 */
export function carriedOver(object: KubeObject, old: KubeObject, call: WriteCall, keep?: 'generation'): KubeObject {
  const placed = inNamespace(object, call.stored.resource.namespaced ? call.namespace : '');
  const { metadata } = placed;
  const changes: { -readonly [K in keyof Metadata]?: Metadata[K] | undefined } = {};
  if (keep === undefined && metadata.generation !== old.metadata.generation) changes.generation = old.metadata.generation;
  // A version that was given was compared before; none given means the newest.
  if (metadata.resourceVersion !== old.metadata.resourceVersion) changes.resourceVersion = old.metadata.resourceVersion;
  if ((metadata.uid ?? '') === '') changes.uid = old.metadata.uid;
  if (metadata.creationTimestamp !== old.metadata.creationTimestamp) changes.creationTimestamp = old.metadata.creationTimestamp;
  if (old.metadata.deletionTimestamp !== undefined && metadata.deletionTimestamp !== old.metadata.deletionTimestamp) {
    changes.deletionTimestamp = old.metadata.deletionTimestamp;
  }
  if (old.metadata.deletionGracePeriodSeconds !== undefined && metadata.deletionGracePeriodSeconds === undefined) {
    changes.deletionGracePeriodSeconds = old.metadata.deletionGracePeriodSeconds;
  }
  if (metadata.selfLink !== undefined) changes.selfLink = undefined;
  return Object.keys(changes).length === 0 ? placed : withMetadata(placed, changes);
}
