// Labels and label selectors inside objects. Source: apimachinery meta/v1/validation.
import type { LabelSelector, LabelSelectorRequirement } from '../gen/meta-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { labelValue, qualifiedName } from '#apimachinery/names.ts';
import type { Problems } from './problems.ts';

/** Source: ValidateLabelName. */
export function validateLabelKey(out: Problems, at: Path, key: string | undefined): void {
  out.each(at, key ?? '', qualifiedName(key ?? ''));
}

export function validateLabels(out: Problems, at: Path, labels: Readonly<Record<string, string>> | undefined): void {
  if (labels === undefined) return;
  for (const key of Object.keys(labels)) {
    validateLabelKey(out, at, key);
    const value = labels[key] as string;
    out.each(at, value, labelValue(value));
  }
}

/** Absent selectors are right here; whether one is required is the caller's to say. */
export function validateLabelSelector(out: Problems, at: Path, selector: LabelSelector | null | undefined): void {
  if (selector === undefined || selector === null) return;
  validateLabels(out, at.child('matchLabels'), selector.matchLabels);
  selector.matchExpressions?.forEach((requirement, i) => validateRequirement(out, at.child('matchExpressions').index(i), requirement));
}

function validateRequirement(out: Problems, at: Path, { key, operator, values = [] }: LabelSelectorRequirement): void {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) out.required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) out.forbidden(at.child('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      break;
    default:
      out.invalid(at.child('operator'), operator ?? '', 'not a valid selector operator');
  }
  validateLabelKey(out, at.child('key'), key);
  values.forEach((value, i) => out.each(at.child('values').index(i), value, labelValue(value)));
}
