// Conditions in a status. Source: meta/v1/validation ValidateConditions.
import type { Condition } from '../gen/meta-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { regexError } from '#apimachinery/names.ts';
import { validateLabelKey } from './label-selectors.ts';
import { blank, type Problems } from './problems.ts';

const STATUSES = ['False', 'True', 'Unknown'];
const REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const REASON_RE = new RegExp(`^${REASON}$`);
const REASON_FORM =
  "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
const MAX_REASON_BYTES = 1024;
const MAX_MESSAGE_BYTES = 32 * 1024;

export function validateConditions(out: Problems, at: Path, conditions: readonly Condition[]): void {
  const first = new Map<string, number>();
  conditions.forEach((condition: Partial<Condition>, i) => {
    const { type = '' } = condition;
    if (first.has(type)) out.duplicate(at.index(i).child('type'), type);
    else first.set(type, i);
    validateCondition(out, at.index(i), condition);
  });
}

function validateCondition(out: Problems, at: Path, condition: Partial<Condition>): void {
  const { type, status, observedGeneration, lastTransitionTime, reason, message = '' } = condition;
  validateLabelKey(out, at.child('type'), type);
  out.oneOf(at.child('status'), status, STATUSES);
  if ((observedGeneration ?? 0) < 0)
    out.invalid(at.child('observedGeneration'), observedGeneration, 'must be greater than or equal to zero');
  if (lastTransitionTime === undefined || lastTransitionTime === null) out.required(at.child('lastTransitionTime'));
  if (blank(reason)) out.required(at.child('reason'));
  else {
    if (!REASON_RE.test(reason)) {
      out.invalid(
        at.child('reason'),
        reason,
        regexError(REASON_FORM, REASON, 'my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'),
      );
    }
    if (byteLength(reason) > MAX_REASON_BYTES) out.tooLong(at.child('reason'), MAX_REASON_BYTES);
  }
  if (byteLength(message) > MAX_MESSAGE_BYTES) out.tooLong(at.child('message'), MAX_MESSAGE_BYTES);
}
