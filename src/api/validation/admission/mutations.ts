// One change of a MutatingAdmissionPolicy. Source: admissionregistration validation.go validateMutation.
import type { Mutation } from '../../gen/admissionregistration-v1.ts';
import { JSON_PATCH, OBJECT } from '#apimachinery/cel/library/mutation.ts';
import { listOf, type Type } from '#apimachinery/cel/types.ts';
import type { Path } from '#apimachinery/field-path.ts';
import type { CompiledExpression } from '../../expressions/admission.ts';
import { blank, type Problems } from '../problems.ts';
import { refuseUncompiled } from './webhooks.ts';

const PATCHES = {
  ApplyConfiguration: { field: 'applyConfiguration', other: 'jsonPatch', results: [OBJECT] },
  JSONPatch: { field: 'jsonPatch', other: 'applyConfiguration', results: [listOf(JSON_PATCH)] },
} as const;

export function validateMutation(
  out: Problems,
  at: Path,
  mutation: Partial<Mutation>,
  compile: (source: string, results: readonly Type[]) => CompiledExpression,
): void {
  const { patchType } = mutation;
  if (blank(patchType)) return out.required(at.child('patchType'));
  if (!Object.hasOwn(PATCHES, patchType)) return out.oneOf(at.child('patchType'), patchType, Object.keys(PATCHES));
  const { field, other, results } = PATCHES[patchType];
  const patch: { readonly expression?: string } | undefined = mutation[field];
  if (patch === undefined) out.required(at.child(field), `must be specified when patchType is ${patchType}`);
  else {
    const expression = (patch.expression ?? '').trim();
    const path = at.child(field).child('expression');
    if (expression === '') out.required(path);
    else refuseUncompiled(out, path, compile(expression, results));
  }
  if (mutation[other] !== undefined) out.invalid(at.child(other), `{${other}}`, `must not be specified when patchType is ${patchType}`);
}
