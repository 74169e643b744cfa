// Who a request comes from, as a cluster finds it out by default: the front proxy's word, certificates, then tokens of every kind.
import { X509Certificate } from 'node:crypto';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Transport } from '#client/contract.ts';
import { type Authenticator, type UserInfo } from './contract.ts';
import { SELF } from './self.ts';
import { ConfiguredAuthentication } from './jwt/configured.ts';
import type { AuthenticationConfiguration } from './jwt/configuration.ts';
import { staticTokens } from './tokens/static.ts';
import { webhookTokens } from './tokens/webhook.ts';
import { kubeconfigWebhook } from '../outbound/kubeconfig-webhook.ts';
import type { Outbound } from '../outbound/contract.ts';
import { frontProxyAuthenticator } from './front-proxy.ts';
import { discoveryDocuments } from './service-account/discovery-routes.ts';
import { ServiceAccountTokenIssuer } from './service-account/issuer.ts';
import { signingKey, verifyingKey } from './service-account/keys.ts';
import { tokenHandlers } from './token-handler.ts';
import { TokenMetrics } from './service-account/metrics.ts';
import { serviceAccountTokens } from './service-account/tokens.ts';
import { bearerAuthenticator } from './tokens/bearer.ts';
import { bootstrapTokens } from './tokens/bootstrap.ts';
import { x509Authenticator } from './x509.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { Handlers } from '../handlers/dispatch.ts';
import type { Route } from '../routes/contract.ts';
import { LastUses } from '../identity/token-tracking.ts';

/** PEM texts throughout. */
export interface AuthenticationSettings {
  /** Issuers of user certificates. */
  readonly clientCa: string;
  /** Issuers of certificates of proxies that name the user in headers; absent: no proxy is trusted. */
  readonly frontProxy?: { readonly ca: string; readonly allowedNames: readonly string[] };
  readonly serviceAccounts: {
    /** `https://kubernetes.default.svc.cluster.local`. */
    readonly issuer: string;
    /** Private key. */
    readonly signingKey: string;
    /** Further public or private keys whose tokens are still good. */
    readonly verifyingKeys?: readonly string[];
    /** Further ones whose tokens are taken. */
    readonly otherIssuers?: readonly string[];
    /** Default: the issuers. */
    readonly audiences?: readonly string[];
    /** Where the key set is served to the outside: `https://10.0.0.1:6443/openid/v1/jwks`. */
    readonly jwksUri: string;
    /** Longest life a client may ask for, seconds. */
    readonly maxExpirationSeconds?: number;
  };
  /** Further kinds of bearer tokens, asked in this order: static ones before those of service accounts, others behind. */
  readonly tokens?: {
    /** Text of a token file. Source: --token-auth-file. */
    readonly static?: string;
    /** Source: --authentication-token-webhook-config-file and its like. */
    readonly webhook?: { readonly kubeconfig: string; readonly version: 'v1' | 'v1beta1'; readonly cacheMs: number };
  };
  /** JWT issuers and anonymous access. Source: --authentication-config. */
  readonly configuration?: AuthenticationConfiguration;
}

export interface AuthenticationParts {
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** For issuers and webhooks. */
  readonly outbound: Outbound;
  /** To note uses of tokens in Secrets. */
  loopback(user: UserInfo): Transport;
}

export interface Authentication {
  readonly authenticators: readonly Authenticator[];
  /** `serviceaccounts/token`. */
  readonly handlers: ReadonlyMap<string, Handlers>;
  /** For the tokens controller: the token of a Secret. */
  readonly issuer: ServiceAccountTokenIssuer;
  readonly audiences: readonly string[];
  /** Issuer discovery. */
  readonly routes: readonly Route[];
  readonly anonymous: (path: string) => boolean;
  /** For /metrics. */
  readonly figures: readonly (() => string)[];
  /** Takes another configuration, whole or not at all. @throws ConfigurationError */
  reconfigure(configuration: AuthenticationConfiguration): void;
}

/** @throws Error for keys or certificates that cannot be read */
export function createAuthentication(
  parts: AuthenticationParts,
  { clientCa, frontProxy, serviceAccounts, tokens = {}, configuration = {} }: AuthenticationSettings,
): Authentication {
  const { reader, clock, ids, logger, outbound } = parts;
  const { issuer: name, jwksUri, otherIssuers = [] } = serviceAccounts;
  const issuers = [name, ...otherIssuers];
  const audiences = serviceAccounts.audiences ?? issuers;
  const limit = serviceAccounts.maxExpirationSeconds === undefined ? {} : { maxExpirationSeconds: serviceAccounts.maxExpirationSeconds };
  const key = signingKey(serviceAccounts.signingKey);
  const keys = [key, ...(serviceAccounts.verifyingKeys ?? []).map(verifyingKey)];
  const issuer = new ServiceAccountTokenIssuer({ issuer: name, key, clock, ids });
  const configured = new ConfiguredAuthentication(configuration, { audiences, outbound, clock });
  const metrics = new TokenMetrics();
  const lastUses = new LastUses({ client: () => createClient(parts.loopback(SELF)), reader, clock, logger });
  const { static: file, webhook } = tokens;
  const kinds = [
    ...(file === undefined ? [] : [staticTokens(file, audiences)]),
    serviceAccountTokens({ issuers, audiences, keys, reader, clock, metrics, onLegacyUse: (use) => lastUses.note(use) }),
    bootstrapTokens({ audiences, reader, clock, logger }),
    configured,
    ...(webhook === undefined
      ? []
      : [webhookTokens({ ...webhook, webhook: kubeconfigWebhook(webhook.kubeconfig, outbound), audiences, clock })]),
  ];
  return {
    authenticators: [
      ...(frontProxy === undefined
        ? []
        : [frontProxyAuthenticator({ authorities: certificates(frontProxy.ca), allowedNames: frontProxy.allowedNames, clock })]),
      x509Authenticator({ authorities: certificates(clientCa), clock }),
      bearerAuthenticator(kinds, audiences),
    ],
    handlers: tokenHandlers({ issuer, audiences, reader, clock, projectedTokens: 'extend', ...limit }),
    issuer,
    audiences,
    routes: discoveryDocuments({ issuer: name, jwksUri, keys }, logger),
    anonymous: (path) => configured.anonymous(path),
    figures: [() => metrics.expose()],
    reconfigure: (next) => configured.reconfigure(next),
  };
}

/** Every certificate of a bundle. */
function certificates(pem: string): readonly X509Certificate[] {
  return (pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).map((one) => new X509Certificate(one));
}
