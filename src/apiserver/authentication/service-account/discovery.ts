// What relying parties outside the cluster need to verify service-account tokens themselves.
// Source: pkg/serviceaccount openidmetadata.go.
import type { Algorithm, VerifyingKey } from './keys.ts';

export const OPENID_CONFIGURATION_PATH = '/.well-known/openid-configuration';
export const JWKS_PATH = '/openid/v1/jwks';
export const JWKS_MEDIA_TYPE = 'application/jwk-set+json';
/** How long a client may keep either document, seconds. */
export const DISCOVERY_MAX_AGE_SECONDS = 3_600;

export interface IssuerDiscovery {
  readonly issuer: string;
  /** Where the key set is served. */
  readonly jwksUri: string;
  readonly keys: readonly VerifyingKey[];
}

export interface OpenIdConfiguration {
  readonly issuer: string;
  readonly jwks_uri: string;
  readonly response_types_supported: readonly string[];
  readonly subject_types_supported: readonly string[];
  readonly id_token_signing_alg_values_supported: readonly Algorithm[];
}

export function openIdConfiguration({ issuer, jwksUri, keys }: IssuerDiscovery): OpenIdConfiguration {
  return {
    issuer,
    jwks_uri: jwksUri,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(keys.map(({ algorithm }) => algorithm))].toSorted(),
  };
}

export interface JsonWebKeySet {
  readonly keys: readonly Readonly<Record<string, unknown>>[];
}

export function jsonWebKeySet({ keys }: Pick<IssuerDiscovery, 'keys'>): JsonWebKeySet {
  return {
    keys: keys.map(({ id, algorithm, publicKey }) => {
      const { kty, ...numbers } = publicKey.export({ format: 'jwk' });
      return { use: 'sig', kty, kid: id, alg: algorithm, ...numbers };
    }),
  };
}

/** Why the documents cannot be served for this issuer; undefined when they can. Source: NewOpenIDMetadataProvider. */
export function issuerProblem(issuer: string): string | undefined {
  if (issuer === '') return 'empty issuer URL';
  if (!URL.canParse(issuer)) return `issuer URL cannot be parsed, got: ${issuer}`;
  const url = new URL(issuer);
  if (url.protocol !== 'https:') return `issuer URL must use https scheme, got: ${issuer}`;
  if (url.search !== '') return `issuer URL may not include a query, got: ${issuer}`;
  if (url.hash !== '') return `issuer URL may not include a fragment, got: ${issuer}`;
  return undefined;
}
