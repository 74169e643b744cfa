// Taints of nodes and the tolerations of pods.
import type { Taint, Toleration } from './gen/core-v1.ts';
import type { DeviceTaint, DeviceToleration } from './gen/resource-v1.ts';

/** Numeric comparison is behind a gate that is closed in v1.36. Source: Toleration.ToleratesTaint. */
export function toleratesTaint(toleration: Toleration, taint: Taint): boolean {
  if (isSet(toleration.effect) && toleration.effect !== taint.effect) return false;
  if (isSet(toleration.key) && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? '') {
    case 'Exists':
      return true;
    case '':
    case 'Equal':
      return (toleration.value ?? '') === (taint.value ?? '');
    default:
      return false;
  }
}

const isSet = (text: string | undefined): boolean => text !== undefined && text !== '';

/** The first taint, among those with one of `effects`, that no toleration covers. Source: FindMatchingUntoleratedTaint. */
export function untoleratedTaint(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  effects: readonly Taint['effect'][] = ['NoSchedule', 'NoExecute'],
): Taint | undefined {
  return taints?.find(
    (taint) => effects.includes(taint.effect) && tolerations?.some((toleration) => toleratesTaint(toleration, taint)) !== true,
  );
}

/** Taints are told apart by key and effect. Source: Taint.MatchTaint. */
export function isSameTaint(a: Pick<Taint, 'key' | 'effect'>, b: Pick<Taint, 'key' | 'effect'>): boolean {
  return a.key === b.key && a.effect === b.effect;
}

/** With `taint` in place of its like, or added; the same list when it is there already with that value. Source: AddOrUpdateTaint. */
export function withTaint(taints: readonly Taint[] | undefined, taint: Taint): readonly Taint[] {
  const before = taints ?? [];
  const index = before.findIndex((other) => isSameTaint(other, taint));
  if (index === -1) return [...before, taint];
  return (before[index]?.value ?? '') === (taint.value ?? '') ? before : before.with(index, taint);
}

/** The same list when it is not there. */
export function withoutTaint(taints: readonly Taint[] | undefined, taint: Pick<Taint, 'key' | 'effect'>): readonly Taint[] {
  const before = taints ?? [];
  return before.some((other) => isSameTaint(other, taint)) ? before.filter((other) => !isSameTaint(other, taint)) : before;
}

/** `key=value:effect`, without what is empty. Source: Taint.ToString. */
export function taintText({ key, value, effect }: { readonly key: string; readonly value?: string; readonly effect?: string }): string {
  const pair = isSet(value) ? `${key}=${value}` : key;
  if (isSet(effect)) return `${pair}:${effect}`;
  return isSet(value) ? `${pair}:` : pair;
}

/** Likewise for devices. Source: resourceclaim.ToleratesTaint. */
export function toleratesDeviceTaint(
  { key = '', operator, value = '', effect }: DeviceToleration,
  taint: Pick<DeviceTaint, 'key' | 'value' | 'effect'>,
): boolean {
  if (effect !== undefined && effect !== taint.effect) return false;
  if (key !== '' && key !== taint.key) return false;
  return operator === 'Exists' || value === (taint.value ?? '');
}
