// pure
// Bootstrap tokens as they stand in secrets, and the signatures made with them.
// Source: cluster-bootstrap token/api types.go, jws.go; bootstrap/util.go.
import { createHmac } from 'node:crypto';
import type { Secret } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';

const SECRET_TYPE = 'bootstrap.kubernetes.io/token';
const SECRET_NAME = /^bootstrap-token-([a-z0-9]{6})$/;
const TOKEN_SECRET = /^[a-z0-9]{16}$/;

/** The key of a signature in the cluster's public information: this, and the token's id. */
export const SIGNATURE_PREFIX = 'jws-kubeconfig-';

export function isTokenSecret({ metadata, type }: Secret): boolean {
  return metadata.namespace === NAMESPACE.system && type === SECRET_TYPE;
}

const textOf = ({ data }: Secret, key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');

export interface SigningToken {
  readonly id: string;
  readonly secret: string;
}

/** The token that a secret allows to sign with; undefined when it does not, or is no whole token. */
export function signingToken(secret: Secret, now: number): SigningToken | undefined {
  if (!isTokenSecret(secret)) return undefined;
  const id = SECRET_NAME.exec(secret.metadata.name)?.[1];
  const token = { id: textOf(secret, 'token-id'), secret: textOf(secret, 'token-secret') };
  if (id === undefined || token.id !== id || !TOKEN_SECRET.test(token.secret)) return undefined;
  if (textOf(secret, 'usage-bootstrap-signing') !== 'true' || (untilExpired(secret, now) ?? 1) <= 0) return undefined;
  return token;
}

/** Milliseconds until the token expires, 0 when it has; undefined when it never does. A time that cannot be read is over. */
export function untilExpired(secret: Secret, now: number): number | undefined {
  const text = textOf(secret, 'expiration');
  if (text === '') return undefined;
  const expiry = Date.parse(text);
  return Number.isNaN(expiry) ? 0 : Math.max(0, expiry - now);
}

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

/** A JWS of `content` without the content: `header..signature`. Source: ComputeDetachedSignature. */
export function detachedSignature(content: string, { id, secret }: SigningToken): string {
  const header = base64url(JSON.stringify({ alg: 'HS256', kid: id }));
  const signature = createHmac('sha256', secret)
    .update(`${header}.${base64url(content)}`)
    .digest('base64url');
  return `${header}..${signature}`;
}

/** What the public information should hold: every token's signature, and no other. */
export function signedData(data: Readonly<Record<string, string>>, tokens: readonly SigningToken[]): Readonly<Record<string, string>> {
  const rest = Object.fromEntries(Object.entries(data).filter(([key]) => !key.startsWith(SIGNATURE_PREFIX)));
  const { kubeconfig } = data;
  if (kubeconfig === undefined) return rest;
  return {
    ...rest,
    ...Object.fromEntries(tokens.map((token) => [`${SIGNATURE_PREFIX}${token.id}`, detachedSignature(kubeconfig, token)])),
  };
}
