// References to what is scaled or measured. Source: ValidateCrossVersionObjectReference.
import type { CrossVersionObjectReference } from '../../gen/autoscaling-v2.ts';
import type { Path } from '#apimachinery/field-path.ts';
import type { Problems } from '../problems.ts';
import { requiredSegment } from '../references.ts';

/** What an apiVersion must be; `any` where the old object had it already. */
export type VersionRule = 'group required' | 'group optional' | 'any';

export function versionProblem(apiVersion: string | undefined, rule: VersionRule): string | undefined {
  if (rule === 'any') return undefined;
  const parts = (apiVersion ?? '').split('/');
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  const group = parts.length === 2 ? parts[0] : '';
  return rule === 'group required' && group === '' ? 'apiVersion must specify API group' : undefined;
}

export function validateScaledReference(
  out: Problems,
  at: Path,
  { kind, name, apiVersion }: Partial<CrossVersionObjectReference>,
  rule: VersionRule,
): void {
  requiredSegment(out, at.child('kind'), kind);
  requiredSegment(out, at.child('name'), name);
  const problem = versionProblem(apiVersion, rule);
  if (problem !== undefined) out.invalid(at.child('apiVersion'), apiVersion ?? '', problem);
}
