// pure
// Devices that their driver makes ready after they were allocated: a pod is bound when they are. Source: dynamicresources.go
// isClaimReadyForBinding, isClaimTimeout.
import { goQuote } from '#apimachinery/go-format.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { ResourceClaim } from '#api/gen/resource-v1.ts';
import { findCondition } from '#api/conditions.ts';

export type Readiness =
  | { readonly kind: 'ready' }
  | { readonly kind: 'waiting' }
  /** The driver has given up. */
  | { readonly kind: 'failed'; readonly message: string };

/** Of a claim that has no allocation: waiting. */
export function readinessOf({ metadata, status }: ResourceClaim): Readiness {
  if (status?.allocation === undefined) return { kind: 'waiting' };
  for (const { driver, pool, device, bindingConditions = [], bindingFailureConditions = [] } of status.allocation.devices.results ?? []) {
    if (bindingConditions.length === 0) continue;
    const told = status.devices?.find((each) => each.device === device && each.driver === driver && each.pool === pool);
    if (told === undefined) return { kind: 'waiting' };
    const conditionOf = (type: string) => findCondition(told.conditions, type);
    const failure = bindingFailureConditions.map(conditionOf).find((condition) => condition?.status === 'True');
    if (failure !== undefined) {
      const { reason, message } = failure;
      return { kind: 'failed', message: `claim ${metadata.name} binding failed: reason=${reason}, message=${goQuote(message)}` };
    }
    if (bindingConditions.some((type) => conditionOf(type)?.status !== 'True')) return { kind: 'waiting' };
  }
  return { kind: 'ready' };
}

export function hasBindingConditions({ status }: ResourceClaim): boolean {
  return (status?.allocation?.devices.results ?? []).some(({ bindingConditions = [] }) => bindingConditions.length > 0);
}

/** Milliseconds since the epoch when waiting ends; undefined for a claim that nobody waits for. */
export function bindingDeadline(claim: ResourceClaim, timeoutMs: number): number | undefined {
  const since = claim.status?.allocation?.allocationTimestamp;
  return since === undefined || since === null || !hasBindingConditions(claim) ? undefined : parseTime(since) + timeoutMs;
}

/** Whether pods may go on waiting for its devices, or have them. Another allocation is better otherwise. */
export function isHopeful(claim: ResourceClaim, now: number, timeoutMs: number): boolean {
  const { kind } = readinessOf(claim);
  return kind === 'ready' || (kind === 'waiting' && now <= (bindingDeadline(claim, timeoutMs) ?? Infinity));
}
