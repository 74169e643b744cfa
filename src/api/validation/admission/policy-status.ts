// What is said of a ValidatingAdmissionPolicy. Source: admissionregistration validation.go validateValidatingAdmissionPolicyStatus.
import type { ExpressionWarning, ValidatingAdmissionPolicy } from '../../gen/admissionregistration-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { validateConditions } from '../conditions.ts';
import { blank, type Problems } from '../problems.ts';

const STATUS = Path.of('status');

/** That a reference is a JSONPath is left to who writes it. */
export function validateValidatingPolicyStatus(out: Problems, { status }: ValidatingAdmissionPolicy): void {
  const at = STATUS.child('typeChecking', 'expressionWarnings');
  (status?.typeChecking?.expressionWarnings ?? []).forEach(({ fieldRef, warning }: Partial<ExpressionWarning>, i) => {
    if (blank(warning)) out.required(at.index(i).child('warning'));
    if ((fieldRef ?? '').trim() === '') out.required(at.index(i).child('fieldRef'));
  });
  validateConditions(out, STATUS.child('conditions'), status?.conditions ?? []);
}
