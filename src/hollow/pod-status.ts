// pure
// The status of a pod on a hollow node, as a kubelet would write it. Source: kubelet_pods.go generateAPIPodStatus.
import { formatTime } from '#apimachinery/time.ts';
import type { Container, ContainerState, ContainerStatus, Pod, PodCondition, PodStatus } from '#api/types.ts';
import type { Progress, Run } from './progress.ts';

export interface Addresses {
  readonly pod: string;
  readonly host: string;
}

/** All but PodScheduled, which is the scheduler's. */
export function podStatus(pod: Pod, progress: Progress, { pod: podIP, host: hostIP }: Addresses): Omit<PodStatus, 'qosClass'> {
  const sidecars = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const steps = (pod.spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy !== 'Always');
  return {
    phase: phaseOf(progress),
    conditions: conditionsOf(pod, progress),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    podIP,
    podIPs: [{ ip: podIP }],
    startTime: formatTime(progress.takenAt),
    containerStatuses: pod.spec.containers.map((container) => containerStatus(pod, container, progress)),
    ...(sidecars.length + steps.length === 0
      ? {}
      : {
          initContainerStatuses: [
            ...steps.map((container) => finishedStep(pod, container, progress)),
            ...sidecars.map((container) => containerStatus(pod, container, progress)),
          ],
        }),
  };
}

function phaseOf(progress: Progress): 'Running' | 'Succeeded' | 'Failed' {
  if (progress.at !== 'ended') return 'Running';
  return progress.last.exitCode === 0 ? 'Succeeded' : 'Failed';
}

function conditionsOf(pod: Pod, progress: Progress): readonly PodCondition[] {
  const observed = pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation };
  const say = (type: string, isTrue: boolean, since: number, why: Why = {}): PodCondition => ({
    type,
    status: isTrue ? 'True' : 'False',
    lastProbeTime: null,
    lastTransitionTime: formatTime(since),
    ...why,
    ...observed,
  });
  const { takenAt, at } = progress;
  const [readySince, why] = readiness(pod, progress);
  return [
    say('PodReadyToStartContainers', at !== 'ended', at === 'ended' ? progress.last.finishedAt : takenAt),
    say('Initialized', true, takenAt),
    say('ContainersReady', at === 'ready', readySince, why),
    say('Ready', at === 'ready', readySince, why),
  ];
}

interface Why {
  readonly reason?: string;
  readonly message?: string;
}

/** Since when the containers are ready or not, and why they are not. */
function readiness(pod: Pod, progress: Progress): readonly [since: number, why?: Why] {
  switch (progress.at) {
    case 'waiting':
    case 'running': {
      const names = pod.spec.containers.map(({ name }) => name).join(' ');
      const why = { reason: 'ContainersNotReady', message: `containers with unready status: [${names}]` };
      return [progress.last?.finishedAt ?? progress.takenAt, why];
    }
    case 'ready':
      return [progress.readyAt];
    case 'ended':
      return [progress.last.finishedAt, { reason: progress.last.exitCode === 0 ? 'PodCompleted' : 'PodFailed' }];
  }
}

function containerStatus({ metadata: { uid } }: Pod, { name, image }: Container, progress: Progress): ContainerStatus {
  const up = progress.at === 'running' || progress.at === 'ready';
  return {
    name,
    image,
    imageID: `hollow://${image}`,
    ready: progress.at === 'ready',
    started: up,
    restartCount: progress.restarts,
    containerID: `hollow://${uid}-${name}-${progress.restarts}`,
    state: stateOf(progress),
    lastState: progress.at !== 'ended' && progress.last !== undefined ? terminated(progress.last) : {},
  };
}

function stateOf(progress: Progress): ContainerState {
  switch (progress.at) {
    case 'waiting':
      return { waiting: { reason: progress.restarts > 1 ? 'CrashLoopBackOff' : 'ContainerCreating' } };
    case 'running':
    case 'ready':
      return { running: { startedAt: formatTime(progress.startedAt) } };
    case 'ended':
      return terminated(progress.last);
  }
}

function terminated({ startedAt, finishedAt, exitCode }: Run): ContainerState {
  return {
    terminated: {
      exitCode,
      reason: exitCode === 0 ? 'Completed' : 'Error',
      startedAt: formatTime(startedAt),
      finishedAt: formatTime(finishedAt),
    },
  };
}

/** An init container: it was done before the others began. */
function finishedStep({ metadata: { uid } }: Pod, { name, image }: Container, { takenAt }: Progress): ContainerStatus {
  return {
    name,
    image,
    imageID: `hollow://${image}`,
    ready: true,
    started: false,
    restartCount: 0,
    containerID: `hollow://${uid}-${name}-0`,
    state: terminated({ startedAt: takenAt, finishedAt: takenAt, exitCode: 0 }),
    lastState: {},
  };
}
