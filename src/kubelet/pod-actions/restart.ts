// pure
// Which containers are started again, and whether a pod was initialised before.
import { shouldRestart } from '#api/pods.ts';
import type { Container, Pod, PodSpec } from '#api/types.ts';
import { restartsAllAfter } from '../pod/restart-policy.ts';
import { latest, type RuntimeContainer, type RuntimePod } from '../runtime/runtime-pod.ts';

/** Source: kubecontainer.ShouldContainerBeRestarted. */
export function shouldStart(container: Container, pod: Pod, runtime: RuntimePod): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  const instance = latest(runtime, container.name);
  if (instance === undefined) return true;
  if (instance.state === 'running') return false;
  if (instance.state === 'unknown' || instance.state === 'created') return true;
  return shouldRestart(container, pod.spec, instance.exitCode);
}

export function containerSucceeded(container: Container, runtime: RuntimePod): boolean {
  const instance = latest(runtime, container.name);
  return instance?.state === 'exited' && instance.exitCode === 0;
}

/** Source: kuberuntime HasAnyRegularContainerCreated. */
export function anyRegularContainerCreated(spec: PodSpec, runtime: RuntimePod): boolean {
  return spec.containers.some(({ name }) => {
    const state = latest(runtime, name)?.state;
    return state === 'created' || state === 'running' || state === 'exited';
  });
}

/**
 * Whether a regular container of the sandbox in use was ever created, which proves that its init containers are done.
 * Instances of earlier sandboxes prove nothing: after a reboot all of them are exited. Source: HasAnyActiveRegularContainerStarted.
 */
export function initializedBefore(spec: PodSpec, runtime: RuntimePod): boolean {
  const active = runtime.sandboxes[0]?.id;
  const names = new Set(spec.containers.map(({ name }) => name));
  return runtime.containers.some(
    (container) => names.has(container.name) && container.sandboxId === active && container.state !== 'unknown',
  );
}

/** Source: kubecontainer.ShouldAllContainersRestart. */
export function findResetTrigger(pod: Pod, runtime: RuntimePod): RuntimeContainer | undefined {
  const specs = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  for (const container of specs) {
    const instance = latest(runtime, container.name);
    if (instance?.state === 'exited' && restartsAllAfter(container, instance.exitCode)) return instance;
  }
  return undefined;
}
