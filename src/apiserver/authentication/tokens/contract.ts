// One kind of bearer token. ./bearer.ts takes tokens out of requests; TokenReview asks about tokens of others.
import type { AuthenticationNotes, UserInfo } from '../contract.ts';

export interface TokenResponse extends AuthenticationNotes {
  readonly user: UserInfo;
  /** Audiences of the token among those wanted. */
  readonly audiences: readonly string[];
}

/** Like an Authenticator, for tokens: undefined for a token of another kind. */
export interface TokenAuthenticator {
  readonly name: string;
  /**
   * @param audiences the token must be for one of these
   * @throws AuthenticationError for a token of this kind that is not valid
   */
  authenticate(token: string, audiences: readonly string[]): TokenResponse | undefined | Promise<TokenResponse | undefined>;
}
