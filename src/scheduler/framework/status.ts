// pure
// What a plugin says about a pod, or about a pod on one node. Source: kube-scheduler/framework Status.

/** `Error`: unexpected, retried soon. `Unresolvable`: not even evicting pods would help. `Pending`: go on without back-off. */
export type RejectionCode = 'Unschedulable' | 'UnschedulableAndUnresolvable';
export type Code = 'Error' | RejectionCode | 'Wait' | 'Skip' | 'Pending';

/** Anything but success, which is `undefined`. Shared by all nodes it holds for, so it is never changed. */
export interface Status {
  readonly code: Code;
  readonly reasons: readonly string[];
  /** Who says it; wakes the pod when that plugin's events come. */
  readonly plugin: string;
}

export function unschedulable(plugin: string, ...reasons: readonly string[]): Status {
  return { code: 'Unschedulable', reasons, plugin };
}

/** Evicting pods would not help either. */
export function unresolvable(plugin: string, ...reasons: readonly string[]): Status {
  return { code: 'UnschedulableAndUnresolvable', reasons, plugin };
}

/** Source: Status.IsRejected. */
export function isRejected({ code }: Pick<Status, 'code'>): boolean {
  return code === 'Unschedulable' || code === 'UnschedulableAndUnresolvable' || code === 'Pending';
}

export function statusMessage({ reasons }: Pick<Status, 'reasons'>): string {
  return reasons.join(', ');
}
