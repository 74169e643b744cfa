// Pods: what state the containers add up to. Source: printers.go printPod.
import { isPodPhaseTerminal, isPodReady, isSidecar, podCondition } from '#api/pods.ts';
import type { Container, ContainerStateTerminated, ContainerStatus, Pod } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';
import { humanDuration } from '#apimachinery/duration.ts';
import { age } from '../negotiation/table.ts';
import { NONE } from './cells.ts';
import { AGE_COLUMN, NAME_COLUMN } from './columns.ts';
import type { TableColumn, TablePrinter, TableRowCondition } from './contract.ts';

const column = (name: string, description: string, priority = 0): TableColumn => ({
  name,
  type: 'string',
  format: '',
  description,
  priority,
});

export const pods: TablePrinter<Pod> = {
  columns: [
    NAME_COLUMN,
    column('Ready', 'Containers that are ready, of all that keep running.'),
    column('Status', 'What the states of the containers add up to.'),
    column('Restarts', 'How often containers of the pod were restarted, and when last.'),
    AGE_COLUMN,
    column('IP', 'First address of the pod.', 1),
    column('Node', 'Node the pod runs on or is to run on.', 1),
    column('Nominated Node', 'Node on which room is being made for the pod.', 1),
    column('Readiness Gates', 'Readiness gates whose condition is true, of all.', 1),
  ],
  rows: (pod, { now }) => {
    const { ready, total, reason, restarts, lastRestart } = podSummary(pod);
    const ago = restarts !== 0 && lastRestart !== undefined ? ` (${humanDuration(now - lastRestart)} ago)` : '';
    const cells = [
      pod.metadata.name,
      `${ready}/${total}`,
      reason,
      `${restarts}${ago}`,
      age(pod.metadata.creationTimestamp, now),
      pod.status.podIPs?.[0]?.ip || NONE,
      pod.spec.nodeName || NONE,
      pod.status.nominatedNodeName || NONE,
      readinessGates(pod),
    ];
    const condition = FINISHED[pod.status.phase];
    return [condition === undefined ? { cells } : { cells, conditions: [condition] }];
  },
};

