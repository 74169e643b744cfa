// What a service-account token says, and how it is written down.
// Source: pkg/serviceaccount claims.go, legacy.go; go-jose jwt.
import { isJsonObject } from '#api/json-object.ts';

/** Name and uid of an object a token depends on. */
export interface ObjectClaim {
  readonly name?: string;
  readonly uid?: string;
}

/** Claims of the namespaced key `kubernetes.io`. */
export interface KubernetesClaims {
  readonly namespace?: string;
  readonly node?: ObjectClaim;
  readonly pod?: ObjectClaim;
  readonly secret?: ObjectClaim;
  readonly serviceaccount?: ObjectClaim;
  /** Seconds since the epoch, as all times here. */
  readonly warnafter?: number;
}

export interface Claims {
  readonly iss?: string;
  readonly sub?: string;
  readonly aud?: readonly string[] | string;
  readonly exp?: number;
  readonly nbf?: number;
  readonly iat?: number;
  readonly jti?: string;
  readonly 'kubernetes.io'?: KubernetesClaims;
  readonly 'kubernetes.io/serviceaccount/namespace'?: string;
  readonly 'kubernetes.io/serviceaccount/secret.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.uid'?: string;
}

/** Issuer of tokens kept in Secrets. */
export const LEGACY_ISSUER = 'kubernetes/serviceaccount';

/** Taken apart, not verified. */
export interface ParsedToken {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  readonly claims: Claims;
  /** What the signature is over. */
  readonly signed: string;
  readonly signature: Uint8Array;
}

/** Undefined for what is no signed JWT in compact form, or has claims of the wrong types. */
export function parseToken(token: string): ParsedToken | undefined {
  const parts = token.split('.');
  if (parts.length !== 3) return undefined;
  const [header, payload] = [decode(parts[0] as string), decode(parts[1] as string)];
  if (header === undefined || payload === undefined || typeof header['alg'] !== 'string' || !wellFormed(payload)) return undefined;
  return {
    algorithm: header['alg'],
    keyId: typeof header['kid'] === 'string' && header['kid'] !== '' ? header['kid'] : undefined,
    claims: payload,
    signed: `${parts[0]}.${parts[1]}`,
    signature: Buffer.from(parts[2] as string, 'base64url'),
  };
}

export const audiencesOf = ({ aud }: Claims): readonly string[] => (aud === undefined ? [] : typeof aud === 'string' ? [aud] : aud);

function decode(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const TEXTS = [
  'iss',
  'sub',
  'jti',
  'kubernetes.io/serviceaccount/namespace',
  'kubernetes.io/serviceaccount/secret.name',
  'kubernetes.io/serviceaccount/service-account.name',
  'kubernetes.io/serviceaccount/service-account.uid',
];

function wellFormed(payload: Record<string, unknown>): payload is Record<string, unknown> & Claims {
  const optional = (value: unknown, type: 'string' | 'number'): boolean => value === undefined || typeof value === type;
  const { aud } = payload;
  const bound = payload['kubernetes.io'];
  return (
    TEXTS.every((key) => optional(payload[key], 'string')) &&
    ['exp', 'nbf', 'iat'].every((key) => optional(payload[key], 'number')) &&
    (optional(aud, 'string') || (Array.isArray(aud) && aud.every((one) => typeof one === 'string'))) &&
    (bound === undefined || (isJsonObject(bound) && wellFormedBinding(bound)))
  );
}

function wellFormedBinding(bound: Record<string, unknown>): boolean {
  const reference = (value: unknown): boolean =>
    value === undefined ||
    (isJsonObject(value) && ['name', 'uid'].every((key) => value[key] === undefined || typeof value[key] === 'string'));
  return (
    ['string', 'undefined'].includes(typeof bound['namespace']) &&
    ['number', 'undefined'].includes(typeof bound['warnafter']) &&
    ['node', 'pod', 'secret', 'serviceaccount'].every((key) => reference(bound[key]))
  );
}
