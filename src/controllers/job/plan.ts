// pure
// Which pods a Job needs made or removed next. Source: manageJob.
import { isPodTerminating } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import { deletionOrder } from '../replicaset/deletion-order.ts';
import { allFailures, type Assessment, type Observed } from './assess.ts';
import { remainingMs } from './backoff.ts';
import { Indexes } from './indexes.ts';
import { completionIndex, finishedAt, isIndexed, replacesOnlyFailed } from './pods.ts';

export type Plan =
  /** Nothing may be decided: what was done before has not been seen, or the Job is on its way out. */
  | { readonly kind: 'blind' }
  | { readonly kind: 'steady' }
  /** The Job is over: its pods go, and are counted. */
  | { readonly kind: 'stop'; readonly pods: readonly Pod[] }
  /** Too many pods: these go without being counted. */
  | { readonly kind: 'remove'; readonly pods: readonly Pod[] }
  /** One pod each; an index for those of an indexed Job. */
  | { readonly kind: 'create'; readonly indexes: readonly (number | undefined)[] }
  /** Failed pods are not replaced before that many milliseconds. */
  | { readonly kind: 'wait'; readonly ms: number };

/** Most pods one pass may create or delete. Source: MaxPodCreateDeletePerSync. */
const MAX_PODS_PER_PASS = 500;

export function planPods(observed: Observed, assessment: Assessment): Plan {
  const { job, settled } = observed;
  const { active, verdict } = assessment;
  if (verdict !== undefined) return { kind: 'stop', pods: active };
  if (!settled || job.metadata.deletionTimestamp !== undefined) return { kind: 'blind' };
  if (job.spec.suspend) return active.length === 0 ? { kind: 'steady' } : { kind: 'remove', pods: active };

  const wanted = wantedActive(observed, assessment);
  const surplus = surplusPods(observed, active, Math.max(0, active.length - wanted)).slice(0, MAX_PODS_PER_PASS);
  if (surplus.length > 0) return { kind: 'remove', pods: surplus };
  const missing = wanted - active.length - (replacesOnlyFailed(job) ? assessment.terminating : 0);
  return missing > 0 ? planCreation(observed, assessment, Math.min(missing, MAX_PODS_PER_PASS)) : { kind: 'steady' };
}

/** A Job without completions starts nothing more once a pod has succeeded; another never runs more than it lacks. */
function wantedActive({ job: { spec } }: Observed, { active, succeeded }: Assessment): number {
  if (spec.completions === undefined) return succeeded > 0 ? active.length : spec.parallelism;
  return Math.max(0, Math.min(spec.parallelism, spec.completions - succeeded));
}

/** `atLeast` pods, all those whose index is none of the Job's, and of an index's pods all but one. Source: activePodsForRemoval. */
function surplusPods({ job, asked, now }: Observed, active: readonly Pod[], atLeast: number): readonly Pod[] {
  const order = deletionOrder([], now, asked);
  if (!isIndexed(job)) return atLeast === 0 ? [] : active.toSorted(order).slice(0, atLeast);
  const kept = new Map<number, Pod>();
  const gone: Pod[] = [];
  for (const pod of active) {
    const index = completionIndex(pod);
    const other = index === undefined ? undefined : kept.get(index);
    if (index === undefined || index >= (job.spec.completions ?? 0)) gone.push(pod);
    else if (other === undefined) kept.set(index, pod);
    else {
      const [first, last] = order(pod, other) < 0 ? [pod, other] : [other, pod];
      kept.set(index, last);
      gone.push(first);
    }
  }
  if (gone.length >= atLeast) return gone;
  return [...gone, ...[...kept.values()].toSorted(order).slice(0, atLeast - gone.length)];
}

function planCreation(observed: Observed, assessment: Assessment, count: number): Plan {
  const { job, pods, now } = observed;
  const { active, succeededIndexes, failedIndexes, unreplaced, backoff } = assessment;
  const wait = failedIndexes === undefined ? remainingMs(backoff, now) : 0;
  if (wait > 0) return { kind: 'wait', ms: wait };
  if (!isIndexed(job)) return { kind: 'create', indexes: Array.from({ length: count }, () => undefined) };

  const leaving = replacesOnlyFailed(job) ? pods.filter(isPodTerminating) : [];
  const busy = Indexes.of([...active, ...leaving].map(completionIndex).filter((index) => index !== undefined));
  const indexes = succeededIndexes
    .union(busy)
    .union(failedIndexes ?? Indexes.none)
    .missing(count, job.spec.completions ?? 0);
  // With a limit per index each index waits by itself. Source: getPodCreationInfoForIndependentIndexes.
  const waits = new Map(indexes.map((index) => [index, indexWait(unreplaced.get(index), now)]));
  const due = indexes.filter((index) => waits.get(index) === 0);
  if (due.length > 0) return { kind: 'create', indexes: due };
  return indexes.length === 0 ? { kind: 'steady' } : { kind: 'wait', ms: Math.min(...waits.values()) };
}

function indexWait(failed: Pod | undefined, now: number): number {
  return failed === undefined ? 0 : remainingMs({ failures: allFailures(failed) + 1, lastAt: finishedAt(failed) }, now);
}
