// pure
// Whether a volume is to be grown on this node, and what its claim is told of it. Source: operation_generator.go
// nodeExpandVolume, checkForRecoveryFromExpansion; node_expander.go runPreCheck; pkg/volume/util/resize_util.go.
import { parseQuantity } from '#apimachinery/quantity.ts';
import type { PersistentVolume, PersistentVolumeClaim, PersistentVolumeClaimCondition } from '#api/types.ts';
import type { CriCode } from '#cri/errors.ts';

export interface GrowthFacts {
  readonly volume: PersistentVolume;
  readonly claim: PersistentVolumeClaim;
  /** What the node grew it to last; undefined: what the claim says. */
  readonly known: string | undefined;
  readonly readOnly: boolean;
}

export type GrowthPlan =
  | { readonly kind: 'none' }
  /** It ought to grow, and must not be written. */
  | { readonly kind: 'read-only' }
  /** `claim`: whether it says how far this is, only what it has in the end, or everything already. */
  | { readonly kind: 'grow'; readonly to: string; readonly claim: 'progress' | 'result' | 'nothing' };

export function planGrowth({ volume, claim, known, readOnly }: GrowthFacts): GrowthPlan {
  const to = volume.spec.capacity?.['storage'];
  const has = claim.status.capacity?.['storage'];
  if (to === undefined || has === undefined || !isLess(known ?? has, to)) return { kind: 'none' };
  if (readOnly) return { kind: 'read-only' };
  const status = claim.status.allocatedResourceStatuses?.['storage'];
  if (status === undefined && claim.status.allocatedResources === undefined)
    return { kind: 'grow', to, claim: isLess(has, to) ? 'result' : 'nothing' };
  if (status === undefined && !isLess(has, to)) return { kind: 'grow', to, claim: 'nothing' };
  return status === 'NodeResizePending' || status === 'NodeResizeInProgress' ? { kind: 'grow', to, claim: 'progress' } : { kind: 'none' };
}

export const isLess = (a: string, b: string): boolean => parseQuantity(a).cmp(parseQuantity(b)) < 0;

/** The driver is done with the call, and did not do it. Source: csi_client.go isFinalError. */
export const isFinal = (code: CriCode): boolean =>
  !['Canceled', 'DeadlineExceeded', 'Unavailable', 'ResourceExhausted', 'Aborted'].includes(code);

/** Trying again cannot mend it. Source: csi_client.go isInfeasibleError. */
export const isInfeasible = (code: CriCode): boolean => ['InvalidArgument', 'OutOfRange', 'NotFound'].includes(code);

type Conditions = readonly PersistentVolumeClaimCondition[];

const RESIZING: ReadonlySet<string> = new Set(['FileSystemResizePending', 'Resizing', 'ControllerResizeError', 'NodeResizeError']);

/** Merge patches of a claim's status. A list is replaced as a whole. */
export const inProgress = (): object => ({ allocatedResourceStatuses: { storage: 'NodeResizeInProgress' } });

export const grown = ({ status }: PersistentVolumeClaim, to: string): object => ({
  capacity: { storage: to },
  allocatedResourceStatuses: { storage: null },
  conditions: (status.conditions ?? []).filter(({ type }) => !RESIZING.has(type)),
});

/** @param time RFC 3339 */
export function notGrown({ status }: PersistentVolumeClaim, why: string, infeasible: boolean, time: string): object {
  const condition = { type: 'NodeResizeError', status: 'True', lastTransitionTime: time, message: `failed to expand pvc with ${why}` };
  const others: Conditions = (status.conditions ?? []).filter(({ type }) => type !== condition.type);
  return {
    conditions: [...others, condition],
    ...(infeasible ? { allocatedResourceStatuses: { storage: 'NodeResizeInfeasible' } } : {}),
  };
}
