// ClusterTrustBundles. Source: certificates validation.go ValidateClusterTrustBundle, validateTrustBundle.
import type { ClusterTrustBundle } from '../../gen/certificates-v1beta1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { trustBundleName, validateSignerName } from '../core/signers.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import type { Problems } from '../problems.ts';
import { anchorProblems } from './pem.ts';

const SPEC = Path.of('spec');
/** Source: certificates MaxTrustBundleSize. */
const MAX_BYTES = 1024 * 1024;

export function validateTrustBundle(out: Problems, bundle: ClusterTrustBundle): void {
  validateNames(out, bundle);
  validateAnchors(out, bundle.spec.trustBundle);
}

/** Anchors that stay are not read again: what was valid once may not be for a later reader. */
export function validateTrustBundleUpdate(out: Problems, bundle: ClusterTrustBundle, old: ClusterTrustBundle): void {
  validateNames(out, bundle);
  if (bundle.spec.trustBundle !== old.spec.trustBundle) validateAnchors(out, bundle.spec.trustBundle);
  validateObjectMetaUpdate(out, bundle.metadata, old.metadata);
  const [signer, before] = [bundle.spec.signerName ?? '', old.spec.signerName ?? ''];
  out.immutable(SPEC.child('signerName'), signer, signer === before);
}

function validateNames(out: Problems, { metadata, spec: { signerName = '' } }: ClusterTrustBundle): void {
  validateObjectMeta(out, metadata, 'cluster', trustBundleName(signerName));
  if (signerName !== '') validateSignerName(out, SPEC.child('signerName'), signerName);
}

function validateAnchors(out: Problems, bundle: string): void {
  const path = SPEC.child('trustBundle');
  if (byteLength(bundle) > MAX_BYTES) return out.tooLong(path, MAX_BYTES);
  for (const problem of anchorProblems(bundle)) out.invalid(path, '<value omitted>', problem);
}
