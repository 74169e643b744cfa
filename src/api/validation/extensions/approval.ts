// Groups of Kubernetes itself are open to definitions that were approved, or say that they were not.
// Source: apihelpers IsProtectedCommunityGroup, GetAPIApprovalState.
import type { CustomResourceDefinition } from '../../gen/apiextensions-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import type { Problems } from '../problems.ts';

const APPROVAL = 'api-approved.kubernetes.io';
const SEE = 'see https://github.com/kubernetes/enhancements/pull/1111';
const NEED = `protected groups must have approval annotation ${goQuote(APPROVAL)}`;

export const isProtected = (group: string): boolean => /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group);

interface Approval {
  readonly state: 'missing' | 'bypassed' | 'approved' | 'invalid';
  readonly text: string;
}

function approvalOf({ metadata }: CustomResourceDefinition): Approval {
  const text = metadata.annotations?.[APPROVAL] ?? '';
  if (text === '') return { state: 'missing', text };
  if (text.startsWith('unapproved')) return { state: 'bypassed', text };
  return { state: /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/]/.test(text) ? 'approved' : 'invalid', text };
}

export const sameApproval = (a: CustomResourceDefinition, b: CustomResourceDefinition): boolean =>
  approvalOf(a).state === approvalOf(b).state;

export function validateApproval(out: Problems, definition: CustomResourceDefinition): void {
  const { state, text } = approvalOf(definition);
  const at = Path.of('metadata').child('annotations').key(APPROVAL);
  if (state === 'missing') out.required(at, `${NEED}, ${SEE}`);
  if (state === 'invalid') out.invalid(at, text, `${NEED} with either a URL or a reason starting with "unapproved", ${SEE}`);
}

/** For the condition KubernetesAPIApprovalPolicyConformant. */
export function approvalReason(definition: CustomResourceDefinition): {
  readonly approved: boolean;
  readonly reason: string;
  readonly message: string;
} {
  const { state, text } = approvalOf(definition);
  switch (state) {
    case 'missing':
      return { approved: false, reason: 'MissingAnnotation', message: `${NEED}, ${SEE}` };
    case 'bypassed':
      return { approved: false, reason: 'UnapprovedAnnotation', message: `not approved: ${goQuote(text)}` };
    case 'approved':
      return { approved: true, reason: 'ApprovedAnnotation', message: `approved in ${text}` };
    case 'invalid':
      return {
        approved: false,
        reason: 'InvalidAnnotation',
        message: `${NEED} with either a URL or a reason starting with "unapproved", ${SEE}`,
      };
  }
}
