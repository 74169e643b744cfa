// The runtime's view of a pod, for tests of decisions.
import type { Pod } from '#api/types.ts';
import { findContainer } from '../pod/containers.ts';
import { hashContainer } from '../runtime/hash.ts';
import type { ContainerRunState, RuntimeContainer, RuntimePod, RuntimeSandbox } from '../runtime/runtime-pod.ts';

export const SANDBOX = 'sandbox-0';

export function sandbox(more: Partial<RuntimeSandbox> = {}): RuntimeSandbox {
  return { id: SANDBOX, attempt: 0, ready: true, createdAt: 1000, ips: ['10.0.0.5'], hostNetwork: false, ...more };
}

export function instance(of: Pod, name: string, state: ContainerRunState, more: Partial<RuntimeContainer> = {}): RuntimeContainer {
  const spec = findContainer(of, name)?.container;
  return {
    id: `id-${name}`,
    sandboxId: SANDBOX,
    name,
    state,
    createdAt: 2000,
    startedAt: state === 'created' ? 0 : 2000,
    finishedAt: state === 'exited' ? 3000 : 0,
    exitCode: 0,
    image: spec?.image ?? '',
    imageRef: 'sha256:1',
    imageId: 'sha256:1',
    hash: spec === undefined ? '' : hashContainer(spec),
    restartCount: 0,
    reason: '',
    message: '',
    logPath: '',
    ...more,
  };
}

/** Containers are given the newest first. */
export function runtimePod(
  of: Pod,
  containers: readonly RuntimeContainer[],
  sandboxes: readonly RuntimeSandbox[] = [sandbox()],
): RuntimePod {
  const { uid, name, namespace } = of.metadata;
  return { uid, name, namespace, ips: sandboxes[0]?.ready === true ? sandboxes[0].ips : [], sandboxes, containers, observedAt: 0 };
}
