// What a signer answers a PodCertificateRequest. Source: certificates validation.go ValidatePodCertificateRequestStatusUpdate.
import { X509Certificate } from 'node:crypto';
import type { PodCertificateRequest, PodCertificateRequestStatus } from '../../gen/certificates-v1beta1.ts';
import { isConditionTrue } from '../../conditions.ts';
import { OMITTED } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { parseTime } from '#apimachinery/time.ts';
import { validateConditions } from '../conditions.ts';
import { validateObjectMetaUpdate } from '../metadata.ts';
import { Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { pemBlocks } from './pem.ts';
import { requestedKey } from './pod-keys.ts';

const STATUS = Path.of('status');
const CONDITIONS = STATUS.child('conditions');
const CHAIN = STATUS.child('certificateChain');
const OUTCOMES = ['Issued', 'Denied', 'Failed'];
/** Source: MaxCertificateChainSize. */
const MAX_CHAIN_BYTES = 100 * 1024;
/** Milliseconds. */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const REFRESH_MARGIN = 10 * MINUTE;
const MAX_SKEW = 5 * MINUTE;

/** Each part is looked at only while all before it are right. */
export function validatePodCertificateRequestStatus(out: Problems, request: PodCertificateRequest, old: PodCertificateRequest): void {
  validateObjectMetaUpdate(out, request.metadata, old.metadata);
  if (!out.none) return;
  validateOutcome(out, request.status);
  if (!out.none) return;
  const { status } = request;
  const is = (type: string, { conditions = [] }: PodCertificateRequestStatus): boolean => isConditionTrue(conditions, type);
  const only = (right: boolean, detail: string): void => {
    if (!right) out.invalid(STATUS, OMITTED, detail);
  };
  if (OUTCOMES.some((type) => is(type, old.status)))
    return only(semanticEqual(status, old.status), 'immutable after PodCertificateRequest is issued, denied, or failed');
  if (is('Denied', status) || is('Failed', status)) {
    const detail = 'non-condition status fields must be empty when denying or failing the PodCertificateRequest';
    return only(semanticEqual(status, { conditions: status.conditions }), detail);
  }
  if (is('Issued', status)) return validateIssued(out, request, old);
  only(semanticEqual(status, old.status), 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"');
}

function validateOutcome(out: Problems, { conditions = [] }: PodCertificateRequestStatus): void {
  let known = 0;
  conditions.forEach(({ type, status }, i) => {
    // Upstream makes a path of a name that looks like an index.
    const at = CONDITIONS.child(`[${i}]`);
    if (!OUTCOMES.includes(type)) return out.notSupported(at.child('type'), type, OUTCOMES);
    if (++known > 1) out.invalid(at.child('type'), type, 'There may be at most one condition with type "Issued", "Denied", or "Failed"');
    if (status !== 'True') out.notSupported(at.child('status'), status, ['True']);
  });
  validateConditions(out, CONDITIONS, conditions);
}

function certificateOf(der: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(der);
  } catch {
    return undefined;
  }
}

function validateIssued(out: Problems, { spec, status }: PodCertificateRequest, old: PodCertificateRequest): void {
  const { certificateChain: chain = '' } = status;
  if (byteLength(chain) > MAX_CHAIN_BYTES) return out.tooLong(CHAIN, MAX_CHAIN_BYTES);
  const [first, ...rest] = pemBlocks(chain);
  const wrong = (detail: string): void => out.invalid(CHAIN, chain, detail);
  if (first === undefined) return wrong('issued certificate chain must contain at least one certificate');
  if (first.type !== 'CERTIFICATE') return wrong('issued certificate chain must consist entirely of CERTIFICATE PEM blocks');
  const leaf = certificateOf(first.der);
  if (leaf === undefined) return wrong('leaf certificate does not parse as valid X.509');
  validateNames(out, leaf);
  const key = requestedKey(old.spec);
  if (key === undefined || !leaf.publicKey.equals(key)) return wrong('leaf certificate was not issued to the requested public key');

  const times = new Problems();
  validateTimes(times, status, leaf, spec.maxExpirationSeconds);
  out.add(times.list);
  if (!times.none) return;
  for (const { type, der } of rest) {
    if (type !== 'CERTIFICATE') return wrong('issued certificate chain must consist entirely of CERTFICATE PEM blocks');
    if (certificateOf(der) === undefined) return wrong('intermediate certificate does not parse as valid X.509');
  }
}

/** Alternative names as they are listed: `DNS:a.example.com, email:"a, b"`. */
const NAME = /(DNS|email):("(?:[^"\\]|\\.)*"|[^,]*)/g;
const ADDRESS = /^[^\s@<>]+@[^\s@<>]+$/;

