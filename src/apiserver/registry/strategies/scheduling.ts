// PodGroups and Workloads. Source: pkg/registry/scheduling.
import type { PodGroup, PodGroupTemplate, Workload } from '#api/gen/scheduling-v1alpha2.ts';
import { METADATA_KEPT, METADATA_OF_STATUS } from '../status-metadata.ts';
import type { Strategy } from '../strategy.ts';

/**
 * Members of features that are off here: TopologyAwareWorkloadScheduling, DRAWorkloadResourceClaims, WorkloadAwarePreemption.
 * Source: dropDisabledPodGroupFields, dropDisabledWorkloadFields.
 */
const DISABLED = ['schedulingConstraints', 'resourceClaims', 'disruptionMode', 'priorityClassName', 'priority'] as const;

type Gated = Partial<Record<(typeof DISABLED)[number], unknown>>;

/** `spec` with members of disabled features that `old` does not have as they are in `cleared`, or without them. */
function enabled<T extends Gated>(spec: T, old: Gated | undefined, cleared: Gated): T {
  const drop: readonly string[] = DISABLED.filter((name) => !unset(spec[name]) && unset(old?.[name]));
  if (drop.length === 0) return spec;
  const kept = Object.entries(spec).flatMap(([name, value]) => {
    if (!drop.includes(name)) return [[name, value]];
    return Object.hasOwn(cleared, name) ? [[name, cleared[name as keyof Gated]]] : [];
  });
  return Object.fromEntries(kept) as T;
}

const unset = (value: unknown): boolean => value === undefined || value === null;

export const podGroupStrategy = {
  prepareForCreate: (group) => ({ ...group, spec: enabled(group.spec, undefined, {}) }),
  prepareForUpdate: (group, old) => ({ ...group, spec: enabled(group.spec, old.spec, {}) }),
  resetFields: METADATA_OF_STATUS,
  subresources: {
    status: {
      prepareForUpdate: (group, old) => {
        const { resourceClaimStatuses, ...status } = group.status;
        const claimed = (old.spec.resourceClaims ?? []).length > 0 && resourceClaimStatuses !== undefined;
        return { ...METADATA_KEPT.prepareForUpdate(group, old), status: { ...status, ...(claimed ? { resourceClaimStatuses } : {}) } };
      },
    },
  },
} satisfies Strategy<PodGroup>;

export const workloadStrategy = {
  prepareForCreate: (workload) => withTemplates(workload, []),
  prepareForUpdate: (workload, old) => withTemplates(workload, old.spec.podGroupTemplates),
} satisfies Strategy<Workload>;

const ALWAYS_WRITTEN = { schedulingConstraints: null };

/** A template is compared with the old one at its place. */
function withTemplates(workload: Workload, old: readonly PodGroupTemplate[]): Workload {
  const podGroupTemplates = (workload.spec.podGroupTemplates ?? []).map((template, i) => enabled(template, old[i], ALWAYS_WRITTEN));
  return { ...workload, spec: { ...workload.spec, podGroupTemplates } };
}
