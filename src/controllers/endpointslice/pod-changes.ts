// Which Services the change of a pod concerns, and whether it takes one away that served.
import { selectorFromSet } from '#apimachinery/labels.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { isPodReady, isPodTerminal } from '#api/pods.ts';
import type { Pod, Service } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';
import { keyOf } from '../runtime/controller.ts';
import type { Pace } from './pace.ts';

const SELECTING = 'selecting-services-by-label';

const entry = (namespace: string, key: string, value: string): string => `${namespace}/${key}=${value}`;

/** Under one of the labels it asks for: a pod it selects has that one, too. */
function selectingBy({ metadata, spec }: Service): readonly string[] {
  const [first] = Object.entries(spec.selector ?? {});
  return first === undefined ? [] : [entry(metadata.namespace, ...first)];
}

type Labels = Pod['metadata']['labels'];

const serves = (pod: Pod): boolean => isPodReady(pod) && pod.metadata.deletionTimestamp === undefined;

/** Source: ShouldPodBeInEndpoints: without an address it is part of nothing yet. */
const hasAddress = ({ status }: Pod): boolean => (status.podIPs ?? []).length > 0 || (status.podIP ?? '') !== '';

/** Whether endpoints of the pod say something else now. Source: podEndpointsChanged; and a pod that has ended has none. */
function endpointsDiffer(before: Pod, now: Pod): boolean {
  return (
    before.metadata.deletionTimestamp !== now.metadata.deletionTimestamp ||
    isPodReady(before) !== isPodReady(now) ||
    isPodTerminal(before) !== isPodTerminal(now) ||
    before.status.podIP !== now.status.podIP ||
    !deepEqual(before.status.podIPs, now.status.podIPs) ||
    before.spec.hostname !== now.spec.hostname ||
    before.spec.subdomain !== now.spec.subdomain ||
    !deepEqual(before.metadata.labels, now.metadata.labels)
  );
}

export interface PodChangesDeps {
  readonly pods: Informer<Pod>;
  readonly services: Informer<Service>;
  readonly pace: Pick<Pace, 'wake'>;
}

/** From now on wakes each Service that selects a pod that changed, or did before; soon where the pod serves it no longer. */
export function followPods({ pods, services, pace }: PodChangesDeps): void {
  services.addIndex(SELECTING, selectingBy);
  const selecting = (namespace: string, labels: Labels = {}): readonly Service[] =>
    Object.entries(labels)
      .flatMap((label) => services.byIndex(SELECTING, entry(namespace, ...label)))
      .filter(({ spec }) => selectorFromSet(spec.selector).matches(labels));

  const appeared = (pod: Pod): void => {
    if (!hasAddress(pod)) return;
    for (const service of selecting(pod.metadata.namespace, pod.metadata.labels)) pace.wake(keyOf(service));
  };
  const gone = (pod: Pod): void => {
    if (!hasAddress(pod)) return;
    for (const service of selecting(pod.metadata.namespace, pod.metadata.labels)) pace.wake(keyOf(service), serves(pod));
  };
  pods.addHandlers({
    added: appeared,
    updated(pod, previous) {
      if (!endpointsDiffer(previous, pod) || (!hasAddress(pod) && !hasAddress(previous))) return;
      const { namespace, labels } = pod.metadata;
      const [now, before] = [selecting(namespace, labels), selecting(namespace, previous.metadata.labels)];
      const served = serves(previous);
      for (const service of before) pace.wake(keyOf(service), served && !(serves(pod) && now.includes(service)));
      for (const service of now) if (!before.includes(service)) pace.wake(keyOf(service));
    },
    deleted: gone,
  });
}