function validateNames(out: Problems, { subjectAltName = '' }: X509Certificate): void {
  for (const [, kind, text = ''] of subjectAltName.matchAll(NAME)) {
    const name = text.startsWith('"') ? (JSON.parse(text) as string) : text;
    if (kind === 'email') {
      if (!ADDRESS.test(name)) out.invalid(CHAIN, name, 'leaf certificate should not contain invalid EmailAddress');
      continue;
    }
    if (name === '') out.invalid(CHAIN, name, 'leaf certificate should not contain empty DNSName');
    if (name.includes('..')) out.invalid(CHAIN, name, "leaf certificate's DNSName should not contain '..'");
    if (name.startsWith('.') || name.endsWith('.')) out.invalid(CHAIN, name, "leaf certificate's DNSName should not start or end with '.'");
  }
}

/** The first thing that is wrong; that the certificate begins about now is judged by whoever has a clock. */
function validateTimes(out: Problems, status: PodCertificateRequestStatus, leaf: X509Certificate, maxSeconds: number): void {
  const { notBefore, notAfter, beginRefreshAt } = status;
  const [before, after, refresh] = [STATUS.child('notBefore'), STATUS.child('notAfter'), STATUS.child('beginRefreshAt')];
  if (notBefore === undefined) out.required(before, 'must be present and consistent with the issued certificate');
  if (notAfter === undefined) out.required(after, 'must be present and consistent with the issued certificate');
  if (beginRefreshAt === undefined) out.required(refresh, 'must be present and in the range [notbefore+10min, notafter-10min]');
  if (notBefore === undefined || notAfter === undefined || beginRefreshAt === undefined) return;

  const [start, end] = [leaf.validFromDate.getTime(), leaf.validToDate.getTime()];
  if (parseTime(notBefore) !== start)
    return out.invalid(before, notBefore, 'must be set to the NotBefore time encoded in the leaf certificate');
  if (parseTime(notAfter) !== end) return out.invalid(after, notAfter, 'must be set to the NotAfter time encoded in the leaf certificate');
  const nanoseconds = BigInt(end - start) * 1_000_000n;
  if (end - start < HOUR) return out.invalid(CHAIN, nanoseconds, 'leaf certificate lifetime must be >= 1 hour');
  if (end - start > maxSeconds * 1000)
    return out.invalid(CHAIN, nanoseconds, `leaf certificate lifetime must be <= spec.maxExpirationSeconds (${maxSeconds})`);
  const at = parseTime(beginRefreshAt);
  if (at < start + REFRESH_MARGIN) return out.invalid(refresh, beginRefreshAt, 'must be at least 10 minutes after status.notBefore');
  if (at > end - REFRESH_MARGIN) out.invalid(refresh, beginRefreshAt, 'must be at least 10 minutes before status.notAfter');
}

/** Why an answer of now is wrong though nothing else is; `now` in milliseconds since the epoch. Source: timeNear. */
export function issuedNow(out: Problems, { status }: PodCertificateRequest, old: PodCertificateRequest, now: number): void {
  const { notBefore, conditions = [] } = status;
  if (notBefore === undefined || !isConditionTrue(conditions, 'Issued') || isConditionTrue(old.status.conditions, 'Issued')) return;
  if (Math.abs(parseTime(notBefore) - now) >= MAX_SKEW)
    out.invalid(STATUS.child('notBefore'), notBefore, "must be set to within 5 minutes of kube-apiserver's current time");
}
