// Checks how the scheduler is to be elected; the election itself is the composition root's. Source: component-base
// config/validation, config/v1alpha1 RecommendedDefaultLeaderElectionConfiguration, apis/config/validation.
import type { Reader } from '#apimachinery/configuration-reader.ts';
import { invalid } from '#apimachinery/field-errors.ts';

const LEASES = 'leases';
const [LEASE_MS, RENEW_MS, RETRY_MS] = [15_000, 10_000, 2000];

export function checkLeaderElection(election: Reader): void {
  election.object('leaderElect', 'leaseDuration', 'renewDeadline', 'retryPeriod', 'resourceLock', 'resourceName', 'resourceNamespace');
  const [lease, renew, retry] = [election.field('leaseDuration'), election.field('renewDeadline'), election.field('retryPeriod')];
  const [leaseMs, renewMs, retryMs] = [durationOf(lease, LEASE_MS), durationOf(renew, RENEW_MS), durationOf(retry, RETRY_MS)];
  if (!election.field('leaderElect').flag(true)) return;
  for (const [field, ms] of [
    [lease, leaseMs],
    [renew, renewMs],
    [retry, retryMs],
  ] as const) {
    if (ms <= 0) field.fault(invalid(field.at, field.value, 'must be greater than zero'));
  }
  if (leaseMs < renewMs) lease.fault(invalid(lease.at, renew.value ?? '10s', 'LeaseDuration must be greater than RenewDeadline'));
  const lock = election.field('resourceLock');
  for (const name of ['resourceName', 'resourceNamespace']) election.field(name).text('');
  if (!['', LEASES].includes(lock.text(''))) lock.fault(invalid(lock.at, lock.value, 'resourceLock value must be "leases"'));
}

/** 0 stands for the default. */
function durationOf(field: Reader, fallback: number): number {
  const ms = field.duration(fallback);
  return ms === 0 ? fallback : ms;
}
