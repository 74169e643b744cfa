// pure
// How long a container may take to end, and in which order the containers of a pod end. Pure.
import { hasSidecar, isSidecar } from '#api/pods.ts';
import type { Pod, PodSpec } from '#api/types.ts';
import type { KillReason } from '../pod-actions/actions.ts';
import { type AnyContainer } from '../pod/containers.ts';

/** Seconds every container gets, so that it is not killed at once. Source: minimumGracePeriodInSeconds. */
export const MIN_GRACE_SECONDS = 2;

/** Seconds; Source: setTerminationGracePeriod. */
export function graceSeconds(pod: Pick<Pod, 'metadata' | 'spec'>, container: AnyContainer, reason: KillReason): number {
  const { deletionGracePeriodSeconds } = pod.metadata;
  if (deletionGracePeriodSeconds !== undefined) return Number(deletionGracePeriodSeconds);
  const { terminationGracePeriodSeconds } = pod.spec;
  if (terminationGracePeriodSeconds === undefined) return MIN_GRACE_SECONDS;
  const probe = reason === 'StartupProbe' ? container.startupProbe : reason === 'LivenessProbe' ? container.livenessProbe : undefined;
  return Number(probe?.terminationGracePeriodSeconds ?? terminationGracePeriodSeconds);
}

/**
 * Names each container waits for before it is stopped: sidecars wait for all containers and for the sidecars after them.
 * Source: newTerminationOrdering.
 */
export function terminationOrder(spec: PodSpec, running: ReadonlySet<string>): ReadonlyMap<string, readonly string[]> {
  const order = new Map<string, readonly string[]>();
  if (!hasSidecar(spec)) return order;
  const before = spec.containers.map(({ name }) => name).filter((name) => running.has(name));
  for (const container of (spec.initContainers ?? []).toReversed()) {
    if (!isSidecar(container) || !running.has(container.name)) continue;
    order.set(container.name, [...before]);
    before.push(container.name);
  }
  return order;
}
