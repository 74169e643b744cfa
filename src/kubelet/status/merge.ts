// pure
// What may become of a status between the kubelet's view and the API's: dates, limits, and transitions that are refused.
import { isPodPhaseTerminal } from '#api/pods.ts';
import { formatTime } from '#apimachinery/time.ts';
import { isDeepStrictEqual } from 'node:util';
import type { ContainerStatus, Pod, PodCondition, PodStatus } from '#api/types.ts';
import { isStaticPod } from '../pod/identity.ts';
import { KUBELET_CONDITIONS } from './conditions.ts';
import type { UndatedStatus } from './pod-status.ts';

/** Longest termination messages of a whole pod, bytes. Source: kubecontainer.MaxPodTerminationMessageLogLength. */
const MAX_POD_TERMINATION_MESSAGE_BYTES = 12 * 1024;

/** Gives conditions their transition times and the status its start time. Source: updateStatusInternal. */
export function dateStatus(status: UndatedStatus, previous: PodStatus, now: number): PodStatus {
  const old = new Map((previous.conditions ?? []).map((condition) => [condition.type, condition]));
  const conditions = status.conditions.map((condition): PodCondition => {
    const before = old.get(condition.type);
    if (before !== undefined && !KUBELET_CONDITIONS.has(condition.type) && condition.type !== 'DisruptionTarget')
      return { ...before, ...condition };
    const lastTransitionTime = before?.status === condition.status ? before.lastTransitionTime : formatTime(now);
    return { ...condition, lastProbeTime: before?.lastProbeTime ?? null, lastTransitionTime };
  });
  return limitMessages({ ...status, conditions, startTime: previous.startTime ?? status.startTime ?? formatTime(now) });
}

/** Source: status normalizeStatus. */
function limitMessages(status: PodStatus): PodStatus {
  const count =
    (status.initContainerStatuses?.length ?? 0) +
    (status.containerStatuses?.length ?? 0) +
    (status.ephemeralContainerStatuses?.length ?? 0);
  const limit = count === 0 ? MAX_POD_TERMINATION_MESSAGE_BYTES : Math.floor(MAX_POD_TERMINATION_MESSAGE_BYTES / count);
  const cutState = (state: ContainerStatus['state']): ContainerStatus['state'] => {
    const message = state?.terminated?.message;
    if (state?.terminated === undefined || message === undefined || Buffer.byteLength(message) <= limit) return state;
    return { terminated: { ...state.terminated, message: Buffer.from(message).subarray(0, limit).toString('utf8') } };
  };
  const cut = (list: readonly ContainerStatus[] | undefined): readonly ContainerStatus[] | undefined =>
    list?.map((item) => ({ ...item, state: cutState(item.state), lastState: cutState(item.lastState) }));
  const cutLists = {
    initContainerStatuses: cut(status.initContainerStatuses),
    containerStatuses: cut(status.containerStatuses),
    ephemeralContainerStatuses: cut(status.ephemeralContainerStatuses),
  };
  return { ...status, ...Object.fromEntries(Object.entries(cutLists).filter(([, list]) => list !== undefined)) };
}

/**
 * What is sent: a pod does not show as ended while containers may still run, ready goes false and why it was disrupted is told
 * with the end, and conditions of others are taken as they are in the API. Source: mergePodStatus.
 */
