// The keys of an issuer, found by OpenID discovery and asked for again when a token names one that is not known.
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey } from 'jose';
import { isObject } from '#apimachinery/json-value.ts';
import { parseJson, JsonError } from '#apimachinery/json.ts';
import type { Clock } from '#base/clock.ts';
import { AuthenticationError } from '../contract.ts';
import { fetchFrom, type IssuerAccess } from './fetch.ts';

/** Least time between two questions, milliseconds: tokens with made-up key ids must not cause more. */
const ASK_AGAIN_MS = 10_000;

export interface KeySetOptions extends IssuerAccess {
  readonly issuer: string;
  /** Where the discovery document is, if not below the issuer. */
  readonly discoveryUrl: string | undefined;
  readonly clock: Clock;
}

export class IssuerKeys {
  readonly #options: KeySetOptions;
  #keys: JWTVerifyGetKey | undefined;
  #askedAt = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(options: KeySetOptions) {
    this.#options = options;
  }

  /** For jose: the key of a token. @throws AuthenticationError when the issuer does not answer */
  readonly get: JWTVerifyGetKey = async (header, token) => {
    if (this.#keys === undefined) await this.#refresh();
    const keys = this.#keys;
    if (keys === undefined) throw new AuthenticationError('oidc: authenticator not initialized');
    try {
      return await keys(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || !(await this.#refresh())) throw error;
      return (this.#keys ?? keys)(header, token);
    }
  };

  /** False when it was asked a moment ago. */
  async #refresh(): Promise<boolean> {
    const { clock } = this.#options;
    if (this.#asking === undefined) {
      if (clock.monotonic() - this.#askedAt < ASK_AGAIN_MS) return false;
      this.#askedAt = clock.monotonic();
      this.#asking = this.#read().finally(() => (this.#asking = undefined));
    }
    await this.#asking;
    return true;
  }

  async #read(): Promise<void> {
    const { issuer, discoveryUrl } = this.#options;
    const document = await this.#fetch(discoveryUrl ?? `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
    if (!isObject(document) || document['issuer'] !== issuer) {
      throw new AuthenticationError(`oidc: issuer did not match the issuer returned by provider, expected ${JSON.stringify(issuer)}`);
    }
    const uri = document['jwks_uri'];
    if (typeof uri !== 'string') throw new AuthenticationError('oidc: the discovery document has no jwks_uri');
    const set = await this.#fetch(uri);
    if (!isObject(set) || !Array.isArray(set['keys'])) throw new AuthenticationError('oidc: the answer is no key set');
    this.#keys = createLocalJWKSet(set as unknown as JSONWebKeySet);
  }

  /** @throws AuthenticationError */
  async #fetch(url: string): Promise<unknown> {
    const { status, body } = await fetchFrom(url, this.#options);
    if (status !== 200) throw new AuthenticationError(`oidc: ${url} answered ${status}`);
    try {
      return parseJson(body.toString());
    } catch (error) {
      if (error instanceof JsonError) throw new AuthenticationError(`oidc: ${url}: ${error.message}`, { cause: error });
      throw error;
    }
  }
}
