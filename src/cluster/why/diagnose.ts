// pure
// Why a pod is not ready, from its status, its events and its logs.
import type { Event, Node, Pod } from '#api/types.ts';
import { isPodReady, podCondition } from '#api/pods.ts';
import { findCondition } from '#api/conditions.ts';
import { failedContainer, pulling, stillInit, unready } from './container-causes.ts';
import type { Cause, CauseKind, Evidence } from './contract.ts';
import { eventsOf, sinceOf, withSince } from './event-evidence.ts';
import { leaving } from './leaving.ts';

export interface Observed {
  readonly pod: Pod;
  /** About the pod, in any order. */
  readonly events: readonly Event[];
  /** The node it is on, if it is on one that is there. */
  readonly node: Node | undefined;
  /** Last lines by container; of the run before, for one that ended. */
  readonly logs: ReadonlyMap<string, string>;
  /** What is told of claims the pod waits for. */
  readonly claims?: readonly Evidence[];
  /** Pods that are on their way out of the node where room is kept for it. */
  readonly going?: readonly Evidence[];
}

const VOLUME_EVENTS = ['FailedMount', 'FailedAttachVolume', 'FailedMapVolume'];
const SANDBOX_EVENTS = ['FailedCreatePodSandBox', 'NetworkNotReady'];

/** The first that holds, from what ends everything to what only delays. */
export function diagnose(observed: Observed): Cause {
  const { pod } = observed;
  const gone = leaving(observed);
  if (gone !== undefined) return gone;
  if (pod.status.phase === 'Succeeded') return { kind: 'none', summary: 'the pod has done its work', evidence: [] };
  if (isPodReady(pod)) return { kind: 'none', summary: 'the pod is ready', evidence: [] };
  return (
    ended(observed) ??
    unplaced(observed) ??
    lostNode(observed) ??
    failedContainer(observed) ??
    unprepared(observed) ??
    stillInit(observed) ??
    pulling(observed) ??
    unready(observed) ??
    shutGate(observed) ??
    unseen(observed) ?? {
      kind: 'starting',
      summary: 'the pod is being started; nothing has gone wrong so far',
      evidence: conditionsOf(pod),
    }
  );
}

function ended({ pod }: Observed): Cause | undefined {
  const { reason, message = '', phase } = pod.status;
  if (phase !== 'Failed' || reason === undefined) return undefined;
  return { kind: 'ended', summary: `the pod was ended: ${reason}`, evidence: [{ source: 'status.reason', text: `${reason}: ${message}` }] };
}

function unplaced({ pod, events, claims = [], going = [] }: Observed): Cause | undefined {
  if ((pod.spec.nodeName ?? '') !== '') return undefined;
  const condition = podCondition(pod.status, 'PodScheduled');
  const message = condition?.message ?? `no scheduler has looked at the pod yet; it is left to the one named ${pod.spec.schedulerName}`;
  const since = condition?.lastTransitionTime;
  const { nominatedNodeName: nominated = '' } = pod.status;
  return {
    kind: 'scheduling',
    summary: nominated === '' ? 'the pod is on no node' : `the pod is on no node; room for it is kept on node ${nominated}`,
    evidence: [
      { source: 'condition PodScheduled', text: `${condition?.reason ?? ''}: ${message}`.replace(/^: /, '') },
      ...eventsOf(events, ['FailedScheduling', 'FailedResourceClaimCreation']),
      ...claims,
      ...going,
    ],
    ...sinceOf(since),
  };
}

function lostNode({ pod, node }: Observed): Cause | undefined {
  if (node === undefined) return { kind: 'node', summary: `node ${pod.spec.nodeName} is gone`, evidence: [] };
  const ready = findCondition(node.status?.conditions, 'Ready');
  if (ready === undefined || ready.status === 'True') return undefined;
  return {
    kind: 'node',
    summary: `node ${node.metadata.name} is not ready`,
    evidence: [{ source: 'condition Ready of the node', text: `${ready.reason ?? ''}: ${ready.message ?? ''}` }],
    ...sinceOf(ready.lastTransitionTime),
  };
}

/** Volumes and the network come before all containers: what is told of them is over when a container could be started. */
function unprepared({ pod, events }: Observed): Cause | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status;
  const runs = [...initContainerStatuses, ...containerStatuses].some(({ state }) => state?.running !== undefined);
  if (runs || podCondition(pod.status, 'PodReadyToStartContainers')?.status === 'True') return undefined;
  const told = (kind: CauseKind, reasons: readonly string[], summary: string): Cause | undefined => {
    const evidence = eventsOf(events, reasons);
    return evidence.length === 0 ? undefined : withSince({ kind, summary, evidence });
  };
  return (
    told('volume', VOLUME_EVENTS, 'a volume of the pod cannot be made ready') ??
    told('sandbox', SANDBOX_EVENTS, 'the network of the pod cannot be made')
  );
}

function shutGate({ pod }: Observed): Cause | undefined {
  if (pod.status.containerStatuses?.some(({ ready }) => !ready) === true) return undefined;
  const gate = pod.spec.readinessGates?.find(({ conditionType }) => podCondition(pod.status, conditionType)?.status !== 'True');
  if (gate === undefined) return undefined;
  const condition = podCondition(pod.status, gate.conditionType);
  const text = condition === undefined ? 'nobody has set it' : `${condition.status}: ${condition.message ?? ''}`;
  return {
    kind: 'readiness-gate',
    summary: `readiness gate ${gate.conditionType} is not True`,
    evidence: [{ source: `condition ${gate.conditionType}`, text }],
  };
}

/** On a node, and its kubelet has not said a word. */
function unseen({ pod, node }: Observed): Cause | undefined {
  const { startTime, containerStatuses = [], initContainerStatuses = [] } = pod.status;
  if ((startTime ?? undefined) !== undefined || containerStatuses.length + initContainerStatuses.length > 0) return undefined;
  return {
    kind: 'starting',
    summary: `the kubelet of node ${node?.metadata.name ?? ''} has not begun with the pod yet`,
    evidence: conditionsOf(pod),
    ...sinceOf(podCondition(pod.status, 'PodScheduled')?.lastTransitionTime),
  };
}

function conditionsOf({ status }: Pod): readonly Evidence[] {
  const open = status.conditions?.filter((condition) => condition.status !== 'True') ?? [];
  return open.map(({ type, status: state, reason = '', message = '' }) => ({
    source: `condition ${type}`,
    text: `${reason} ${message}`.trim() || state,
  }));
}
