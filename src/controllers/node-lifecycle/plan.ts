// pure
// What a node's conditions mean for pods: its taints; and when silence means that it is gone.
// Source: nodelifecycle node_lifecycle_controller.go.
import { findCondition, setCondition } from '#api/conditions.ts';
import { isNodeReady } from '#api/nodes.ts';
import type { Node, NodeCondition, Taint } from '#api/types.ts';
import { LABEL, TAINT } from '#api/well-known.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { NodeTuning } from '../runtime/tuning.ts';

/** Condition, the status of it that taints, and the taint. Source: nodeConditionToTaintKeyStatusMap. */
const NO_SCHEDULE: readonly (readonly [condition: NodeCondition['type'], status: string, key: string])[] = [
  ['Ready', 'False', TAINT.notReady],
  ['Ready', 'Unknown', TAINT.unreachable],
  ['MemoryPressure', 'True', TAINT.memoryPressure],
  ['DiskPressure', 'True', TAINT.diskPressure],
  ['PIDPressure', 'True', TAINT.pidPressure],
  ['NetworkUnavailable', 'True', TAINT.networkUnavailable],
];
const MANAGED: Readonly<Partial<Record<Taint['effect'], ReadonlySet<string>>>> = {
  NoSchedule: new Set([...NO_SCHEDULE.map(([, , key]) => key), TAINT.unschedulable]),
  NoExecute: new Set([TAINT.notReady, TAINT.unreachable]),
};

/** Whether pods may be driven off a node now: bounded for each zone; `take-back` when no node of the cluster is well. */
export type Eviction = 'allowed' | 'not-now' | 'take-back';

const evicts = ({ key, effect }: Taint): boolean => effect === 'NoExecute' && MANAGED.NoExecute?.has(key) === true;

/** Whether the node's pods are to be driven off and are not yet. */
export const awaitsEviction = (node: Node): boolean =>
  findCondition(node.status.conditions, 'Ready') !== undefined && !isNodeReady(node) && node.spec.taints?.some(evicts) !== true;

/**
 * The node's taints as its conditions want them; the same list when nothing changes. Others' taints stay as they are.
 * A node whose pods are being driven off already may change from not ready to unreachable at any time.
 */
export function plannedTaints(node: Node, now: number, eviction: Eviction = 'allowed'): readonly Taint[] {
  const present = node.spec.taints ?? [];
  const statusOf = (type: string): string | undefined => findCondition(node.status.conditions, type)?.status;
  const wanted: Taint[] = NO_SCHEDULE.filter(([type, status]) => statusOf(type) === status).map(([, , key]) => ({
    key,
    effect: 'NoSchedule',
  }));
  if (node.spec.unschedulable === true) wanted.push({ key: TAINT.unschedulable, effect: 'NoSchedule' });
  const ready = eviction === 'take-back' || (eviction === 'not-now' && awaitsEviction(node)) ? undefined : statusOf('Ready');
  if (ready === 'False') wanted.push({ key: TAINT.notReady, effect: 'NoExecute', timeAdded: formatTime(now) });
  if (ready === 'Unknown') wanted.push({ key: TAINT.unreachable, effect: 'NoExecute', timeAdded: formatTime(now) });

  const same = (a: Taint, b: Taint): boolean => a.key === b.key && a.effect === b.effect;
  const managed = ({ key, effect }: Taint): boolean => MANAGED[effect]?.has(key) === true;
  const kept = present.filter((taint) => !managed(taint) || wanted.some((want) => same(want, taint)));
  const added = wanted.filter((want) => !present.some((taint) => same(want, taint)));
  return added.length === 0 && kept.length === present.length ? present : [...kept, ...added];
}

/** Milliseconds of silence after which nobody knows how the node is; more before its kubelet has said anything. */
export const graceOf = ({ status }: Node, { startupGraceMs, monitorGraceMs }: NodeTuning): number =>
  findCondition(status.conditions, 'Ready') === undefined ? startupGraceMs : monitorGraceMs;

const REPORTED: readonly NodeCondition['type'][] = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];

/** The conditions of a node that was not heard of for too long. */
export function unknownConditions({ metadata, status }: Node, now: number): readonly NodeCondition[] {
  return REPORTED.reduce<readonly NodeCondition[]>((conditions, type) => {
    const known = findCondition(conditions, type);
    if (known?.status === 'Unknown') return conditions;
    return setCondition(
      conditions,
      {
        type,
        status: 'Unknown',
        reason: known === undefined ? 'NodeStatusNeverUpdated' : 'NodeStatusUnknown',
        message: known === undefined ? 'Kubelet never posted node status.' : 'Kubelet stopped posting node status.',
        lastHeartbeatTime: known === undefined ? metadata.creationTimestamp : known.lastHeartbeatTime,
        lastTransitionTime: null,
      },
      now,
    );
  }, status.conditions ?? []);
}

/** Labels, and those of old that say the same. Source: labelReconcileInfo. */
const DOUBLED: readonly (readonly [label: string, old: string])[] = [
  [LABEL.os, 'beta.kubernetes.io/os'],
  [LABEL.arch, 'beta.kubernetes.io/arch'],
];

/** The labels of old that the node lacks or that say something else; undefined when there are none. Source: reconcileNodeLabels. */
export function staleLabels({ metadata: { labels = {} } }: Node): Readonly<Record<string, string>> | undefined {
  const stale = DOUBLED.flatMap(([label, old]) => {
    const value = labels[label];
    return value === undefined || labels[old] === value ? [] : [[old, value] as const];
  });
  return stale.length === 0 ? undefined : Object.fromEntries(stale);
}
