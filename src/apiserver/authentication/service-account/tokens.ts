// Bearer tokens of service accounts. The signature is checked once for each token; its times and bound objects at every use.
// Source: pkg/serviceaccount jwt.go jwtTokenAuthenticator.
import { nodes, pods, secrets, serviceaccounts } from '#api/resources.ts';
import { goQuotedList } from '#apimachinery/go-format.ts';
import type { Clock } from '#base/clock.ts';
import { Lru } from '#base/lru.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { AuthenticationError, type UserInfo } from '../contract.ts';
import type { TokenAuthenticator, TokenResponse } from '../tokens/contract.ts';
import { audiencesOf, LEGACY_ISSUER, parseToken, type Claims, type ParsedToken } from './claims.ts';
import type { TokenMetrics, TokenUse } from './metrics.ts';
import { verifyText, type VerifyingKey } from './keys.ts';
import {
  userOfClaims,
  userOfLegacyClaims,
  validateClaims,
  validateLegacyClaims,
  type BoundObjects,
  type TokenOrigin,
  type Verdict,
} from './validate.ts';

const ANNOTATION = 'authentication.k8s.io/';
/** Source: legacyValidator.Validate. */
const USE_TOKEN_REQUEST =
  'Use tokens from the TokenRequest API or manually created secret-based tokens instead of auto-generated secret-based tokens.';

/** Verified tokens kept. */
const CACHED_TOKENS = 4_096;

export interface ServiceAccountTokenOptions {
  /** The first one signs; all are accepted. */
  readonly issuers: readonly string[];
  /** Of this server: default audiences of tokens without any. */
  readonly audiences: readonly string[];
  /** Every key whose tokens are still good. */
  readonly keys: readonly VerifyingKey[];
  readonly reader: Pick<CacheReader, 'get' | 'caughtUp'>;
  readonly clock: Clock;
  readonly metrics?: TokenMetrics;
  /** Told of each use of a token kept in a Secret, also of one that was taken back. */
  readonly onLegacyUse?: (use: { readonly namespace: string; readonly secretName: string }) => void;
}

/** A token whose signature is good. */
interface Verified {
  readonly claims: Claims;
  readonly legacy: boolean;
  /** The same object each time, so that what depends on the user can be kept with it. */
  readonly user: UserInfo;
  /** What a request with this token gets; made when first asked for. */
  response: TokenResponse | undefined;
}

export function serviceAccountTokens(options: ServiceAccountTokenOptions): TokenAuthenticator {
  return new ServiceAccountTokens(options);
}

class ServiceAccountTokens implements TokenAuthenticator {
  readonly name = 'serviceaccount';
  readonly #options: ServiceAccountTokenOptions;
  readonly #issuers: ReadonlySet<string>;
  readonly #objects: BoundObjects;
  readonly #verified = new Lru<string, Verified>(CACHED_TOKENS);

