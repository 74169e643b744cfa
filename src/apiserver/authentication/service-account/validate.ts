// Whether what a verified token says still holds: its times, and the objects it is bound to. Pure.
// Source: pkg/serviceaccount claims.go validator.Validate, legacy.go legacyValidator.Validate.
import { timingSafeEqual } from 'node:crypto';
import type { Node, Pod, Secret, ServiceAccount } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { UserInfo } from '../contract.ts';
import { EXTRA, parseServiceAccountUser, serviceAccountGroups, serviceAccountUser } from '../names.ts';
import type { Claims, ObjectClaim } from './claims.ts';

/** Reads of what exists now. */
export interface BoundObjects {
  serviceAccount(namespace: string, name: string): ServiceAccount | undefined;
  secret(namespace: string, name: string): Secret | undefined;
  pod(namespace: string, name: string): Pod | undefined;
  node(name: string): Node | undefined;
}

/** Of a token in a Secret: whether the service account names it, as those made for it do. */
export type TokenOrigin = 'auto' | 'manual';

/** `gone`: something was not found as the token knows it, which a staler view than the token may explain. */
export type Verdict =
  | { readonly kind: 'valid'; readonly origin?: TokenOrigin }
  /** `marked`: nobody used the token for so long that it was taken back. */
  | { readonly kind: 'invalid'; readonly why: string; readonly marked?: true }
  | { readonly kind: 'gone'; readonly why: string };

const VALID: Verdict = { kind: 'valid' };
const invalid = (why: string): Verdict => ({ kind: 'invalid', why });
const gone = (why: string): Verdict => ({ kind: 'gone', why });

/** How far clocks may differ, and how long a deleted object is good for. Source: jwt.DefaultLeeway. */
const LEEWAY_MS = 60_000;
const INVALIDATED = 'service account token has been invalidated';

/** @param now milliseconds since the epoch */
export function validateClaims(claims: Claims, objects: BoundObjects, now: number): Verdict {
  if (claims.nbf !== undefined && now + LEEWAY_MS < claims.nbf * 1_000) return invalid('service account token is not valid yet');
  if (claims.exp !== undefined && now - LEEWAY_MS > claims.exp * 1_000) return invalid('service account token has expired');
  if (claims.iat !== undefined && now + LEEWAY_MS < claims.iat * 1_000) return invalid('service account token is issued in the future');
  const bound = claims['kubernetes.io'] ?? {};
  const namespace = bound.namespace ?? '';
  const reference = bound.serviceaccount ?? {};
  const account = objects.serviceAccount(namespace, reference.name ?? '');
  if (account === undefined) return gone(`serviceaccounts "${reference.name ?? ''}" not found`);
  if (account.metadata.uid !== reference.uid)
    return gone(`service account UID (${account.metadata.uid}) does not match claim (${reference.uid ?? ''})`);
  if (deleted(account, now)) return invalid(`service account ${namespace}/${reference.name} has been deleted`);
  if (bound.secret !== undefined) {
    const verdict = stands('secret', bound.secret, objects.secret(namespace, bound.secret.name ?? ''), now);
    if (verdict !== VALID) return verdict;
  }
  if (bound.pod !== undefined) return stands('pod', bound.pod, objects.pod(namespace, bound.pod.name ?? ''), now);
  if (bound.node !== undefined) return stands('node', bound.node, objects.node(bound.node.name ?? ''), now);
  return VALID;
}

function stands(kind: 'secret' | 'pod' | 'node', claim: ObjectClaim, object: Secret | Pod | Node | undefined, now: number): Verdict {
  if (object === undefined) return gone(INVALIDATED);
  const { uid } = object.metadata;
  if (uid !== claim.uid) return gone(`${kind} UID (${uid}) does not match service account ${kind} ref claim (${claim.uid ?? ''})`);
  return deleted(object, now) ? invalid(INVALIDATED) : VALID;
}

const deleted = ({ metadata }: ServiceAccount | Secret | Pod | Node, now: number): boolean =>
  typeof metadata.deletionTimestamp === 'string' && parseTime(metadata.deletionTimestamp) < now - LEEWAY_MS;

export function userOfClaims(claims: Claims): UserInfo {
  const { namespace = '', serviceaccount, pod, node } = claims['kubernetes.io'] ?? {};
  const extra: Record<string, readonly string[]> = {};
  if (pod?.name && pod.uid) {
    extra[EXTRA.podName] = [pod.name];
    extra[EXTRA.podUid] = [pod.uid];
  }
  if (claims.jti) extra[EXTRA.credentialId] = [`JTI=${claims.jti}`];
  if (node?.name) {
    extra[EXTRA.nodeName] = [node.name];
    if (node.uid) extra[EXTRA.nodeUid] = [node.uid];
  }
  const name = serviceAccountUser({ namespace, name: serviceaccount?.name ?? '' });
  return {
    name,
    uid: serviceaccount?.uid ?? '',
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

/** On Secrets of tokens nobody used for long. Source: serviceaccount.InvalidSinceLabelKey. */
const INVALID_SINCE_LABEL = 'kubernetes.io/legacy-token-invalid-since';

/** A token kept in a Secret. @param token as sent: it must be the Secret's own */
export function validateLegacyClaims(token: string, claims: Claims, objects: BoundObjects): Verdict {
  const { namespace, secretName, name, uid } = legacyNames(claims);
  if (!claims.sub) return invalid('sub claim is missing');
  if (!namespace) return invalid('namespace claim is missing');
  if (!secretName) return invalid('secretName claim is missing');
  if (!name) return invalid('serviceAccountName claim is missing');
  if (!uid) return invalid('serviceAccountUID claim is missing');
  const subject = parseServiceAccountUser(claims.sub);
  if (subject?.namespace !== namespace || subject.name !== name) return invalid('sub claim is invalid');
  const secret = objects.secret(namespace, secretName);
  if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return gone('Token has been invalidated');
  if (!same(Buffer.from(secret.data?.['token'] ?? '', 'base64'), Buffer.from(token))) return gone("Token does not match server's copy");
  const account = objects.serviceAccount(namespace, name);
  if (account === undefined) return gone(`serviceaccounts "${name}" not found`);
  if (account.metadata.deletionTimestamp !== undefined) return invalid(`ServiceAccount ${namespace}/${name} has been deleted`);
  if (account.metadata.uid !== uid) return gone(`ServiceAccount UID (${account.metadata.uid}) does not match claim (${uid})`);
  if (secret.metadata.labels?.[INVALID_SINCE_LABEL]) {
    return {
      kind: 'invalid',
      marked: true,
      why: `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE_LABEL}' label from the secret to temporarily allow use of this token`,
    };
  }
  return { kind: 'valid', origin: account.secrets?.some((reference) => reference.name === secretName) === true ? 'auto' : 'manual' };
}

export function userOfLegacyClaims(claims: Claims): UserInfo {
  const { namespace = '', name = '', uid = '' } = legacyNames(claims);
  return { name: serviceAccountUser({ namespace, name }), uid, groups: serviceAccountGroups(namespace) };
}

function legacyNames(claims: Claims): {
  readonly namespace: string | undefined;
  readonly secretName: string | undefined;
  readonly name: string | undefined;
  readonly uid: string | undefined;
} {
  return {
    namespace: claims['kubernetes.io/serviceaccount/namespace'],
    secretName: claims['kubernetes.io/serviceaccount/secret.name'],
    name: claims['kubernetes.io/serviceaccount/service-account.name'],
    uid: claims['kubernetes.io/serviceaccount/service-account.uid'],
  };
}

const same = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);
