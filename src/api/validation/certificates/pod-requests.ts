// PodCertificateRequests as they are made. Source: certificates validation.go ValidatePodCertificateRequestCreate.
import type { PodCertificateRequest, PodCertificateRequestSpec } from '../../gen/certificates-v1beta1.ts';
import { OMITTED } from '#apimachinery/field-errors.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1123Subdomain } from '#apimachinery/names.ts';
import { isKubernetesSigner, validateSignerName } from '../core/signers.ts';
import {
  MAX_CERTIFICATE_LIFE,
  MAX_KUBERNETES_CERTIFICATE_LIFE,
  MIN_CERTIFICATE_LIFE,
  validateUserAnnotations,
} from '../core/volume-projections.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { keyProblem, provesPossession, requestedKey } from './pod-keys.ts';

const SPEC = Path.of('spec');
const MAX_UID_BYTES = 128;
/** Source: MaxPKIXPublicKeySize, MaxProofOfPossessionSize, MaxStubPKCS10RequestSize. */
const MAX_KEY_BYTES = 10 * 1024;

export function validatePodCertificateRequest(out: Problems, { metadata, spec }: PodCertificateRequest): void {
  validateObjectMeta(out, metadata, 'namespaced', subdomainName);
  validateSignerName(out, SPEC.child('signerName'), spec.signerName);
  validateUserAnnotations(out, SPEC.child('unverifiedUserAnnotations'), spec.unverifiedUserAnnotations);
  for (const who of ['pod', 'serviceAccount', 'node'] as const) {
    const { [`${who}Name` as const]: name = '', [`${who}UID` as const]: uid = '' } = spec as Partial<PodCertificateRequestSpec>;
    out.each(SPEC.child(`${who}Name`), name, dns1123Subdomain(name));
    const at = SPEC.child(`${who}UID`);
    if (uid === '') out.invalid(at, uid, 'must not be empty');
    if (byteLength(uid) > MAX_UID_BYTES) out.tooLong(at, MAX_UID_BYTES);
  }
  const life = SPEC.child('maxExpirationSeconds');
  const longest = isKubernetesSigner(spec.signerName) ? MAX_KUBERNETES_CERTIFICATE_LIFE : MAX_CERTIFICATE_LIFE;
  const { maxExpirationSeconds: seconds } = spec;
  if (seconds < MIN_CERTIFICATE_LIFE || seconds > longest)
    out.invalid(life, seconds, `must be in the range [${MIN_CERTIFICATE_LIFE}, ${longest}]`);
  validateKey(out, spec);
}

/** The first thing that is wrong with it. */
function validateKey(out: Problems, spec: PodCertificateRequestSpec): void {
  const given = KEY_FIELDS.filter((name) => !blank(spec[name] ?? ''));
  for (const name of given)
    if (Buffer.byteLength(spec[name], 'base64') > MAX_KEY_BYTES) return out.tooLong(SPEC.child(name), MAX_KEY_BYTES);
  const stub = given.join() === 'stubPKCS10Request';
  if (!stub && given.join() !== 'pkixPublicKey,proofOfPossession')
    return out.invalid(SPEC, OMITTED, 'exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set');

  const name = stub ? 'stubPKCS10Request' : 'pkixPublicKey';
  const at = SPEC.child(name);
  const key = requestedKey(spec);
  if (key === undefined)
    return out.invalid(at, spec[name], stub ? 'must be a valid PKCS#10 CSR' : 'must be a valid PKIX-serialized public key');
  const problem = keyProblem(key);
  if (problem !== undefined) return out.invalid(at, problem.shown ?? spec[name], problem.detail);
  if (!stub && !provesPossession(key, spec.podUID, spec.proofOfPossession))
    out.invalid(SPEC.child('proofOfPossession'), OMITTED, 'could not verify proof-of-possession signature');
}

const KEY_FIELDS = ['pkixPublicKey', 'proofOfPossession', 'stubPKCS10Request'] as const;

export function validatePodCertificateRequestUpdate(
  out: Problems,
  { metadata, spec }: PodCertificateRequest,
  old: PodCertificateRequest,
): void {
  validateObjectMetaUpdate(out, metadata, old.metadata);
  out.immutable(SPEC, spec, semanticEqual(spec, old.spec));
}
