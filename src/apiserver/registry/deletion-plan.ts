// What a delete does to one object, decided from the object and the options alone. Pure.
// Source: rest.BeforeDelete, registry.Store.Delete, deletionFinalizersForGarbageCollection, markAsDeleting.
import { conflict } from '#apimachinery/errors.ts';
import { formatTime, parseTime } from '#apimachinery/time.ts';
import type { Int64, KubeObject } from '#api/types.ts';
import type { DeleteOptions } from './delete-options.ts';
import { FOREGROUND_FINALIZER, ORPHAN_FINALIZER, withMetadata } from './metadata.ts';
import type { Strategy } from './strategy.ts';

export type DeletionPlan =
  /** It goes now. */
  | { readonly kind: 'remove' }
  /** It stays as changed until its grace period is over or its finalizers are gone. */
  | { readonly kind: 'mark'; readonly object: KubeObject }
  /** It is being deleted already, and this delete changes nothing. */
  | { readonly kind: 'pending' };

/** @param now milliseconds since the epoch */
export function planDeletion(object: KubeObject, options: DeleteOptions, strategy: Strategy, now: number): DeletionPlan {
  if (strategy.isHeld?.(object) === true) {
    if (object.metadata.deletionTimestamp !== undefined) return { kind: 'pending' };
    const marked = withMetadata(object, { deletionTimestamp: formatTime(now) });
    return { kind: 'mark', object: withFinalizers(marked, deletionFinalizers(marked, options, strategy)) };
  }
  const grace = graceful(object, options, strategy, now);
  if (grace.kind === 'pending') return grace;
  const finalizers = deletionFinalizers(grace.object, options, strategy);
  const marked = sameSet(finalizers, object.metadata.finalizers ?? []) ? grace.object : withFinalizers(grace.object, finalizers);
  if (grace.kind === 'graceful') {
    // A pod with no grace left and nothing to wait for goes at once; its last state need not be stored first.
    return finalizers.length === 0 && grace.seconds === 0 ? { kind: 'remove' } : { kind: 'mark', object: marked };
  }
  return finalizers.length === 0 ? { kind: 'remove' } : { kind: 'mark', object: deleting(marked, now) };
}

type Grace =
  | { readonly kind: 'none'; readonly object: KubeObject }
  | { readonly kind: 'graceful'; readonly object: KubeObject; readonly seconds: Int64 }
  | { readonly kind: 'pending' };

function graceful(object: KubeObject, options: DeleteOptions, strategy: Strategy, now: number): Grace {
  if (strategy.deletionGrace === undefined) return { kind: 'none', object };
  const requested = options.gracePeriodSeconds === undefined ? undefined : atLeastOne(options.gracePeriodSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds: left = 0, generation = 0 } = object.metadata;
  if (deletionTimestamp === undefined) {
    const seconds = strategy.deletionGrace(object, requested);
    return {
      kind: 'graceful',
      seconds,
      object: withMetadata(object, {
        deletionTimestamp: formatTime(secondsAfter(now, seconds)),
        deletionGracePeriodSeconds: seconds,
        ...(generation > 0 ? { generation: Number(generation) + 1 } : {}),
      }),
    };
  }
  // A grace period of 0 was stored but the delete that should have followed was lost: it goes now.
  if (left === 0) return { kind: 'none', object };
  // It can only become shorter.
  if (requested === undefined || requested >= atLeastOne(left)) return { kind: 'pending' };
  const earlier = secondsAfter(parseTime(deletionTimestamp) - Number(atLeastOne(left)) * 1_000, requested);
  const past = earlier < now;
  const seconds = past && requested !== 0 ? 1 : requested;
  return {
    kind: 'graceful',
    seconds,
    object: withMetadata(object, { deletionTimestamp: formatTime(past ? now : earlier), deletionGracePeriodSeconds: seconds }),
  };
}

const atLeastOne = (seconds: Int64): Int64 => (seconds < 0 ? 1 : seconds);

/** Seconds that a duration in Go can hold: more wrap around, upstream's as ours. */
const MOST_SECONDS = 2 ** 63 / 1e9;

/** Milliseconds since the epoch. Source: BeforeDelete, time.Second * time.Duration(gracePeriodSeconds). */
function secondsAfter(now: number, seconds: Int64): number {
  if (seconds < MOST_SECONDS) return now + Number(seconds) * 1_000;
  return now + Number(BigInt.asIntN(64, BigInt(seconds) * 1_000_000_000n) / 1_000_000n);
}

/** Marked for finalizers to act on, without a grace period. Source: markAsDeleting. */
function deleting(object: KubeObject, now: number): KubeObject {
  const { deletionTimestamp, generation = 0 } = object.metadata;
  return withMetadata(object, {
    ...(deletionTimestamp === undefined && generation > 0 ? { generation: Number(generation) + 1 } : {}),
    deletionTimestamp: deletionTimestamp === undefined || parseTime(deletionTimestamp) > now ? formatTime(now) : deletionTimestamp,
    deletionGracePeriodSeconds: 0,
  });
}

function withFinalizers(object: KubeObject, finalizers: readonly string[]): KubeObject {
  return withMetadata(object, { finalizers: finalizers.length === 0 ? undefined : finalizers });
}

/** The finalizers after the garbage collector's own were set as policy wants. */
function deletionFinalizers(object: KubeObject, options: DeleteOptions, { garbageCollection }: Strategy): readonly string[] {
  const present = object.metadata.finalizers ?? [];
  const others = present.filter((finalizer) => finalizer !== ORPHAN_FINALIZER && finalizer !== FOREGROUND_FINALIZER);
  const policy = garbageCollection === 'unsupported' ? 'background' : propagation(present, options, garbageCollection ?? 'background');
  if (policy === 'orphan') return [...others, ORPHAN_FINALIZER];
  if (policy === 'foreground') return [...others, FOREGROUND_FINALIZER];
  return others;
}

/** What the client says, else what the object already waits for, else what the kind does. */
function propagation(
  present: readonly string[],
  { orphanDependents, propagationPolicy }: DeleteOptions,
  fallback: 'background' | 'orphan',
): 'orphan' | 'foreground' | 'background' {
  if (orphanDependents !== undefined) return orphanDependents ? 'orphan' : 'background';
  if (propagationPolicy === 'Orphan') return 'orphan';
  if (propagationPolicy === 'Foreground') return 'foreground';
  if (propagationPolicy === 'Background') return 'background';
  const own = present.find((finalizer) => finalizer === ORPHAN_FINALIZER || finalizer === FOREGROUND_FINALIZER);
  if (own !== undefined) return own === ORPHAN_FINALIZER ? 'orphan' : 'foreground';
  return fallback;
}

const sameSet = (a: readonly string[], b: readonly string[]): boolean => a.length === b.length && a.every((item) => b.includes(item));

/** @throws StatusError Conflict. Source: BeforeDelete. */
export function checkPreconditions(
  object: KubeObject,
  { preconditions }: DeleteOptions,
  { group, kind }: { readonly group: string; readonly kind: string },
): void {
  const { uid, resourceVersion } = preconditions ?? {};
  const { metadata } = object;
  const about = { group, resource: kind }; // the kind, as upstream
  if (uid !== undefined && uid !== metadata.uid) {
    const why = `the UID in the precondition (${uid}) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`;
    throw conflict(about, metadata.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${metadata.resourceVersion}). The object might have been modified`;
    throw conflict(about, metadata.name, why);
  }
}
