// pure
// How cgroups are named where systemd makes them, and their limits as properties of slices.
// Source: cm cgroup_manager_linux.go CgroupName.ToSystemd, opencontainers/cgroups systemd ExpandSlice.
import { CPU_PERIOD_US } from '../runtime/linux-resources.ts';
import { type CgroupLimits, weightOf } from '../cgroups/limits.ts';
import { type Variant, variant } from './dbus-values.ts';

const SUFFIX = '.slice';
const ROOT = `-${SUFFIX}`;

/** `/kubepods/burstable/pod12-34` as `kubepods-burstable-pod12_34.slice`; the root as `-.slice`. */
export function sliceName(name: string): string {
  const parts = name.split('/').filter((part) => part !== '');
  return parts.length === 0 ? ROOT : `${parts.map(escaped).join('-')}${SUFFIX}`;
}

/** A dash is a step down in the tree; what is a slice's name already is that of its last step. */
function escaped(part: string): string {
  if (!part.endsWith(SUFFIX)) return part.replaceAll('-', '_');
  return part.slice(0, -SUFFIX.length).split('-').at(-1) ?? '';
}

/** Where it lies below the root: `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12_34.slice`. */
export function slicePath(name: string): string {
  const slice = sliceName(name);
  if (slice === ROOT) return '/';
  const steps = slice.slice(0, -SUFFIX.length).split('-');
  return steps.map((_, i) => `/${steps.slice(0, i + 1).join('-')}${SUFFIX}`).join('');
}

/** The last part of a name, of a slice's folder: `kubepods-burstable-pod12_34.slice` as `pod12-34`. */
export function lastPart(folder: string): string {
  const step = folder.endsWith(SUFFIX) ? folder.slice(0, -SUFFIX.length).split('-').at(-1) : folder;
  return (step ?? '').replaceAll('_', '-');
}

/** Undefined for a slice at the root. */
export function parentSlice(slice: string): string | undefined {
  const steps = slice.slice(0, -SUFFIX.length).split('-');
  return steps.length < 2 ? undefined : `${steps.slice(0, -1).join('-')}${SUFFIX}`;
}

const NO_LIMIT = 2n ** 64n - 1n;
const amount = (value: number): Variant => variant('t', value < 0 ? NO_LIMIT : BigInt(value));

/** Source: opencontainers/cgroups systemd genV1ResourcesProperties, genV2ResourcesProperties. */
export function sliceProperties(limits: CgroupLimits, version: 1 | 2): readonly (readonly [string, Variant])[] {
  const { cpuShares, cpuQuota, cpuPeriod = CPU_PERIOD_US, memory, pids } = limits;
  return [
    ...(cpuShares === undefined
      ? []
      : [version === 2 ? (['CPUWeight', amount(weightOf(cpuShares))] as const) : (['CPUShares', amount(cpuShares)] as const)]),
    ...(cpuQuota === undefined
      ? []
      : [['CPUQuotaPeriodUSec', amount(cpuPeriod)] as const, ['CPUQuotaPerSecUSec', amount(perSecond(cpuQuota, cpuPeriod))] as const]),
    ...(memory === undefined ? [] : [[version === 2 ? 'MemoryMax' : 'MemoryLimit', amount(memory)] as const]),
    ...(pids === undefined ? [] : [['TasksMax', amount(pids)] as const]),
  ];
}

/** systemd keeps whole hundredths of a CPU: those that are begun count. Source: addCPUQuota. */
const perSecond = (quotaUs: number, periodUs: number): number =>
  quotaUs < 0 ? -1 : Math.ceil(Math.floor((quotaUs * 1_000_000) / periodUs) / 10_000) * 10_000;
