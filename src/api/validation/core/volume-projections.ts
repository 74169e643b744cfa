// Volumes filled from API objects: secret, configMap, downwardAPI, projected.
// Source: core validation.go validateSecretVolumeSource … validateProjectionSources.
import type {
  ClusterTrustBundleProjection,
  ConfigMapVolumeSource,
  DownwardAPIVolumeSource,
  KeyToPath,
  PodCertificateProjection,
  ProjectedVolumeSource,
  SecretVolumeSource,
  ServiceAccountTokenProjection,
} from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { blank, entries, type Problems } from '../problems.ts';
import { validateDownwardFile } from './downward-api.ts';
import { validateFileMode, validateNotReserved } from './paths.ts';
import { isKubernetesSigner, signerOfTrustBundle, trustBundleName, validateSignerName } from './signers.ts';

function validateItem(out: Problems, at: Path, item: KeyToPath): void {
  if (blank(item.key)) out.required(at.child('key'));
  if (blank(item.path)) out.required(at.child('path'));
  validateNotReserved(out, at.child('path'), item.path ?? '');
  validateFileMode(out, at.child('mode'), item.mode);
}

export function validateSecretVolume(out: Problems, at: Path, source: SecretVolumeSource): void {
  if (blank(source.secretName)) out.required(at.child('secretName'));
  validateFileMode(out, at.child('defaultMode'), source.defaultMode);
  source.items?.forEach((item, i) => validateItem(out, at.child('items').index(i), item));
}

export function validateConfigMapVolume(out: Problems, at: Path, source: ConfigMapVolumeSource): void {
  if (blank(source.name)) out.required(at.child('name'));
  validateFileMode(out, at.child('defaultMode'), source.defaultMode);
  source.items?.forEach((item, i) => validateItem(out, at.child('items').index(i), item));
}

export function validateDownwardVolume(out: Problems, at: Path, source: DownwardAPIVolumeSource): void {
  validateFileMode(out, at.child('defaultMode'), source.defaultMode);
  source.items?.forEach((file) => validateDownwardFile(out, at, file));
}

/** Seconds. */
const MIN_TOKEN_LIFE = 600;
const MAX_TOKEN_LIFE = 2 ** 32;

/** Paths that several sources of one volume write. */
class Claimed {
  readonly #paths = new Set<string>();
  readonly #out: Problems;
  readonly #at: Path;

  constructor(out: Problems, at: Path) {
    this.#out = out;
    this.#at = at;
  }