export function mergeForApi(api: PodStatus, desired: PodStatus, mayRun: boolean, pod: Pod): PodStatus {
  const ending = !isPodPhaseTerminal(api.phase) && isPodPhaseTerminal(desired.phase);
  const own = (desired.conditions ?? []).filter(
    ({ type }) => KUBELET_CONDITIONS.has(type) || (type === 'DisruptionTarget' && ending && !mayRun),
  );
  const foreign = (api.conditions ?? []).filter(
    ({ type }) => !KUBELET_CONDITIONS.has(type) && !own.some((condition) => condition.type === type),
  );
  const { phase: _phase, reason: _reason, message: _message, ...rest } = desired;
  const held =
    ending && mayRun
      ? {
          phase: api.phase,
          ...(api.reason === undefined ? {} : { reason: api.reason }),
          ...(api.message === undefined ? {} : { message: api.message }),
        }
      : {
          phase: desired.phase,
          ...(desired.reason === undefined ? {} : { reason: desired.reason }),
          ...(desired.message === undefined ? {} : { message: desired.message }),
        };
  const conditions = [...foreign, ...(isPodPhaseTerminal(held.phase) ? own.map((condition) => unready(condition, held.phase)) : own)];
  // Fields the kubelet does not own stay as they are.
  const kept = Object.fromEntries(
    Object.entries(api).filter(
      ([name]) => name === 'nominatedNodeName' || name === 'resourceClaimStatuses' || name === 'extendedResourceClaimStatus',
    ),
  );
  const qos = api.qosClass ?? pod.status.qosClass;
  return { ...kept, ...rest, ...held, conditions, ...(qos === undefined ? {} : { qosClass: qos }) };
}

function unready(condition: PodCondition, phase: string): PodCondition {
  if ((condition.type !== 'Ready' && condition.type !== 'ContainersReady') || condition.status !== 'True') return condition;
  return { ...condition, status: 'False', reason: phase === 'Failed' ? 'PodFailed' : 'PodCompleted' };
}

/** Same as far as a kubelet is concerned: the order of conditions does not matter. Source: isPodStatusByKubeletEqual. */
export function sameStatus(a: PodStatus, b: PodStatus): boolean {
  const sorted = (status: PodStatus): PodStatus => ({
    ...status,
    conditions: (status.conditions ?? []).toSorted((x, y) => (x.type < y.type ? -1 : 1)),
  });
  return isDeepStrictEqual(sorted(a), sorted(b));
}

const NEVER_LOCATED = {
  reason: 'ContainerStatusUnknown',
  message: 'The container could not be located when the pod was terminated',
  exitCode: 137,
  startedAt: null,
  finishedAt: null,
};

/** The last status of a pod: every container has ended, and so has the pod. Source: manager.TerminatePod. */
export function terminatedStatus(pod: Pod, status: PodStatus): PodStatus {
  const ended = (item: ContainerStatus): ContainerStatus =>
    item.state.terminated === undefined ? { ...item, state: { terminated: NEVER_LOCATED } } : item;
  const inits = status.initContainerStatuses ?? [];
  const tried = triedCount(inits);
  const phase = isStaticPod(pod) || isPodPhaseTerminal(status.phase) ? status.phase : 'Failed';
  return {
    ...status,
    phase,
    ...(status.initContainerStatuses === undefined
      ? {}
      : { initContainerStatuses: inits.map((item, index) => (index < tried ? ended(item) : item)) }),
    ...(status.containerStatuses === undefined || !hasInitialized(pod, status)
      ? {}
      : { containerStatuses: status.containerStatuses.map(ended) }),
  };
}

/** Source: hasPodInitialized. */
function hasInitialized(pod: Pod, status: PodStatus): boolean {
  if ((pod.spec.initContainers ?? []).length === 0) return true;
  if (status.containerStatuses?.some(({ state, lastState }) => lastState?.terminated !== undefined || state.waiting === undefined) === true)
    return true;
  const last = status.initContainerStatuses?.at(-1);
  return last?.lastState?.terminated?.exitCode === 0 || last?.state.terminated?.exitCode === 0;
}

/** Init containers up to the last that was ever started; at least one. Source: initializedContainers. */
function triedCount(statuses: readonly ContainerStatus[]): number {
  const last = statuses.findLastIndex(({ state, lastState }) => state.waiting === undefined || lastState?.terminated !== undefined);
  return last === -1 ? Math.min(1, statuses.length) : last + 1;
}
