// Whether a copy of a component works, as its flags want it, and what its health says of that.
import { formatDuration } from '#apimachinery/duration.ts';
import { LeaderMetrics } from '#client/leader-election/leader-metrics.ts';
import type { ElectionTimes, LeaderElector } from '#client/leader-election/leader-elector.ts';
import { CommandError } from '../commands/command-error.ts';
import type { Election } from '../node/deciders.ts';
import type { Flags } from './flags.ts';

/** A leader whose Lease ran out longer ago hangs. Milliseconds. Source: NewLeaderHealthzAdaptor in kube-controller-manager. */
const TOLERATED_MS = 20_000;

export interface ComponentElection {
  /** Absent without election. */
  readonly election?: Election;
  readonly healthy: () => boolean;
  readonly expose: () => string;
}

/** What the flags say of it, in the names of LeaderElectionConfiguration. */
export function electionSettings(flags: Flags): Readonly<Record<string, unknown>> {
  const time = (name: string): string => formatDuration(flags.duration(`leader-elect-${name}`));
  return {
    leaderElect: flags.isSet('leader-elect'),
    leaseDuration: time('lease-duration'),
    renewDeadline: time('renew-deadline'),
    retryPeriod: time('retry-period'),
    resourceLock: 'leases',
    resourceName: flags.text('leader-elect-resource-name'),
    resourceNamespace: flags.text('leader-elect-resource-namespace'),
  };
}

/** @throws CommandError for times that leave no room for a retry */
export function electionOf(flags: Flags): ComponentElection {
  const metrics = new LeaderMetrics();
  if (!flags.isSet('leader-elect')) return { healthy: () => true, expose: () => metrics.expose() };
  const times: ElectionTimes = {
    leaseDurationMs: flags.duration('leader-elect-lease-duration'),
    renewDeadlineMs: flags.duration('leader-elect-renew-deadline'),
    retryPeriodMs: flags.duration('leader-elect-retry-period'),
  };
  const { leaseDurationMs, renewDeadlineMs, retryPeriodMs } = times;
  if (leaseDurationMs <= renewDeadlineMs)
    throw new CommandError('--leader-elect-lease-duration must be greater than --leader-elect-renew-deadline');
  if (renewDeadlineMs <= retryPeriodMs * 1.2)
    throw new CommandError('--leader-elect-renew-deadline must be greater than 1.2 times --leader-elect-retry-period');
  let elector: LeaderElector | undefined;
  return {
    election: {
      times,
      name: flags.text('leader-elect-resource-name'),
      namespace: flags.text('leader-elect-resource-namespace'),
      metrics,
      started: (each) => {
        elector = each;
      },
    },
    healthy: () => elector?.healthy(TOLERATED_MS) ?? true,
    expose: () => metrics.expose(),
  };
}
