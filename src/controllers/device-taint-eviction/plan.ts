// pure
// How long a pod may keep a device that its driver tainted. Source: pkg/controller/devicetainteviction.
import type { DeviceTaint, DeviceToleration, ResourceClaim, ResourceSlice } from '#api/gen/resource-v1.ts';
import { toleratesDeviceTaint } from '#api/taints.ts';
import { parseTime } from '#apimachinery/time.ts';

/** `driver/pool/device`. */
export const deviceKeys = ({ spec }: ResourceSlice): readonly string[] =>
  (spec.devices ?? []).map(({ name }) => `${spec.driver}/${spec.pool.name}/${name}`);

export interface Allocated {
  readonly device: string;
  readonly tolerations: readonly DeviceToleration[];
}

export function allocatedDevices({ status }: ResourceClaim): readonly Allocated[] {
  return (status.allocation?.devices?.results ?? []).map(({ driver, pool, device, tolerations = [] }) => ({
    device: `${driver}/${pool}/${device}`,
    tolerations,
  }));
}

/** Of one device, as its slice has them. */
export function taintsOf({ spec }: ResourceSlice, device: string): readonly DeviceTaint[] {
  const name = device.slice(device.lastIndexOf('/') + 1);
  return spec.devices?.find((one) => one.name === name)?.taints ?? [];
}

/** Milliseconds since the epoch when pods must go; undefined when they may stay for good. Every NoExecute taint is to be tolerated. */
export function evictionTime(taints: readonly DeviceTaint[], tolerations: readonly DeviceToleration[], now: number): number | undefined {
  const dues = taints.flatMap((taint) => {
    if (taint.effect !== 'NoExecute') return [];
    const since = taint.timeAdded === undefined || taint.timeAdded === null ? now : parseTime(taint.timeAdded);
    const limits = tolerations
      .filter((one) => toleratesDeviceTaint(one, taint))
      .map(({ tolerationSeconds }) => Number(tolerationSeconds ?? Infinity));
    if (limits.length === 0) return [since];
    const limit = Math.min(...limits);
    return limit === Infinity ? [] : [since + Math.max(0, limit) * 1000];
  });
  return dues.length === 0 ? undefined : Math.min(...dues);
}
