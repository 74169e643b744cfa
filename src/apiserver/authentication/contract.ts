// Who is asking. Implementations fill this folder; the authentication stage (../stages/authentication.ts) asks them in order.
import type { X509Certificate } from 'node:crypto';
import type { Query } from '../request.ts';

/** An authenticated identity. Source: authentication/user.Info. */
export interface UserInfo {
  readonly name: string;
  /** Empty or absent where the authenticator knows none. */
  readonly uid?: string;
  /** Without repeats. Every authenticated user also has `system:authenticated` (the stage adds it). */
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What an authenticator may look at: never the body. */
export interface AuthenticationRequest {
  /** Value of a header by its lower-case name; several values are joined with `, `. */
  header(name: string): string | undefined;
  /** Names and values in turn, in the order sent; `header` cannot tell two values from one with a comma. */
  readonly rawHeaders?: readonly string[];
  /**
   * The client's certificate, present only if the TLS layer verified its chain against the client CA in force
   * when the connection was made. The leaf; `issuerCertificate` leads up the chain.
   */
  readonly clientCertificate: X509Certificate | undefined;
  /** Decoded path, without the query. */
  readonly path: string;
  readonly query: Query;
  readonly remoteAddress: string;
  /** What a token must be for; absent: this server itself. Set by TokenReview. */
  readonly audiences?: readonly string[];
  readonly signal: AbortSignal;
}

/** What there is to say of credentials beside whose they are. */
export interface AuthenticationNotes {
  /** For the audit event. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** For the client. */
  readonly warnings?: readonly string[];
}

export interface AuthenticationResponse extends AuthenticationNotes {
  readonly user: UserInfo;
  /** Audiences of the token, intersected with those asked for; absent for authenticators without audiences. */
  readonly audiences?: readonly string[];
}

/**
 * One way of proving identity. Returns
 * - a response: this is the user, no further authenticator is asked;
 * - undefined: the request carries nothing of this kind (no such header, certificate, …): ask the next one;
 * - throws (rejects with) AuthenticationError: it carries credentials of this kind and they are not valid. The next
 *   ones are still asked; when none accepts, the answer is 401 and the messages are logged, never sent.
 *
 * Synchronous answers are welcome: this is on the path of every request, so verified credentials should be cached.
 */
export interface Authenticator {
  /** For logs and metrics: `x509`, `serviceaccount`, `bootstraptoken`, … */
  readonly name: string;
  authenticate(request: AuthenticationRequest): AuthenticationResponse | undefined | Promise<AuthenticationResponse | undefined>;
}

/** Credentials were present but are not valid: bad signature, expired, unknown issuer. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
}

/** Well-known identities. Source: authentication/user constants. */
export const ALL_AUTHENTICATED = 'system:authenticated';
export const ALL_UNAUTHENTICATED = 'system:unauthenticated';
export const ANONYMOUS = 'system:anonymous';
/** Members may do everything; judged before any authoriser. */
export const SYSTEM_PRIVILEGED_GROUP = 'system:masters';
