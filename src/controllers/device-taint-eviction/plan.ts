// pure
// When a pod has to leave because a device it uses is tainted. Source: pkg/controller/devicetainteviction claimEvictionTime,
// podEvictionTime.
import { type DeviceName, isForDevice } from '#api/device-taint-rules.ts';
import { newestSlices } from '#api/resource-slices.ts';
import type { DeviceTaint, DeviceToleration, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import { toleratesDeviceTaint } from '#api/taints.ts';
import type { Pod } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';
import { claimNameOf, isMadeFor } from '../resource-claim/plan.ts';

export interface Eviction {
  /** Milliseconds since the epoch. */
  readonly due: number;
  /** Uids of the rules among its reasons, each once. */
  readonly rules: readonly string[];
}

export interface Devices {
  /** Slices that publish a pool, `driver/pool`, of all generations. */
  slicesOf(pool: string): readonly ResourceSlice[];
  /** Those that taint devices; what their effect is does not matter. */
  rules(): Iterable<DeviceTaintRule>;
}

type Taint = DeviceTaint | DeviceTaintRule['spec']['taint'];

/** `driver/pool`. */
export const poolOf = ({ spec }: ResourceSlice): string => `${spec.driver}/${spec.pool.name}`;

export const devicesOf = ({ status }: ResourceClaim): readonly DeviceName[] => status.allocation?.devices?.results ?? [];

/** Undefined: its devices may be kept for good. */
export function claimEviction({ status }: ResourceClaim, { slicesOf, rules }: Devices, now: number): Eviction | undefined {
  const dues: number[] = [];
  const reasons = new Set<string>();
  for (const { tolerations = [], ...name } of status.allocation?.devices?.results ?? []) {
    for (const taint of taintsOf(name, slicesOf)) {
      const due = dueOf(taint, tolerations, now);
      if (due !== undefined) dues.push(due);
    }
    for (const rule of rules()) {
      const due = isForDevice(rule, name) ? dueOf(rule.spec.taint, tolerations, now) : undefined;
      if (due === undefined) continue;
      dues.push(due);
      reasons.add(rule.metadata.uid ?? '');
    }
  }
  return dues.length === 0 ? undefined : { due: Math.min(...dues), rules: [...reasons] };
}

function taintsOf({ driver, pool, device }: DeviceName, slicesOf: Devices['slicesOf']): readonly Taint[] {
  return newestSlices(slicesOf(`${driver}/${pool}`)).flatMap(({ spec }) => spec.devices?.find(({ name }) => name === device)?.taints ?? []);
}

/** A toleration counts only when it names the effect. */
function dueOf(taint: Taint, tolerations: readonly DeviceToleration[], now: number): number | undefined {
  if (taint.effect !== 'NoExecute') return undefined;
  const since = taint.timeAdded === undefined || taint.timeAdded === null ? now : parseTime(taint.timeAdded);
  const limits = tolerations
    .filter((one) => one.effect === 'NoExecute' && toleratesDeviceTaint(one, taint))
    .map(({ tolerationSeconds }) => Number(tolerationSeconds ?? Infinity));
  if (limits.includes(Infinity)) return undefined;
  return since + Math.max(0, ...(limits.length === 0 ? [] : [Math.min(...limits)])) * 1000;
}

/**
 * `claimOf` finds one by name in the pod's namespace. A pod without a node has no devices yet, and of claims only those that are
 * the pod's own and reserved for it count.
 */
export function podEviction(
  pod: Pod,
  claimOf: (name: string) => ResourceClaim | undefined,
  devices: Devices,
  now: number,
): Eviction | undefined {
  if ((pod.spec.nodeName ?? '') === '') return undefined;
  const found = (pod.spec.resourceClaims ?? []).flatMap((entry) => {
    const claim = claimOf(claimNameOf(pod, entry) ?? '');
    if (claim === undefined || (entry.resourceClaimTemplateName !== undefined && !isMadeFor(claim, pod))) return [];
    if (claim.status.reservedFor?.some(({ uid }) => uid === pod.metadata.uid) !== true) return [];
    return claimEviction(claim, devices, now) ?? [];
  });
  if (found.length === 0) return undefined;
  return { due: Math.min(...found.map(({ due }) => due)), rules: [...new Set(found.flatMap(({ rules }) => rules))] };
}
