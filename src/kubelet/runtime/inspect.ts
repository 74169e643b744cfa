// Asks the runtime what it knows about pods.
import type { RuntimeService } from '#cri/gen/services.ts';
import { isNotFound } from '#cri/errors.ts';
import type { Clock } from '#base/clock.ts';
import { fromNanos, runState, toRuntimeContainer, toRuntimeSandbox } from './convert.ts';
import { CONTAINER_NAME_LABEL, POD_NAME_LABEL, POD_NAMESPACE_LABEL, POD_UID_LABEL } from './labels.ts';
import type { ContainerRunState, RuntimeContainer, RuntimePod, RuntimeSandbox } from './runtime-pod.ts';
import { terminationMessage } from './termination-message.ts';

/** A pod as the runtime's lists show it: enough to see that something changed. */
export interface ListedPod {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly sandboxes: readonly { readonly id: string; readonly ready: boolean; readonly createdAt: number }[];
  readonly containers: readonly {
    readonly id: string;
    readonly name: string;
    readonly state: ContainerRunState;
    readonly sandboxId: string;
    readonly createdAt: number;
  }[];
}

/** Every pod with a sandbox or a container, by uid. Source: kubeGenericRuntimeManager.GetPods. */
export async function listPods(runtime: RuntimeService, filter: { readonly uid?: string } = {}): Promise<ReadonlyMap<string, ListedPod>> {
  const request = { filter: { labelSelector: filter.uid === undefined ? {} : { [POD_UID_LABEL]: filter.uid } } };
  const [sandboxes, containers] = await Promise.all([runtime.listPodSandbox(request), runtime.listContainers(request)]);
  type Open = {
    uid: string;
    name: string;
    namespace: string;
    sandboxes: ListedPod['sandboxes'][number][];
    containers: ListedPod['containers'][number][];
  };
  const pods = new Map<string, Open>();
  const open = (uid: string, name: string, namespace: string): Open => {
    const known = pods.get(uid);
    if (known !== undefined) return known;
    const fresh = { uid, name, namespace, sandboxes: [], containers: [] };
    pods.set(uid, fresh);
    return fresh;
  };
  for (const { id, metadata, state, createdAt, labels } of sandboxes.items) {
    if (metadata === undefined || labels[POD_UID_LABEL] === undefined) continue; // not made by a kubelet
    open(metadata.uid, metadata.name, metadata.namespace).sandboxes.push({
      id,
      ready: state === 'SANDBOX_READY',
      createdAt: fromNanos(createdAt),
    });
  }
  for (const { id, podSandboxId, labels, state, createdAt } of containers.containers) {
    const uid = labels[POD_UID_LABEL];
    const name = labels[CONTAINER_NAME_LABEL];
    if (uid === undefined || name === undefined) continue;
    open(uid, labels[POD_NAME_LABEL] ?? '', labels[POD_NAMESPACE_LABEL] ?? '').containers.push({
      id,
      name,
      state: runState(state),
      sandboxId: podSandboxId,
      createdAt: fromNanos(createdAt),
    });
  }
  return pods;
}

/** Of two made at the same moment the later attempt comes first. */
const newestSandbox = (a: RuntimeSandbox, b: RuntimeSandbox): number => b.createdAt - a.createdAt || b.attempt - a.attempt;
const newestContainer = (a: RuntimeContainer, b: RuntimeContainer): number => b.createdAt - a.createdAt || b.restartCount - a.restartCount;

/**
 * Everything the runtime knows about the pod. What vanishes between the list and the question is left out; an ended
 * container never changes, so what `known` has of it is used again. Source: GetPodStatus.
 * @throws CriError
 */
export async function inspectPod(runtime: RuntimeService, clock: Clock, listed: ListedPod, known?: RuntimePod): Promise<RuntimePod> {
  const observedAt = clock.monotonic();
  const [sandboxes, containers] = await Promise.all([
    Promise.all(listed.sandboxes.map(({ id }) => inspectSandbox(runtime, id))),
    Promise.all(listed.containers.map(({ id, sandboxId, state }) => inspectContainer(runtime, id, sandboxId, state, known))),
  ]);
  const found = sandboxes.filter((sandbox) => sandbox !== undefined).toSorted(newestSandbox);
  const live = found[0]?.ready === true ? found[0].ips : [];
  return {
    uid: listed.uid,
    name: listed.name,
    namespace: listed.namespace,
    // Addresses of a pod that ended are remembered. Source: pleg getPodIPs.
    ips: live.length === 0 && !found.some(({ ready }) => ready) ? (known?.ips ?? []) : live,
    sandboxes: found,
    containers: containers.filter((container) => container !== undefined).toSorted(newestContainer),
    observedAt,
  };
}

async function inspectSandbox(runtime: RuntimeService, podSandboxId: string): Promise<RuntimeSandbox | undefined> {
  try {
    const { status } = await runtime.podSandboxStatus({ podSandboxId });
    return status === undefined ? undefined : toRuntimeSandbox(status);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

async function inspectContainer(
  runtime: RuntimeService,
  containerId: string,
  sandboxId: string,
  state: ContainerRunState,
  known: RuntimePod | undefined,
): Promise<RuntimeContainer | undefined> {
  const before = known?.containers.find(({ id }) => id === containerId);
  if (state === 'exited' && before?.state === 'exited') return before;
  try {
    const { status } = await runtime.containerStatus({ containerId });
    return status === undefined ? undefined : toRuntimeContainer(status, sandboxId, await terminationMessage(status));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
