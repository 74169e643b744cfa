// pure
// What the status of a DeviceTaintRule says of its evictions. Source: devicetainteviction maybeUpdateRuleStatus.
import { findCondition } from '#api/conditions.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { Condition } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';

/** Source: DeviceTaintConditionEvictionInProgress. */
const IN_PROGRESS = 'EvictionInProgress';
/** The shortest time between updates while pods go. Milliseconds. Source: ruleStatusPeriod. */
export const STATUS_PERIOD_MS = 10_000;

export interface RuleCounts {
  /** Pods that have to go for the rule; of a rule without effect, that would have to. */
  readonly pods: number;
  readonly namespaces: number;
  /** Devices that are published, and those among them that claims have; told of a rule without effect alone. */
  readonly published: number;
  readonly allocated: number;
  /** Pods that went for it since the controller started. */
  readonly evicted: number;
}

const conditionIn = ({ status }: DeviceTaintRule): Condition | undefined => findCondition(status?.conditions, IN_PROGRESS);

/** Milliseconds until the status may be written again; 0: now. */
export function statusDelay(rule: DeviceTaintRule, now: number): number {
  const known = conditionIn(rule);
  if (known === undefined || Number(known.observedGeneration ?? 0) !== Number(rule.metadata.generation ?? 0)) return 0;
  return Math.max(0, parseTime(known.lastTransitionTime ?? '') + STATUS_PERIOD_MS - now);
}

/** Undefined when the status says it already. Its time is that of the last change of any kind. */
export function nextCondition(rule: DeviceTaintRule, counts: RuleCounts): Omit<Condition, 'lastTransitionTime'> | undefined {
  const { status, reason, message } = verdict(rule, counts);
  const evicted = counts.evicted === 0 ? [] : [`${many(counts.evicted, 'pod')} evicted since starting the controller.`];
  const next = {
    type: IN_PROGRESS,
    status,
    reason,
    message: [...(message === '' ? [] : [message]), ...evicted].join(' '),
    observedGeneration: Number(rule.metadata.generation ?? 0),
  };
  const known = conditionIn(rule);
  const same =
    known !== undefined &&
    known.status === status &&
    known.reason === reason &&
    (known.message ?? '') === next.message &&
    Number(known.observedGeneration ?? 0) === next.observedGeneration;
  return same ? undefined : next;
}

function verdict(
  { spec: { taint } }: DeviceTaintRule,
  { pods, namespaces, published, allocated, evicted }: RuleCounts,
): { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string } {
  switch (taint.effect) {
    case 'NoExecute': {
      if (pods === 0) return { status: 'False', reason: evicted > 0 ? 'Completed' : 'NotStarted', message: '' };
      const message = `${many(pods, 'pod')} ${pods === 1 ? 'needs' : 'need'} to be evicted in ${many(namespaces, 'namespace', 'different namespaces')}.`;
      return { status: 'True', reason: 'PodsPendingEviction', message };
    }
    case 'None': {
      const message =
        `${many(published, 'published device')} selected. ${many(allocated, 'allocated device')} selected. ` +
        `${many(pods, 'pod')} would be evicted in ${many(namespaces, 'namespace', 'different namespaces')} if the effect was NoExecute. ` +
        'This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.';
      return { status: 'False', reason: 'NoEffect', message };
    }
    default:
      return { status: 'False', reason: 'OtherEffect', message: 'Eviction only happens for the NoExecute effect.' };
  }
}

const many = (count: number, one: string, more = `${one}s`): string => `${count} ${count === 1 ? one : more}`;
