// pure
// What the conditions of a signing request say. Source: pkg/controller/certificates certificate_controller_utils.go.
import type { CertificateSigningRequest } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';

type Condition = NonNullable<CertificateSigningRequest['status']['conditions']>[number];

export function isApproved({ status }: CertificateSigningRequest): boolean {
  const types = (status.conditions ?? []).map(({ type }) => type);
  return types.includes('Approved') && !types.includes('Denied');
}

export function isDecided({ status }: CertificateSigningRequest): boolean {
  return (status.conditions ?? []).some(({ type }) => type === 'Approved' || type === 'Denied');
}

export function isFailed({ status }: CertificateSigningRequest): boolean {
  return (status.conditions ?? []).some(({ type, status: value }) => type === 'Failed' && value === 'True');
}

/** The request with one more condition; `now` in milliseconds since the epoch. */
export function withCondition(
  request: CertificateSigningRequest,
  condition: Pick<Condition, 'type' | 'reason' | 'message'>,
  now: number,
): CertificateSigningRequest {
  const at = formatTime(now);
  const added = { ...condition, status: 'True', lastUpdateTime: at, lastTransitionTime: at } as Condition;
  return { ...request, status: { ...request.status, conditions: [...(request.status.conditions ?? []), added] } };
}
