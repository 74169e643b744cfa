// pure
// Which pods end when, where the machine is about to: by priority, the lowest first. Source: pkg/kubelet/nodeshutdown podManager.
import { SYSTEM_CRITICAL_PRIORITY } from '#api/pods.ts';
import type { Pod } from '#api/types.ts';
import type { KubeletConfig, ShutdownGracePeriodByPodPriority } from '../configuration/config.ts';

type Settings = Pick<KubeletConfig, 'shutdownGracePeriod' | 'shutdownGracePeriodCriticalPods' | 'shutdownGracePeriodByPodPriority'>;

/** By rising priority; empty where pods get no time. Source: migrateConfig. */
export function shutdownPeriods(settings: Settings): readonly ShutdownGracePeriodByPodPriority[] {
  const { shutdownGracePeriod: whole, shutdownGracePeriodCriticalPods: critical, shutdownGracePeriodByPodPriority: given } = settings;
  if (given.length > 0) return given.toSorted((a, b) => a.priority - b.priority);
  if (whole === 0 || critical > whole) return [];
  return [
    { priority: 0, shutdownGracePeriodSeconds: Math.floor((whole - critical) / 1000) },
    { priority: SYSTEM_CRITICAL_PRIORITY, shutdownGracePeriodSeconds: Math.floor(critical / 1000) },
  ];
}

/** Milliseconds that all of it may take. */
export const totalPeriod = (periods: readonly ShutdownGracePeriodByPodPriority[]): number =>
  periods.reduce((sum, { shutdownGracePeriodSeconds }) => sum + shutdownGracePeriodSeconds * 1000, 0);

export interface ShutdownGroup {
  readonly priority: number;
  readonly graceSeconds: number;
  readonly pods: readonly Pod[];
}

/** A pod is of the group with the highest priority that is not above its own; below all of them, of the lowest. Groups without pods are left out. */
export function shutdownGroups(periods: readonly ShutdownGracePeriodByPodPriority[], pods: readonly Pod[]): readonly ShutdownGroup[] {
  const groupOf = ({ spec }: Pod): number =>
    Math.max(
      0,
      periods.findLastIndex(({ priority }) => priority <= (spec.priority ?? 0)),
    );
  return periods
    .map(({ priority, shutdownGracePeriodSeconds: graceSeconds }, i) => ({
      priority,
      graceSeconds,
      pods: pods.filter((pod) => groupOf(pod) === i),
    }))
    .filter((group) => group.pods.length > 0);
}
