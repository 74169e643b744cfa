// CertificateSigningRequests. Source: certificates validation.go.
import type { CertificateSigningRequest, CertificateSigningRequestCondition } from '../../gen/certificates-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { jsonDiff } from '#apimachinery/unified-diff.ts';
import { validateSignerName } from '../core/signers.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { certificateProblem, requestProblem } from './pem.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
const CONDITIONS = STATUS.child('conditions');
const LEGACY_SIGNER = 'kubernetes.io/legacy-unknown';
const MIN_EXPIRATION_SECONDS = 600;
const DECIDED: ReadonlySet<string> = new Set(['Approved', 'Denied', 'Failed']);

const USAGES = [
  ...['any', 'cert sign', 'client auth', 'code signing', 'content commitment', 'crl sign', 'data encipherment', 'decipher only'],
  ...['digital signature', 'email protection', 'encipher only', 'ipsec end system', 'ipsec tunnel', 'ipsec user', 'key agreement'],
  ...['key encipherment', 'microsoft sgc', 'netscape sgc', 'ocsp signing', 's/mime', 'server auth', 'signing', 'timestamping'],
];

const conditionsOf = (request: CertificateSigningRequest): readonly CertificateSigningRequestCondition[] =>
  request.status?.conditions ?? [];

export function validateSigningRequest(out: Problems, request: CertificateSigningRequest): void {
  validateRequest(out, request);
  validateCertificate(out, request);
}

function validateRequest(out: Problems, { metadata, spec, status }: CertificateSigningRequest): void {
  validateObjectMeta(out, metadata, 'cluster', () => []);
  const { request: given, usages = [], signerName, expirationSeconds } = spec as Partial<typeof spec>;
  const request = (given as string | null | undefined) ?? '';
  const problem = requestProblem(request);
  if (problem !== undefined) out.invalid(SPEC.child('request'), given ?? null, problem);
  if (usages.length === 0) out.required(SPEC.child('usages'));
  const seen = new Set<string>();
  usages.forEach((usage, i) => {
    const at = SPEC.child('usages').index(i);
    out.oneOf(at, usage, USAGES);
    if (seen.has(usage)) out.duplicate(at, usage);
    seen.add(usage);
  });
  if (signerName === LEGACY_SIGNER)
    out.invalid(SPEC.child('signerName'), signerName, 'the legacy signerName is not allowed via this API version');
  else validateSignerName(out, SPEC.child('signerName'), signerName);
  if (expirationSeconds !== undefined && expirationSeconds < MIN_EXPIRATION_SECONDS)
    out.invalid(SPEC.child('expirationSeconds'), expirationSeconds, 'may not specify a duration less than 600 seconds (10 minutes)');
  validateConditions(out, status?.conditions ?? []);
}

function validateConditions(out: Problems, conditions: readonly CertificateSigningRequestCondition[]): void {
  const seen = new Set<string>();
  conditions.forEach(({ type, status }: Partial<CertificateSigningRequestCondition>, i) => {
    const at = CONDITIONS.index(i);
    if (blank(type)) out.required(at.child('type'));
    out.requiredOneOf(at.child('status'), status, DECIDED.has(type ?? '') ? ['True'] : ['False', 'True', 'Unknown']);
    const other = type === 'Approved' ? 'Denied' : type === 'Denied' ? 'Approved' : undefined;
    if (other !== undefined && seen.has(other)) out.invalid(CONDITIONS, type, 'Approved and Denied conditions are mutually exclusive');
    if (seen.has(type ?? '')) out.duplicate(at.child('type'), type ?? '');
    seen.add(type ?? '');
  });
}

function validateCertificate(out: Problems, { status }: CertificateSigningRequest): void {
  const problem = certificateProblem(status?.certificate ?? '');
  if (problem !== undefined) out.invalid(STATUS.child('certificate'), '<certificate data>', problem);
}

/** Through which endpoint a request is changed. */
type Endpoint = 'itself' | 'status' | 'approval';

const ofType = (request: CertificateSigningRequest, type: string): readonly CertificateSigningRequestCondition[] =>
  conditionsOf(request).filter((condition) => condition.type === type);

function validateUpdate(out: Problems, request: CertificateSigningRequest, old: CertificateSigningRequest, endpoint: Endpoint): void {
  validateRequest(out, request);
  const [certificate, before] = [request.status?.certificate ?? '', old.status?.certificate ?? ''];
  if (certificate !== before) validateCertificate(out, request);
  for (const type of DECIDED) {
    const [now, earlier] = [ofType(request, type), ofType(old, type)];
    if (now.length < earlier.length) out.forbidden(CONDITIONS, `updates may not remove a condition of type ${goQuote(type)}`);
    else if (endpoint !== 'approval' && type !== 'Failed') validateSameDecision(out, type, now, earlier);
  }
  if (certificate !== before) {
    const at = STATUS.child('certificate');
    if (endpoint !== 'status') out.forbidden(at, 'updates may not set certificate content');
    else if (before !== '') out.forbidden(at, 'updates may not modify existing certificate content');
  }
  validateObjectMetaUpdate(out, request.metadata, old.metadata);
}

function validateSameDecision(
  out: Problems,
  type: string,
  now: readonly CertificateSigningRequestCondition[],
  before: readonly CertificateSigningRequestCondition[],
): void {
  if (now.length > before.length) out.forbidden(CONDITIONS, `updates may not add a condition of type ${goQuote(type)}`);
  else if (!deepEqual(now, before))
    out.forbidden(CONDITIONS, `updates may not modify a condition of type ${goQuote(type)}\n${jsonDiff(before, now)}`);
}

type Update = (out: Problems, request: CertificateSigningRequest, old: CertificateSigningRequest) => void;

export const validateSigningRequestUpdate: Update = (out, request, old) => validateUpdate(out, request, old, 'itself');
export const validateSigningRequestStatusUpdate: Update = (out, request, old) => validateUpdate(out, request, old, 'status');
export const validateSigningRequestApprovalUpdate: Update = (out, request, old) => validateUpdate(out, request, old, 'approval');