  /** `shown`: what upstream names, which is the source's name for some. */
  claim(path: string, shown = path): void {
    if (this.#paths.has(path)) this.#out.invalid(this.#at, shown, 'conflicting duplicate paths');
    this.#paths.add(path);
  }
}

export function validateProjected(out: Problems, at: Path, volume: ProjectedVolumeSource): void {
  validateFileMode(out, at.child('defaultMode'), volume.defaultMode);
  const claimed = new Claimed(out, at);
  volume.sources?.forEach((source, i) => {
    const path = at.child('sources').index(i);
    let kinds = 0;
    for (const kind of ['secret', 'configMap'] as const) {
      const keyed = source[kind];
      if (keyed === undefined) continue;
      kinds++;
      if (blank(keyed.name)) out.required(path.child(kind, 'name'));
      keyed.items?.forEach((item, j) => {
        validateItem(out, path.child(kind, 'items').index(j), item);
        if (!blank(item.path)) claimed.claim(item.path, keyed.name ?? '');
      });
    }
    if (source.downwardAPI !== undefined) {
      kinds++;
      for (const file of source.downwardAPI.items ?? []) {
        validateDownwardFile(out, path.child('downwardAPI'), file);
        if (!blank(file.path)) claimed.claim(file.path);
      }
    }
    if (source.serviceAccountToken !== undefined) {
      kinds++;
      validateToken(out, at, path.child('serviceAccountToken'), source.serviceAccountToken);
    }
    if (source.clusterTrustBundle !== undefined) {
      kinds++;
      validateTrustBundle(out, path.child('clusterTrustBundle'), source.clusterTrustBundle);
      claimed.claim(source.clusterTrustBundle.path ?? '');
    }
    if (source.podCertificate !== undefined) {
      kinds++;
      validatePodCertificate(out, path.child('podCertificate'), source.podCertificate, claimed);
    }
    if (kinds > 1) out.forbidden(path, 'may not specify more than 1 volume type per source');
  });
}

function validateToken(out: Problems, volumeAt: Path, at: Path, { expirationSeconds, path }: ServiceAccountTokenProjection): void {
  const life = expirationSeconds ?? 0;
  if (life < MIN_TOKEN_LIFE) out.invalid(at.child('expirationSeconds'), life, 'may not specify a duration less than 10 minutes');
  if (life > MAX_TOKEN_LIFE) out.invalid(at.child('expirationSeconds'), life, 'may not specify a duration larger than 2^32 seconds');
  if (blank(path)) out.required(volumeAt.child('path'));
  else validateNotReserved(out, volumeAt.child('path'), path);
}

function validateTrustBundle(out: Problems, at: Path, bundle: ClusterTrustBundleProjection): void {
  const { name, signerName, labelSelector } = bundle;
  if (name !== undefined && signerName !== undefined) out.invalid(at, bundle, 'only one of name and signerName may be used');
  else if (name !== undefined) {
    if (name === '') out.required(at.child('name'), 'must be a valid object name');
    for (const why of trustBundleName(signerOfTrustBundle(name))(name, false)) {
      out.invalid(at.child('name'), name, `not a valid clustertrustbundlename: ${why}`);
    }
    if (labelSelector !== undefined)
      out.invalid(at.child('labelSelector'), labelSelector, 'labelSelector must be unset if name is specified');
  } else if (signerName === undefined) out.required(at, 'either name or signerName must be specified');
  else {
    if (signerName === '') out.required(at.child('signerName'), 'must be a valid signer name');
    validateSignerName(out, at.child('signerName'), signerName);
    validateLabelSelector(out, at.child('labelSelector'), labelSelector);
  }
  if (blank(bundle.path)) out.required(at.child('path'));
  validateNotReserved(out, at.child('path'), bundle.path ?? '');
}

const KEY_TYPES = ['RSA3072', 'RSA4096', 'ECDSAP256', 'ECDSAP384', 'ECDSAP521', 'ED25519'];
/** Seconds. Source: certificates MaxMaxExpirationSeconds, KubernetesMaxMaxExpirationSeconds. */
export const MAX_CERTIFICATE_LIFE = 91 * 24 * 60 * 60;
export const MAX_KUBERNETES_CERTIFICATE_LIFE = 24 * 60 * 60;
export const MIN_CERTIFICATE_LIFE = 3600;
const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Source: ValidateUserAnnotations. */
export function validateUserAnnotations(out: Problems, at: Path, annotations: Readonly<Record<string, string>> | undefined): void {
  let bytes = 0;
  for (const [key, value] of entries(annotations)) {
    bytes += byteLength(key) + byteLength(value);
    const lower = key.toLowerCase();
    const reasons = qualifiedName(lower);
    if (lower === '') out.required(at);
    else if (reasons.length > 0) out.each(at, lower, reasons);
    else if (!lower.includes('/')) out.invalid(at, lower, 'must be a domain-prefixed key (such as "acme.io/foo")');
  }
  if (bytes > MAX_ANNOTATION_BYTES) out.tooLong(at, MAX_ANNOTATION_BYTES);
}

function validatePodCertificate(out: Problems, at: Path, source: PodCertificateProjection, claimed: Claimed): void {
  validateSignerName(out, at.child('signerName'), source.signerName);
  validateUserAnnotations(out, at.child('userAnnotations'), source.userAnnotations);
  out.oneOf(at.child('keyType'), source.keyType, KEY_TYPES);
  const life = source.maxExpirationSeconds;
  if (life !== undefined) {
    const longest = isKubernetesSigner(source.signerName) ? MAX_KUBERNETES_CERTIFICATE_LIFE : MAX_CERTIFICATE_LIFE;
    const path = at.child('maxExpirationSeconds');
    if (life < MIN_CERTIFICATE_LIFE) out.invalid(path, life, `if provided, maxExpirationSeconds must be >= ${MIN_CERTIFICATE_LIFE}`);
    if (life > longest) out.invalid(path, life, `if provided, maxExpirationSeconds must be <= ${longest}`);
  }
  const paths = ['credentialBundlePath', 'keyPath', 'certificateChainPath'] as const;
  for (const member of paths) {
    const path = source[member];
    if (blank(path)) continue;
    validateNotReserved(out, at.child(member), path);
    claimed.claim(path);
  }
  if (paths.every((member) => blank(source[member]))) {
    out.required(at, 'specify at least one of credentialBundlePath, keyPath, and certificateChainPath');
  }
}
