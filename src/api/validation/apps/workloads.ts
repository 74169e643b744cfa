// What the workload kinds share: selector against template, restart policy, counts in a status.
// Source: apps validation.go ValidatePodTemplateSpecForReplicaSet and its kin.
import type { PodTemplateSpec } from '../../gen/core-v1.ts';
import type { LabelSelector } from '../../gen/meta-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { SelectorError } from '#apimachinery/label-requirement.ts';
import { selectorFromObject, type LabelSelector as Selector } from '#apimachinery/labels.ts';
import { percent } from '#apimachinery/names.ts';
import { validatePodTemplate } from '../core/pod-spec.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import type { Problems } from '../problems.ts';

/** The compiled selector; undefined where it is not one. */
export function compiled(selector: LabelSelector | null | undefined): Selector | undefined {
  try {
    return selectorFromObject(selector);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}

/** `noun`: how upstream calls the workload in its message. */
export function validateWorkloadSelector(out: Problems, at: Path, selector: LabelSelector | null | undefined, noun: string): void {
  if (selector === undefined || selector === null) return out.required(at);
  validateLabelSelector(out, at, selector);
  if (isEmpty(selector)) out.invalid(at, selector, `empty selector is invalid for ${noun}`);
}

export const isEmpty = (selector: LabelSelector): boolean =>
  Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0;

export function validateTemplateLabels(out: Problems, at: Path, template: PodTemplateSpec, selector: Selector): void {
  if (!selector.empty && !selector.matches(template.metadata?.labels)) {
    out.invalid(at.child('metadata', 'labels'), template.metadata?.labels ?? null, '`selector` does not match template `labels`');
  }
}

/** Pods of these workloads run for ever. `noun` as above. */
export function validateAlwaysRuns(out: Problems, at: Path, { spec }: PodTemplateSpec, noun: string): void {
  if (spec.restartPolicy !== 'Always') out.notSupported(at.child('spec', 'restartPolicy'), spec.restartPolicy ?? '', ['Always']);
  if (spec.activeDeadlineSeconds !== undefined) {
    out.forbidden(at.child('spec', 'activeDeadlineSeconds'), `activeDeadlineSeconds in ${noun} is not Supported`);
  }
}

/** Template and selector of a ReplicaSet or Deployment. */
export function validateReplicaTemplate(
  out: Problems,
  at: Path,
  spec: { readonly selector?: LabelSelector | null; readonly template: PodTemplateSpec },
): void {
  const selector = compiled(spec.selector);
  if (selector === undefined) return out.invalid(at.child('selector'), spec.selector, 'invalid label selector');
  const path = at.child('template');
  validateTemplateLabels(out, path, spec.template, selector);
  validatePodTemplate(out, path, spec.template);
  validateAlwaysRuns(out, path, spec.template, 'ReplicaSet');
}

/** Members of `counts` that must be 0 or more. */
export function validateCounts<T extends object>(out: Problems, at: Path, counts: T, members: readonly (keyof T & string)[]): void {
  for (const member of members) out.nonNegative(at.child(member), counts[member] as number | undefined);
}

/** Members of `counts` that must not exceed another. */
export function validateAtMost<T extends object>(
  out: Problems,
  at: Path,
  counts: T,
  { members, limit, detail }: { readonly members: readonly (keyof T & string)[]; readonly limit: number; readonly detail: string },
): void {
  for (const member of members) {
    const value = (counts[member] as number | undefined) ?? 0;
    if (value > limit) out.invalid(at.child(member), value, detail);
  }
}

export function validateCollisionCount(out: Problems, at: Path, now: number | undefined, before: number | undefined): void {
  if (before !== undefined && (now === undefined || now < before))
    out.invalid(at.child('collisionCount'), now ?? 0, 'cannot be decremented');
}

const percentValue = (value: number | string): number | undefined =>
  typeof value === 'string' && percent(value).length === 0 ? Number(value.slice(0, -1)) : undefined;

/** The number before a percent sign, or the number. Source: getIntOrPercentValue. */
export function intOrPercentValue(value: number | string | undefined): number {
  if (value === undefined) return 0;
  const asPercent = percentValue(value);
  if (asPercent !== undefined) return asPercent;
  return typeof value === 'number' ? value : /^[+-]?\d+$/.test(value) ? Number(value) : 0;
}

export function validateAtMost100Percent(out: Problems, at: Path, value: number | string): void {
  if ((percentValue(value) ?? 0) > 100) out.invalid(at, value, 'must not be greater than 100%');
}
