// pure
// Eviction thresholds: what is watched, and which are crossed.
import { thresholdAmount } from '../node/status.ts';
import { valueOf } from '../pod/amounts.ts';
import type { KubeletConfig } from '../configuration/config.ts';

/** Source: evictionapi.Signal. */
export type Signal =
  | 'memory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'pid.available';

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

/** Source: signalToNodeCondition. */
const CONDITION_OF: Readonly<Record<Signal, PressureCondition>> = {
  'memory.available': 'MemoryPressure',
  'nodefs.available': 'DiskPressure',
  'nodefs.inodesFree': 'DiskPressure',
  'imagefs.available': 'DiskPressure',
  'imagefs.inodesFree': 'DiskPressure',
  'pid.available': 'PIDPressure',
};

/** The resource that is short, as messages name it. Source: signalToResource. */
export const RESOURCE_OF: Readonly<Record<Signal, 'memory' | 'ephemeral-storage' | 'inodes' | 'pids'>> = {
  'memory.available': 'memory',
  'nodefs.available': 'ephemeral-storage',
  'nodefs.inodesFree': 'inodes',
  'imagefs.available': 'ephemeral-storage',
  'imagefs.inodesFree': 'inodes',
  'pid.available': 'pids',
};

/** Memory first: it is compressible least. Source: byEvictionPriority. */
const ORDER: readonly Signal[] = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
];

export interface Threshold {
  readonly signal: Signal;
  /** A quantity, or a share of the capacity: `10%`. */
  readonly value: string;
  /** Milliseconds it must be crossed for; 0 for a hard threshold. */
  readonly graceMs: number;
  /** What must be free beyond the threshold before it counts as no longer crossed. */
  readonly minReclaim?: string;
}

/** Available and whole amount of what a signal is about. */
export type Observations = Readonly<Partial<Record<Signal, { readonly available: number; readonly capacity: number }>>>;

export function isSignal(text: string): text is Signal {
  return Object.hasOwn(CONDITION_OF, text);
}

/** Thresholds of 0 (or 0%) and 100% are switched off. Source: ParseThresholdConfig. */
export function thresholdsOf(
  config: Pick<KubeletConfig, 'evictionHard' | 'evictionSoft' | 'evictionSoftGracePeriod' | 'evictionMinimumReclaim'>,
): readonly Threshold[] {
  const from = (table: Readonly<Record<string, string>>, grace: (signal: string) => number): readonly Threshold[] =>
    Object.entries(table).flatMap(([signal, value]) => {
      if (!isSignal(signal) || value === '0%' || value === '100%') return [];
      const minReclaim = config.evictionMinimumReclaim[signal];
      return [{ signal, value, graceMs: grace(signal), ...(minReclaim === undefined ? {} : { minReclaim }) }];
    });
  return [
    ...from(config.evictionHard, () => 0),
    ...from(config.evictionSoft, (signal) => config.evictionSoftGracePeriod[signal] ?? 0),
  ].toSorted((a, b) => ORDER.indexOf(a.signal) - ORDER.indexOf(b.signal));
}

export interface EvictionState {
  /** Since when each threshold, by its place, is crossed without a break; milliseconds. */
  readonly crossedSince: ReadonlyMap<number, number>;
  /** When each condition was last caused by a crossed threshold. */
  readonly pressedAt: ReadonlyMap<PressureCondition, number>;
}

export const CALM: EvictionState = { crossedSince: new Map(), pressedAt: new Map() };

export interface Step {
  readonly state: EvictionState;
  /** Conditions in force, those that passed a while ago included. */
  readonly conditions: readonly PressureCondition[];
  /** Thresholds that call for action now, the most urgent first. */
  readonly due: readonly Threshold[];
}

/** One look. `transitionMs`: how long a condition stays after its cause went. Source: managerImpl.synchronize. */
export function observe(
  before: EvictionState,
  thresholds: readonly Threshold[],
  observations: Observations,
  now: number,
  transitionMs: number,
): Step {
  const crossedSince = new Map<number, number>();
  const pressedAt = new Map(before.pressedAt);
  const due: Threshold[] = [];
  for (const [index, threshold] of thresholds.entries()) {
    const since = before.crossedSince.get(index);
    if (!isCrossed(threshold, observations, since !== undefined)) continue;
    crossedSince.set(index, since ?? now);
    pressedAt.set(CONDITION_OF[threshold.signal], now);
    if (now - (since ?? now) >= threshold.graceMs) due.push(threshold);
  }
  const conditions = [...pressedAt].filter(([, at]) => now - at < transitionMs || at === now).map(([condition]) => condition);
  for (const condition of pressedAt.keys()) if (!conditions.includes(condition)) pressedAt.delete(condition);
  return { state: { crossedSince, pressedAt }, conditions, due };
}

/** Once crossed, a threshold holds until the least reclaim is free on top. Source: thresholdsMet. */
function isCrossed({ signal, value, minReclaim }: Threshold, observations: Observations, held: boolean): boolean {
  const observed = observations[signal];
  if (observed === undefined) return false;
  const extra = held && minReclaim !== undefined ? amount(minReclaim, observed.capacity) : 0;
  return observed.available < thresholdAmount(value, observed.capacity) + extra;
}

/** Whether any threshold is not yet left behind by its least reclaim, whatever its grace. Source: reclaimNodeLevelResources. */
export function anyHeld(thresholds: readonly Threshold[], observations: Observations): boolean {
  return thresholds.some((threshold) => isCrossed(threshold, observations, true));
}

function amount(text: string, capacity: number): number {
  return text.endsWith('%') ? thresholdAmount(text, capacity) : valueOf(text);
}
