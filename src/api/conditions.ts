// Conditions, whatever kind they belong to: all have a type, a status and mostly the time the status last changed.
import type { Int64 } from './gen/scalars.ts';
import { formatTime } from '#apimachinery/time.ts';

export interface AnyCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string | undefined;
  readonly message?: string | undefined;
  readonly lastTransitionTime?: string | null | undefined;
  readonly observedGeneration?: Int64 | undefined;
}

export function findCondition<T extends AnyCondition>(conditions: readonly T[] | null | undefined, type: string): T | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** What a condition or status says of the generation it was made for: nothing where there is none. */
export const observed = (generation: Int64 | undefined): { readonly observedGeneration?: Int64 } =>
  generation === undefined ? {} : { observedGeneration: generation };

export function isConditionTrue(conditions: readonly AnyCondition[] | null | undefined, type: string): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * `conditions` with `condition` in place of the one of its type, or added at the end; the same list when nothing
 * changes. A condition whose status stays keeps its time, another gets the time it brings or else `now` (milliseconds
 * since the epoch). Source: meta.SetStatusCondition.
 */
export function setCondition<T extends AnyCondition>(conditions: readonly T[] | null | undefined, condition: T, now: number): readonly T[] {
  const before = conditions ?? [];
  const index = before.findIndex(({ type }) => type === condition.type);
  const old = before[index];
  const time = old?.status === condition.status ? old.lastTransitionTime : (condition.lastTransitionTime ?? formatTime(now));
  const next = time === undefined ? condition : { ...condition, lastTransitionTime: time };
  if (old === undefined) return [...before, next];
  return isSame(old, next) ? before : before.with(index, next);
}

/** The same list when there is none of that type. */
export function removeCondition<T extends AnyCondition>(conditions: readonly T[], type: string): readonly T[] {
  return conditions.some((condition) => condition.type === type) ? conditions.filter((condition) => condition.type !== type) : conditions;
}

/** Whether both say the same in the same order: a null or absent member is the same to the API, and so is the order of members. */
export function sameConditions(a: readonly AnyCondition[] | null | undefined, b: readonly AnyCondition[] | null | undefined): boolean {
  const [left, right] = [a ?? [], b ?? []];
  return left.length === right.length && left.every((condition, i) => isSame(condition, right[i] as AnyCondition));
}

function isSame(a: object, b: object): boolean {
  const member = (condition: object, key: string): unknown => (condition as Record<string, unknown>)[key] ?? undefined;
  return [a, b].every((each) => Object.keys(each).every((key) => member(a, key) === member(b, key)));
}
