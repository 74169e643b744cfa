// pure
// What events tell of a resize: the resources of each container that can be resized, as one line of JSON.
// Source: pkg/kubelet/events podResizeMessage.
import { isSidecar } from '#api/pods.ts';
import type { Container, Int64, Pod } from '#api/types.ts';

/** @param what `started`, `completed`, `error`, or why it waits: `Deferred`, `Infeasible` */
export function resizeMessage(what: string, pod: Pod, generation: Int64 | undefined, error = ''): string {
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar);
  const summary = {
    ...(sidecars.length === 0 ? {} : { initContainers: sidecars.map(summaryOf) }),
    containers: pod.spec.containers.map(summaryOf),
    generation: generation ?? 0,
    ...(error === '' ? {} : { error }),
  };
  return `Pod resize ${what}: ${JSON.stringify(summary)}`;
}

function summaryOf({ name, resources: { limits, requests, claims } }: Container): object {
  return {
    name,
    resources: {
      ...(limits === undefined ? {} : { limits: sorted(limits) }),
      ...(requests === undefined ? {} : { requests: sorted(requests) }),
      ...(claims === undefined ? {} : { claims }),
    },
  };
}

const sorted = (list: Readonly<Record<string, unknown>>): object =>
  Object.fromEntries(Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1)));
