// Brings what the sources of pods say to the gate.
import { isDeepStrictEqual } from 'node:util';
import { isMirrorPod } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import type { PodStartup } from '../metrics/pod-startup.ts';
import type { PodWorkers } from '../pod-workers/pod-workers.ts';
import type { StatusManager } from '../status/manager.ts';
import type { PodGate } from './pod-gate.ts';
import type { PodStore } from './pod-store.ts';

export interface Followed {
  readonly store: PodStore;
  readonly gate: PodGate;
  readonly workers: PodWorkers;
  readonly status: StatusManager;
  readonly startup: PodStartup;
}

/** Pods of the API. Those of the first list are admitted together, by `admitFirst`, in the order they were made. */
export function followApiPods(
  informer: Informer<Pod>,
  { store, gate, workers, status, startup }: Followed,
): { readonly admitFirst: () => void } {
  let first: Pod[] | undefined = [];
  /** What a mirror stands for is looked at: the mirror may have to be made again. */
  const mirrored = (mirror: Pod): void => {
    const own = store.staticOf(mirror);
    if (own === undefined) return;
    workers.wake(own.metadata.uid);
    status.reconcile(own.metadata.uid);
  };
  const changed = (pod: Pod): void => {
    gate.update(pod);
    status.reconcile(pod.metadata.uid);
  };
  informer.addHandlers({
    added(pod, initial) {
      store.setApi(pod);
      startup.observed(pod);
      if (isMirrorPod(pod)) mirrored(pod);
      else if (initial && first !== undefined) first.push(pod);
      else changed(pod);
    },
    updated(pod, previous) {
      store.setApi(pod);
      startup.observed(pod);
      if (isMirrorPod(pod)) mirrored(pod);
      else if (asksOtherwise(pod, previous)) changed(pod);
      else {
        // Only its status changed, as a rule by this kubelet.
        workers.observe(pod);
        status.reconcile(pod.metadata.uid);
      }
    },
    deleted(pod) {
      store.removeApi(pod);
      startup.forget(pod.metadata.uid);
      if (isMirrorPod(pod)) mirrored(pod);
      else gate.remove(pod.metadata.uid);
    },
  });
  return {
    admitFirst() {
      gate.updateAll((first ?? []).flatMap(({ metadata }) => store.get(metadata.uid) ?? []));
      first = undefined;
    },
  };
}

/** Whether the pod is to be run in another way than before. Source: config podsDifferSemantically. */
function asksOtherwise(a: Pod, b: Pod): boolean {
  const asked = ({ metadata, spec }: Pod): unknown => [
    spec,
    metadata.labels,
    metadata.annotations,
    metadata.deletionTimestamp,
    metadata.deletionGracePeriodSeconds,
    metadata.uid,
  ];
  return !isDeepStrictEqual(asked(a), asked(b));
}

/** All static pods there are now: others are ended. */
export function setStaticPods(pods: readonly Pod[], { store, gate }: Pick<Followed, 'store' | 'gate'>): void {
  const wanted = new Set(pods.map(({ metadata }) => metadata.uid));
  for (const { metadata } of [...store.statics()]) {
    if (wanted.has(metadata.uid)) continue;
    store.removeStatic(metadata.uid);
    gate.remove(metadata.uid);
  }
  // All are known before the first is admitted: what the others hold is not free.
  const changed = pods.filter((pod) => store.get(pod.metadata.uid) !== pod);
  for (const pod of changed) store.setStatic(pod);
  for (const pod of changed) gate.update(pod);
}
