// Tokens of OpenID Connect issuers. The signature is checked once for each token; its end at every use.
// Source: apiserver plugin/pkg/authenticator/token/oidc oidc.go.
import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import type { JsonObject } from '#apimachinery/json-value.ts';
import { goQuote, goQuotedList } from '#apimachinery/go-format.ts';
import { Lru } from '#base/lru.ts';
import type { Clock } from '#base/clock.ts';
import type { Outbound } from '../../outbound/contract.ts';
import { ConfigurationError } from '../../configuration/decode.ts';
import { AuthenticationError, type UserInfo } from '../contract.ts';
import type { TokenAuthenticator, TokenResponse } from '../tokens/contract.ts';
import type { JwtIssuer } from './configuration.ts';
import { withDistributedClaim } from './distributed-claims.ts';
import { IssuerKeys } from './key-set.ts';
import { claimsToUser, type ClaimsToUser } from './mapping.ts';

/** Source: oidc.allowedSigningAlgs. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];
const CACHED_TOKENS = 4_096;
/** How long what a token says is believed, milliseconds: groups that are elsewhere change. Source: TokenSuccessCacheTTL. */
const BELIEVED_MS = 10_000;
const EXPIRED = 'oidc: verify token: oidc: token is expired';
/** Others whose keys are kept, for claims that an issuer leaves to them. */
const OTHER_ISSUERS = 16;

export interface JwtOptions {
  /** Of this server: what a token that is accepted is good for. */
  readonly audiences: readonly string[];
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Default: all. */
  readonly algorithms?: readonly string[] | undefined;
}

interface Verified {
  readonly user: UserInfo;
  /** Seconds since the epoch. */
  readonly end: number;
  readonly from: number;
  /** Of the monotonic clock. */
  readonly believedUntil: number;
}

/** @throws ConfigurationError for expressions that cannot be used */
export function jwtTokens(configuration: JwtIssuer, options: JwtOptions): TokenAuthenticator {
  return new JwtTokens(configuration, options);
}

class JwtTokens implements TokenAuthenticator {
  readonly name = 'jwt';
  readonly #issuer: JwtIssuer['issuer'];
  readonly #options: JwtOptions;
  readonly #toUser: ClaimsToUser;
  readonly #keys: IssuerKeys;
  readonly #others = new Lru<string, IssuerKeys>(OTHER_ISSUERS);
  readonly #groups: string;
  readonly #verified = new Lru<string, Verified>(CACHED_TOKENS);

  constructor(configuration: JwtIssuer, options: JwtOptions) {
    const { url, discoveryURL, egressSelectorType = '' } = configuration.issuer;
    const unknown = options.algorithms?.find((name) => !ALGORITHMS.includes(name));
    if (unknown !== undefined) throw new ConfigurationError(`oidc: unsupported signing alg: ${goQuote(unknown)}`);
    if (egressSelectorType !== '')
      throw new ConfigurationError(`oidc: egress lookup required with egress selector type ${goQuote(egressSelectorType)}`);
    this.#issuer = configuration.issuer;
    this.#options = options;
    this.#toUser = claimsToUser(configuration);
    this.#groups = configuration.claimMappings.groups?.claim ?? '';
    this.#keys = this.#keysOf(url, discoveryURL);
  }

  authenticate(token: string, wanted: readonly string[]): TokenResponse | undefined | Promise<TokenResponse | undefined> {
    const audiences = this.#options.audiences.filter((audience) => wanted.includes(audience));
    if (audiences.length === 0) return undefined;
    const known = this.#verified.get(token);
    if (known !== undefined && this.#options.clock.monotonic() < known.believedUntil) return this.#answer(known, audiences);
    return issuerOf(token) === this.#issuer.url ? this.#verify(token).then((verified) => this.#answer(verified, audiences)) : undefined;
  }

  /** @throws AuthenticationError for a token that has ended since */
  #answer({ user, end, from }: Verified, audiences: readonly string[]): TokenResponse {
    const now = this.#options.clock.now() / 1_000;
    if (now > end) throw new AuthenticationError(EXPIRED);
    if (now < from) throw new AuthenticationError('oidc: verify token: oidc: current time is before the nbf (not before) time');
    return { user, audiences };
  }

  async #verify(token: string): Promise<Verified> {
    const payload = await this.#signed(token, this.#issuer.url, this.#keys);
    const user = this.#toUser(await this.#expanded(payload as unknown as JsonObject));
    const believedUntil = this.#options.clock.monotonic() + BELIEVED_MS;
    const verified = { user, end: payload.exp ?? 0, from: payload.nbf ?? 0, believedUntil };
    this.#verified.set(token, verified);
    return verified;
  }

  /** What a token says that its issuer signed, and for one of the audiences. @throws AuthenticationError */
  async #signed(token: string, issuer: string, keys: IssuerKeys): Promise<JWTPayload> {
    const { clock, algorithms = ALGORITHMS } = this.#options;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, keys.get, {
        issuer,
        algorithms: [...algorithms],
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp'],
      }));
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw new AuthenticationError(EXPIRED, { cause: error });
      if (error instanceof errors.JOSEError) throw new AuthenticationError(`oidc: verify token: ${error.message}`, { cause: error });
      throw error;
    }
    const given = payload.aud === undefined ? [] : [payload.aud].flat();
    const { audiences } = this.#issuer;
    if (given.some((audience) => audiences.includes(audience))) return payload;
    throw new AuthenticationError(`oidc: verify token: oidc: expected audience in ${goQuotedList(audiences)} got ${goQuotedList(given)}`);
  }

  #expanded(claims: JsonObject): Promise<JsonObject> | JsonObject {
    if (this.#groups === '') return claims;
    const verify = async (token: string): Promise<JsonObject> => {
      const issuer = issuerOf(token) ?? '';
      let keys = this.#others.get(issuer);
      if (keys === undefined) this.#others.set(issuer, (keys = this.#keysOf(issuer, undefined)));
      return (await this.#signed(token, issuer, keys)) as unknown as JsonObject;
    };
    const access = { ca: this.#issuer.certificateAuthority, outbound: this.#options.outbound };
    return withDistributedClaim(claims, { claim: this.#groups, access, verify });
  }

  #keysOf(issuer: string, discoveryUrl: string | undefined): IssuerKeys {
    const { outbound, clock } = this.#options;
    return new IssuerKeys({ issuer, discoveryUrl, ca: this.#issuer.certificateAuthority, outbound, clock });
  }
}

function issuerOf(token: string): string | undefined {
  try {
    return decodeJwt(token).iss;
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined; // no JWT: of another kind
    throw error;
  }
}