const FINISHED: Readonly<Record<string, TableRowCondition>> = {
  Succeeded: { type: 'Completed', status: 'True', reason: 'Succeeded', message: 'The pod has completed successfully.' },
  Failed: { type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' },
};

export interface PodSummary {
  readonly ready: number;
  readonly total: number;
  /** `Running`, `Init:0/1`, `CrashLoopBackOff`, `Terminating`, … */
  readonly reason: string;
  readonly restarts: number;
  /** Milliseconds since the epoch; undefined for never. */
  readonly lastRestart: number | undefined;
}

/** Restarts and the latest end of a container that was restarted. */
interface Restarts {
  readonly count: number;
  readonly last: number | undefined;
}

const NO_RESTARTS: Restarts = { count: 0, last: undefined };

/** Source: printPod. Before initialisation is done init containers speak, afterwards the containers. */
export function podSummary(pod: Pod): PodSummary {
  const init = initSummary(pod);
  const started = init.reason === undefined || podCondition(pod.status, 'Initialized')?.status === 'True';
  const main = started ? mainSummary(pod, init.reason ?? phaseReason(pod)) : undefined;
  const restarts = main === undefined ? init.restarts : addRestarts(init.sidecarRestarts, main.restarts);
  return {
    ready: init.ready + (main?.ready ?? 0),
    total: pod.spec.containers.length + init.sidecars,
    reason: deletionReason(pod) ?? main?.reason ?? init.reason ?? phaseReason(pod),
    restarts: restarts.count,
    lastRestart: restarts.last,
  };
}

function phaseReason({ status }: Pod): string {
  const gated = status.conditions?.some(({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated');
  return gated === true ? 'SchedulingGated' : status.reason || status.phase;
}

/** Source: node.NodeUnreachablePodReason: the node controller lost the node. */
const NODE_LOST = 'NodeLost';

function deletionReason({ metadata, status }: Pod): string | undefined {
  if (metadata.deletionTimestamp === undefined) return undefined;
  if (status.reason === NODE_LOST) return 'Unknown';
  return isPodPhaseTerminal(status.phase) ? undefined : 'Terminating';
}

interface InitSummary {
  /** Where initialisation stands; undefined when it is done or has not begun. */
  readonly reason: string | undefined;
  /** Sidecars that are ready, as far as initialisation has come. */
  readonly ready: number;
  readonly sidecars: number;
  readonly restarts: Restarts;
  readonly sidecarRestarts: Restarts;
}

function initSummary({ spec, status }: Pod): InitSummary {
  const containers = new Map<string, Container>((spec.initContainers ?? []).map((one) => [one.name, one]));
  const sidecars = [...containers.values()].filter(isSidecar).length;
  let [ready, restarts, sidecarRestarts] = [0, NO_RESTARTS, NO_RESTARTS];
  for (const [index, container] of (status.initContainerStatuses ?? []).entries()) {
    const spec = containers.get(container.name);
    const sidecar = spec !== undefined && isSidecar(spec);
    restarts = addRestarts(restarts, restartsOf(container));
    if (sidecar) sidecarRestarts = addRestarts(sidecarRestarts, restartsOf(container));
    if (container.state?.terminated?.exitCode === 0) continue;
    if (sidecar && container.started === true) {
      if (container.ready) ready++;
      continue;
    }
    return { reason: initReason(container, index, containers.size), ready, sidecars, restarts, sidecarRestarts };
  }
  return { reason: undefined, ready, sidecars, restarts, sidecarRestarts };
}

function initReason({ state }: ContainerStatus, index: number, total: number): string {
  if (state?.terminated !== undefined) return `Init:${endReason(state.terminated)}`;
  const waiting = state?.waiting?.reason ?? '';
  return waiting !== '' && waiting !== 'PodInitializing' ? `Init:${waiting}` : `Init:${index}/${total}`;
}

const endReason = ({ reason, signal, exitCode }: ContainerStateTerminated): string => {
  if (reason !== undefined && reason !== '') return reason;
  return signal === undefined || signal === 0 ? `ExitCode:${exitCode}` : `Signal:${signal}`;
};

function mainSummary(pod: Pod, before: string): { readonly reason: string; readonly ready: number; readonly restarts: Restarts } {
  let [reason, ready, restarts] = [before, 0, NO_RESTARTS];
  // From the last to the first: the first one with something to say has the word.
  for (const container of (pod.status.containerStatuses ?? []).toReversed()) {
    restarts = addRestarts(restarts, restartsOf(container));
    const { waiting, terminated, running } = container.state ?? {};
    if (waiting?.reason !== undefined && waiting.reason !== '') reason = waiting.reason;
    else if (terminated !== undefined) reason = endReason(terminated);
    else if (container.ready && running !== undefined) ready++;
  }
  if (reason === 'Completed' && ready > 0) reason = isPodReady(pod) ? 'Running' : 'NotReady';
  return { reason, ready, restarts };
}

function restartsOf({ restartCount, lastState }: ContainerStatus): Restarts {
  const finished = lastState?.terminated?.finishedAt ?? undefined;
  return { count: restartCount, last: finished === undefined ? undefined : parseTime(finished) };
}

function addRestarts(a: Restarts, b: Restarts): Restarts {
  const last = a.last === undefined || b.last === undefined ? (a.last ?? b.last) : Math.max(a.last, b.last);
  return { count: a.count + b.count, last };
}

function readinessGates({ spec, status }: Pod): string {
  const gates = spec.readinessGates ?? [];
  if (gates.length === 0) return NONE;
  const open = gates.filter(({ conditionType }) => podCondition(status, conditionType)?.status === 'True');
  return `${open.length}/${gates.length}`;
}
