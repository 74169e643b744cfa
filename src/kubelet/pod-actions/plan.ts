// Decides what one pass does with a pod: pure, from the pod and what the runtime and the probes say.
import { isRestartable } from '#api/pods.ts';
import type { Container, Pod } from '#api/types.ts';
import { ephemeralAsContainer } from '../pod/containers.ts';
import { restartsAllAfter } from '../pod/restart-policy.ts';
import { hashContainer } from '../runtime/hash.ts';
import { latest, type RuntimeContainer, type RuntimePod } from '../runtime/runtime-pod.ts';
import { equalAmounts, podLevelAmounts, type ComputeAmounts } from '../pod/resources.ts';
import { NO_ACTIONS, type ContainerKill, type ContainerReset, type KillReason, type PodActions } from './actions.ts';
import { planInit } from './init.ts';
import { planResize, type ResizePlan } from './resize.ts';
import { anyRegularContainerCreated, containerSucceeded, findResetTrigger, shouldStart } from './restart.ts';
import { judgeSandbox } from './sandbox.ts';

export type ProbeVerdict = 'success' | 'failure' | 'unknown';

/** Last verdict of a container's probe by container id; undefined before the first. */
export interface ProbeVerdicts {
  liveness(containerId: string): ProbeVerdict | undefined;
  startup(containerId: string): ProbeVerdict | undefined;
}

/** Everything one decision may look at, all from the same moment. */
export interface PodObserved {
  /** With the resources that were allocated to it. */
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly probes: ProbeVerdicts;
  /** Resources last given to a running container; undefined where nothing can be compared. */
  readonly actuated?: (container: Container, instance: RuntimeContainer) => ComputeAmounts | undefined;
  /** Resources last given to the pod as a whole; undefined where nothing can be compared. */
  readonly actuatedPod?: ComputeAmounts | undefined;
}

/** Source: kubeGenericRuntimeManager.computePodActions. */
export function computePodActions(observed: PodObserved): PodActions {
  const { pod, runtime } = observed;
  const sandbox = judgeSandbox(pod, runtime);
  if (sandbox.kind === 'needed') {
    return planNewSandbox(pod, runtime, sandbox.attempt, sandbox.previousId);
  }
  const fate = { kind: 'keep', sandboxId: sandbox.sandboxId, attempt: sandbox.attempt } as const;

  if (findResetTrigger(pod, runtime) !== undefined) return { ...NO_ACTIONS, fate, resets: planReset(pod, runtime) };

  const startEphemeral = (pod.spec.ephemeralContainers ?? []).flatMap((ephemeral, index) =>
    latest(runtime, ephemeral.name) === undefined ? [index] : [],
  );
  const init = planInit(pod, runtime, observed.probes);
  if (init.kind === 'failed') return { ...NO_ACTIONS, fate: { kind: 'kill' }, startEphemeral };

  const resizes: ResizePlan[] = init.running.map(({ index, instance }) => resizeOf(observed, pod.spec.initContainers?.[index], instance));
  const startInit = [...init.start];
  const kills: ContainerKill[] = [...init.kills];
  for (const [place, resize] of resizes.entries()) {
    const index = init.running[place]?.index;
    if (resize.kind !== 'restart' || index === undefined) continue;
    kills.push(resize.kill);
    if (!startInit.includes(index)) startInit.push(index);
  }
  startInit.sort((a, b) => a - b);
  const base = { ...NO_ACTIONS, fate, startEphemeral, startInit };
  if (!init.initialized) return { ...base, kills, ...joinResizes(observed, resizes) };

  const startContainers: number[] = [];
  let keep = 0;
  for (const [index, container] of pod.spec.containers.entries()) {
    const instance = latest(runtime, container.name);
    if (instance?.state !== 'running') {
      if (!shouldStart(container, pod, runtime)) continue;
      startContainers.push(index);
      if (instance?.state === 'unknown') kills.push(killUnknown(container, instance));
      continue;
    }
    const fault = faultOf(container, instance, observed);
    if (fault === undefined) {
      const resize = resizeOf(observed, container, instance);
      resizes.push(resize);
      if (resize.kind === 'restart') {
        kills.push(resize.kill);
        startContainers.push(index);
      } else keep++;
      continue;
    }
    const restart =
      fault.changed || (container.restartPolicy === undefined ? pod.spec.restartPolicy !== 'Never' : container.restartPolicy !== 'Never');
    if (restart) startContainers.push(index);
    kills.push({
      id: instance.id,
      container,
      message: restart ? `${fault.message}, will be restarted` : fault.message,
      reason: fault.reason,
    });
  }

  if (keep === 0 && startContainers.length === 0) return { ...base, startInit: [], kills, fate: { kind: 'kill' } };
  return { ...base, startContainers, kills, ...joinResizes(observed, resizes) };
}

