// pure
// What a Job's own rules say of failed pods and of succeeded indexes. Source: pod_failure_policy.go, success_policy.go.
import type { ContainerStatus, Job, Pod, PodFailurePolicyRule, SuccessPolicyRule } from '#api/types.ts';
import { Indexes } from './indexes.ts';

export interface FailureVerdict {
  readonly action: PodFailurePolicyRule['action'];
  /** Why the Job fails, for FailJob. */
  readonly message: string;
}

/** What the first rule that matches says; undefined when none does, and then a failure counts. Source: matchPodFailurePolicy. */
export function failureVerdict({ spec }: Job, pod: Pod): FailureVerdict | undefined {
  for (const [index, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const cause = causeOf(rule, pod);
    if (cause !== undefined) return { action: rule.action, message: `${cause} matching ${rule.action} rule at index ${index}` };
  }
  return undefined;
}

/** Whether a failed pod counts towards the limits. */
export function failureCounts(job: Job, pod: Pod): boolean {
  return failureVerdict(job, pod)?.action !== 'Ignore';
}

function causeOf({ onExitCodes, onPodConditions }: PodFailurePolicyRule, { metadata, status }: Pod): string | undefined {
  const name = `${metadata.namespace}/${metadata.name}`;
  if (onExitCodes !== undefined) {
    const matches = ({ name: container, state }: ContainerStatus): boolean => {
      const exitCode = state?.terminated?.exitCode ?? 0;
      if (exitCode === 0 || (onExitCodes.containerName ?? container) !== container) return false;
      return onExitCodes.values.includes(exitCode) === (onExitCodes.operator === 'In');
    };
    const ended = status.containerStatuses?.find(matches) ?? status.initContainerStatuses?.find(matches);
    return ended === undefined
      ? undefined
      : `Container ${ended.name} for pod ${name} failed with exit code ${ended.state?.terminated?.exitCode}`;
  }
  const condition = status.conditions?.find(({ type, status: is }) =>
    onPodConditions?.some((pattern) => pattern.type === type && pattern.status === is),
  );
  return condition === undefined ? undefined : `Pod ${name} has condition ${condition.type}`;
}

/** Which rule is met, in words; undefined when none is. Source: matchSuccessPolicy. */
export function successReached({ spec }: Job, succeeded: Indexes): string | undefined {
  if (succeeded.size === 0) return undefined;
  const met = (spec.successPolicy?.rules ?? []).findIndex((rule) => isMet(rule, succeeded, spec.completions ?? 0));
  return met === -1 ? undefined : `Matched rules at index ${met}`;
}

function isMet({ succeededIndexes, succeededCount }: SuccessPolicyRule, succeeded: Indexes, completions: number): boolean {
  if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount;
  const wanted = Indexes.parse(succeededIndexes, completions);
  if (wanted.size === 0) return false;
  return wanted.common(succeeded) >= Math.min(wanted.size, succeededCount ?? wanted.size);
}
