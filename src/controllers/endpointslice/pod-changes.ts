// Which Services the change of a pod concerns, and whether it takes one away that served.
import { selectorFromSet } from '#apimachinery/labels.ts';
import { isPodReady } from '#api/pods.ts';
import type { Pod, Service } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { keyOf } from '../runtime/controller.ts';
import type { Pace } from './pace.ts';

const SELECTING = 'selecting-services-in-namespace';
const selectingNamespace = ({ metadata, spec }: Service): readonly string[] => (spec.selector === undefined ? [] : [metadata.namespace]);

const serves = (pod: Pod): boolean => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined;

export interface PodChangesDeps {
  readonly pods: Informer<Pod>;
  readonly services: Informer<Service>;
  readonly pace: Pick<Pace, 'wake'>;
}

/** From now on wakes each Service that selects a pod that changed, or did before; soon where the pod serves it no longer. */
export function followPods({ pods, services, pace }: PodChangesDeps): void {
  services.addIndex(SELECTING, selectingNamespace);
  const changed = (namespace: string, before: Pod | undefined, now: Pod | undefined): void => {
    for (const service of services.byIndex(SELECTING, namespace)) {
      const selector = selectorFromSet(service.spec.selector);
      const was = before !== undefined && selector.matches(before.metadata.labels);
      const is = now !== undefined && selector.matches(now.metadata.labels);
      if (was || is) pace.wake(keyOf(service), was && serves(before) && !(is && serves(now)));
    }
  };
  pods.addHandlers({
    added: (pod) => changed(pod.metadata.namespace, undefined, pod),
    updated: (pod, previous) => changed(pod.metadata.namespace, previous, pod),
    deleted: (pod) => changed(pod.metadata.namespace, pod, undefined),
  });
}
