// pure
// Which devices an administrator's DeviceTaintRule taints. Source: dynamic-resource-allocation resourceslice/tracker,
// devicetainteviction ruleMatchesDevice.
import type { DeviceTaint, ResourceSlice } from './gen/resource-v1.ts';
import type { DeviceTaintRule } from './gen/resource-v1beta2.ts';

/** By name, as claims and slices have it. */
export interface DeviceName {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
}

/** A rule without a selector is for no device; what its selector leaves out may be any. */
export function isForDevice({ spec: { deviceSelector } }: Pick<DeviceTaintRule, 'spec'>, name: DeviceName): boolean {
  if (deviceSelector === undefined) return false;
  const { driver = name.driver, pool = name.pool, device = name.device } = deviceSelector;
  return driver === name.driver && pool === name.pool && device === name.device;
}

/** The slice as it is with the taints that rules put on its devices; the same object when they put none. Source: tracker applyPatches. */
export function withRuleTaints(slice: ResourceSlice, rules: readonly DeviceTaintRule[]): ResourceSlice {
  const { driver, pool, devices = [] } = slice.spec;
  let changed = false;
  const tainted = devices.map((device) => {
    const added: DeviceTaint[] = [];
    for (const rule of rules)
      if (isForDevice(rule, { driver, pool: pool.name, device: device.name })) added.push(rule.spec.taint as DeviceTaint);
    if (added.length === 0) return device;
    changed = true;
    return { ...device, taints: [...(device.taints ?? []), ...added] };
  });
  return changed ? { ...slice, spec: { ...slice.spec, devices: tainted } } : slice;
}