  constructor(options: ServiceAccountTokenOptions) {
    const { reader } = options;
    this.#options = options;
    this.#issuers = new Set([LEGACY_ISSUER, ...options.issuers]);
    this.#objects = {
      serviceAccount: (namespace, name) => reader.get(serviceaccounts, name, namespace),
      secret: (namespace, name) => reader.get(secrets, name, namespace),
      pod: (namespace, name) => reader.get(pods, name, namespace),
      node: (name) => reader.get(nodes, name),
    };
  }

  authenticate(token: string, wanted: readonly string[]): TokenResponse | undefined | Promise<TokenResponse | undefined> {
    const verified = this.#verified.get(token) ?? this.#read(token);
    if (verified === undefined) return undefined;
    const response = this.#response(verified, wanted);
    const verdict = this.#judge(token, verified);
    if (verdict.kind === 'gone') return this.#lookAgain(token, verified, response);
    return this.#answer(verdict, verified, response);
  }

  /** @throws AuthenticationError */
  #read(token: string): Verified | undefined {
    const parsed = parseToken(token);
    if (parsed === undefined || !this.#issuers.has(parsed.claims.iss ?? '')) return undefined;
    this.#verify(parsed);
    const { claims } = parsed;
    const legacy = claims.iss === LEGACY_ISSUER;
    const verified: Verified = { claims, legacy, user: legacy ? userOfLegacyClaims(claims) : userOfClaims(claims), response: undefined };
    this.#verified.set(token, verified);
    return verified;
  }

  /** @throws AuthenticationError */
  #verify({ keyId, algorithm, signed, signature }: ParsedToken): void {
    const keys = this.#options.keys.filter(({ id }) => keyId === undefined || id === keyId);
    if (keys.length === 0) throw new AuthenticationError('invalid signature, no keys found');
    // The key says which algorithm is right, not the token.
    if (!keys.some((key) => key.algorithm === algorithm && verifyText(signed, signature, key))) {
      throw new AuthenticationError('go-jose/go-jose: error in cryptographic primitive');
    }
  }

  /** @throws AuthenticationError for a token that is for others */
  #response(verified: Verified, wanted: readonly string[]): TokenResponse {
    const usual = wanted === this.#options.audiences;
    if (usual && verified.response !== undefined) return verified.response;
    const own = audiencesOf(verified.claims);
    const given = own.length === 0 ? this.#options.audiences : own;
    const audiences = given.filter((audience) => wanted.includes(audience));
    if (audiences.length === 0) {
      throw new AuthenticationError(`token audiences ${goQuotedList(given)} is invalid for the target audiences ${goQuotedList(wanted)}`);
    }
    const response = { user: verified.user, audiences };
    if (usual) verified.response = response;
    return response;
  }

  /** The token may know of objects that have not reached the cache. */
  async #lookAgain(token: string, verified: Verified, response: TokenResponse): Promise<TokenResponse> {
    await this.#options.reader.caughtUp();
    return this.#answer(this.#judge(token, verified), verified, response);
  }

  #judge(token: string, { claims, legacy }: Verified): Verdict {
    return legacy ? validateLegacyClaims(token, claims, this.#objects) : validateClaims(claims, this.#objects, this.#options.clock.now());
  }

  #answer(verdict: Verdict, { claims, legacy }: Verified, response: TokenResponse): TokenResponse {
    if (verdict.kind !== 'valid') {
      if (verdict.kind === 'invalid' && verdict.marked === true) {
        this.#used('invalid_legacy_auto_token_uses_total');
        this.#legacyUse(claims);
      }
      throw new AuthenticationError(verdict.why);
    }
    return legacy ? this.#ofSecret(verdict.origin ?? 'manual', claims, response) : this.#projected(claims, response);
  }

  #ofSecret(origin: TokenOrigin, claims: Claims, response: TokenResponse): TokenResponse {
    this.#used('legacy_tokens_total');
    this.#used(`legacy_${origin}_token_uses_total`);
    this.#legacyUse(claims);
    const secretName = claims['kubernetes.io/serviceaccount/secret.name'] ?? '';
    return origin === 'auto'
      ? { ...response, annotations: { [`${ANNOTATION}legacy-token-autogenerated-secret`]: secretName }, warnings: [USE_TOKEN_REQUEST] }
      : { ...response, annotations: { [`${ANNOTATION}legacy-token-manual-secret`]: secretName } };
  }

  /** Tokens that live longer than they should say from when on they should have been renewed. Source: validator.Validate. */
  #projected(claims: Claims, response: TokenResponse): TokenResponse {
    const warnAfter = claims['kubernetes.io']?.warnafter ?? 0;
    if (warnAfter === 0) return response;
    const late = Math.floor(this.#options.clock.now() / 1_000) - warnAfter;
    this.#used(late > 0 ? 'stale_tokens_total' : 'valid_tokens_total');
    if (late <= 0) return response;
    const info = `subject: ${claims.sub ?? ''}, seconds after warning threshold: ${late}`;
    return { ...response, annotations: { [`${ANNOTATION}stale-token`]: info } };
  }

  #used(use: TokenUse): void {
    this.#options.metrics?.used(use);
  }

  #legacyUse(claims: Claims): void {
    this.#options.onLegacyUse?.({
      namespace: claims['kubernetes.io/serviceaccount/namespace'] ?? '',
      secretName: claims['kubernetes.io/serviceaccount/secret.name'] ?? '',
    });
  }
}
