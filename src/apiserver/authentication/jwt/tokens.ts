// Tokens of OpenID Connect issuers. The signature is checked once for each token; its end at every use.
// Source: apiserver plugin/pkg/authenticator/token/oidc oidc.go.
import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose';
import type { JsonObject } from '#apimachinery/json-value.ts';
import { goQuotedList } from '#apimachinery/go-format.ts';
import { Lru } from '#base/lru.ts';
import type { Clock } from '#base/clock.ts';
import type { Outbound } from '../../outbound/contract.ts';
import { AuthenticationError, type UserInfo } from '../contract.ts';
import type { TokenAuthenticator, TokenResponse } from '../tokens/contract.ts';
import type { JwtIssuer } from './configuration.ts';
import { IssuerKeys } from './key-set.ts';
import { claimsToUser, type ClaimsToUser } from './mapping.ts';

/** Source: oidc.allowedSigningAlgs. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];
const CACHED_TOKENS = 4_096;

export interface JwtOptions {
  /** Of this server: what a token that is accepted is good for. */
  readonly audiences: readonly string[];
  readonly outbound: Outbound;
  readonly clock: Clock;
  /** Default RS256 alone with flags, all with a configuration file. */
  readonly algorithms?: readonly string[];
}

interface Verified {
  readonly user: UserInfo;
  /** Seconds since the epoch. */
  readonly end: number;
  readonly from: number;
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
  readonly #verified = new Lru<string, Verified>(CACHED_TOKENS);

  constructor(configuration: JwtIssuer, options: JwtOptions) {
    const { url, discoveryURL, certificateAuthority } = configuration.issuer;
    this.#issuer = configuration.issuer;
    this.#options = options;
    this.#toUser = claimsToUser(configuration);
    const { outbound, clock } = options;
    this.#keys = new IssuerKeys({ issuer: url, discoveryUrl: discoveryURL, ca: certificateAuthority, outbound, clock });
  }

  authenticate(token: string, wanted: readonly string[]): TokenResponse | undefined | Promise<TokenResponse | undefined> {
    const audiences = this.#options.audiences.filter((audience) => wanted.includes(audience));
    if (audiences.length === 0) return undefined;
    const known = this.#verified.get(token);
    if (known !== undefined) return this.#answer(known, audiences);
    return issuerOf(token) === this.#issuer.url ? this.#verify(token).then((verified) => this.#answer(verified, audiences)) : undefined;
  }

  /** @throws AuthenticationError for a token that has ended since */
  #answer({ user, end, from }: Verified, audiences: readonly string[]): TokenResponse {
    const now = this.#options.clock.now() / 1_000;
    if (now > end) throw new AuthenticationError('oidc: verify token: oidc: token is expired');
    if (now < from) throw new AuthenticationError('oidc: verify token: oidc: current time is before the nbf (not before) time');
    return { user, audiences };
  }

  async #verify(token: string): Promise<Verified> {
    const { clock, algorithms = ALGORITHMS } = this.#options;
    let payload: JWTPayload;
    try {
      ({ payload } = await jwtVerify(token, this.#keys.get, {
        issuer: this.#issuer.url,
        algorithms: [...algorithms],
        currentDate: new Date(clock.now()),
        requiredClaims: ['exp'],
      }));
    } catch (error) {
      if (error instanceof errors.JOSEError) throw new AuthenticationError(`oidc: verify token: ${error.message}`, { cause: error });
      throw error;
    }
    const given = payload.aud === undefined ? [] : [payload.aud].flat();
    const { audiences } = this.#issuer;
    if (!given.some((audience) => audiences.includes(audience))) {
      throw new AuthenticationError(`oidc: verify token: oidc: expected audience in ${goQuotedList(audiences)} got ${goQuotedList(given)}`);
    }
    const user = this.#toUser(payload as unknown as JsonObject);
    const verified = { user, end: payload.exp ?? 0, from: payload.nbf ?? 0 };
    this.#verified.set(token, verified);
    return verified;
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