function planNewSandbox(pod: Pod, runtime: RuntimePod, attempt: number, previousId: string | undefined): PodActions {
  const { spec } = pod;
  const kill: PodActions = { ...NO_ACTIONS, fate: { kind: 'kill' } };
  const restartable = [...(spec.initContainers ?? []), ...spec.containers].some((container) => isRestartable(container, spec));
  if (!restartable && attempt !== 0 && runtime.containers.length !== 0) return kill;

  const startContainers = spec.containers.flatMap((container, index) => {
    const onFailure = (container.restartPolicy ?? spec.restartPolicy) === 'OnFailure';
    return onFailure && containerSucceeded(container, runtime) ? [] : [index];
  });
  if (startContainers.length === 0 && anyRegularContainerCreated(spec, runtime)) return kill;

  const fate = { kind: 'recreate', attempt, ...(previousId === undefined ? {} : { previousId }) } as const;
  if ((spec.initContainers ?? []).length > 0) return { ...NO_ACTIONS, fate, startInit: [0] };
  return { ...NO_ACTIONS, fate, startContainers };
}

interface Fault {
  readonly message: string;
  readonly reason: KillReason;
  readonly changed: boolean;
}

function faultOf(container: Container, instance: RuntimeContainer, { probes }: PodObserved): Fault | undefined {
  if (instance.hash !== '' && instance.hash !== hashContainer(container)) {
    return { message: `Container ${container.name} definition changed`, reason: '', changed: true };
  }
  if (probes.liveness(instance.id) === 'failure') {
    return { message: `Container ${container.name} failed liveness probe`, reason: 'LivenessProbe', changed: false };
  }
  if (probes.startup(instance.id) === 'failure') {
    return { message: `Container ${container.name} failed startup probe`, reason: 'StartupProbe', changed: false };
  }
  return undefined;
}

/** Not known whether it runs: killed first, so that there are never two. */
function killUnknown(container: Container, instance: RuntimeContainer): ContainerKill {
  return { id: instance.id, container, message: 'Container is in "unknown" state, try killing it before restart', reason: 'Unknown' };
}

function resizeOf({ pod, actuated }: PodObserved, container: Container | undefined, instance: RuntimeContainer): ResizePlan {
  const current = container === undefined ? undefined : actuated?.(container, instance);
  return container === undefined || current === undefined ? { kind: 'none' } : planResize(container, pod.spec, instance.id, current);
}

function joinResizes({ pod, actuatedPod }: PodObserved, plans: readonly ResizePlan[]): Pick<PodActions, 'resizes' | 'resizePod'> {
  const steps = plans.flatMap((plan) => (plan.kind === 'update' ? plan.steps : []));
  return {
    resizes: [...steps.filter((step) => step.shrinks), ...steps.filter((step) => !step.shrinks)].map((step) => step.resize),
    resizePod:
      plans.some((plan) => plan.kind === 'restart') ||
      (actuatedPod !== undefined && !equalAmounts(podLevelAmounts(pod.spec.resources), actuatedPod)),
  };
}

/** Source: getContainersToReset. */
function planReset(pod: Pod, runtime: RuntimePod): readonly ContainerReset[] {
  const triggers: ContainerReset[] = [];
  const others: ContainerReset[] = [];
  const specs = [
    ...(pod.spec.initContainers ?? []),
    ...pod.spec.containers,
    ...(pod.spec.ephemeralContainers ?? []).map(ephemeralAsContainer),
  ];
  for (const container of specs) {
    for (const instance of runtime.containers.filter(({ name }) => name === container.name)) {
      const reset = { id: instance.id, container, kill: instance.state !== 'exited' };
      if (instance.state === 'exited' && restartsAllAfter(container, instance.exitCode)) triggers.push(reset);
      else others.push(reset);
    }
  }
  return [...others, ...triggers];
}
