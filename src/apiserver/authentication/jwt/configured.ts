// The issuers and the anonymous access of an AuthenticationConfiguration; another one may take its place.
import type { TokenAuthenticator, TokenResponse } from '../tokens/contract.ts';
import type { AuthenticationConfiguration } from './configuration.ts';
import { jwtTokens, type JwtOptions } from './tokens.ts';

export class ConfiguredAuthentication implements TokenAuthenticator {
  readonly name = 'jwt';
  readonly #options: JwtOptions;
  #issuers: readonly TokenAuthenticator[] = [];
  #anonymous: AuthenticationConfiguration['anonymous'];

  /** @throws ConfigurationError */
  constructor(configuration: AuthenticationConfiguration, options: JwtOptions) {
    this.#options = options;
    this.reconfigure(configuration);
  }

  /** Whole or not at all. @throws ConfigurationError */
  reconfigure({ jwt = [], anonymous, signingAlgorithms: algorithms }: AuthenticationConfiguration): void {
    this.#issuers = jwt.map((issuer) => jwtTokens(issuer, { ...this.#options, algorithms }));
    this.#anonymous = anonymous;
  }

  /** Source: request/anonymous NewAuthenticator. */
  anonymous(path: string): boolean {
    if (this.#anonymous === undefined) return true;
    const { enabled, conditions = [] } = this.#anonymous;
    return enabled && (conditions.length === 0 || conditions.some((condition) => condition.path === path));
  }

  authenticate(token: string, wanted: readonly string[]): TokenResponse | undefined | Promise<TokenResponse | undefined> {
    // A token names its issuer: at most one of them knows it.
    for (const issuer of this.#issuers) {
      const answer = issuer.authenticate(token, wanted);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }
}
