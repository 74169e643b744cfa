// Bearer tokens of requests: in the Authorization header, or in a WebSocket subprotocol, where browsers can put them.
// Source: apiserver pkg/authentication/request/bearertoken, request/websocket protocol.go, token/union.
import { AuthenticationError, type AuthenticationRequest, type Authenticator } from '../contract.ts';
import type { TokenAuthenticator, TokenResponse } from './contract.ts';

/** Longest token looked at, characters. */
const MAX_TOKEN = 64 * 1_024;

/** @param audiences of this server: what a token must be for unless the request says otherwise */
export function bearerAuthenticator(kinds: readonly TokenAuthenticator[], audiences: readonly string[]): Authenticator {
  return {
    name: 'bearertoken',
    authenticate(request) {
      const token = headerToken(request) ?? protocolToken(request);
      if (token === undefined || token === '') return undefined;
      if (token.length > MAX_TOKEN) throw new AuthenticationError('token too long');
      return reviewToken(token, request.audiences ?? audiences, kinds);
    },
  };
}

/**
 * The first kind that recognises `token`.
 * @throws AuthenticationError when none does: the reasons of those that refused, or `invalid bearer token`
 */
function reviewToken(
  token: string,
  audiences: readonly string[],
  kinds: readonly TokenAuthenticator[],
): TokenResponse | Promise<TokenResponse> {
  const refusals: string[] = [];
  for (let i = 0; i < kinds.length; i++) {
    try {
      const answer = (kinds[i] as TokenAuthenticator).authenticate(token, audiences);
      if (answer instanceof Promise) return later(token, audiences, kinds, { at: i, pending: answer, refusals });
      if (answer !== undefined) return answer;
    } catch (error) {
      refusals.push(refusal(error));
    }
  }
  throw invalid(refusals);
}

interface Review {
  readonly at: number;
  readonly pending: Promise<TokenResponse | undefined>;
  readonly refusals: string[];
}

async function later(
  token: string,
  audiences: readonly string[],
  kinds: readonly TokenAuthenticator[],
  { at, pending, refusals }: Review,
): Promise<TokenResponse> {
  for (let i = at; i < kinds.length; i++) {
    try {
      const answer = await (i === at ? pending : (kinds[i] as TokenAuthenticator).authenticate(token, audiences));
      if (answer !== undefined) return answer;
    } catch (error) {
      refusals.push(refusal(error));
    }
  }
  throw invalid(refusals);
}

function refusal(error: unknown): string {
  if (error instanceof AuthenticationError) return error.message;
  throw error;
}

const invalid = (refusals: readonly string[]): AuthenticationError =>
  new AuthenticationError(
    refusals.length === 0 ? 'invalid bearer token' : refusals.length === 1 ? (refusals[0] as string) : `[${refusals.join(', ')}]`,
  );

function headerToken(request: AuthenticationRequest): string | undefined {
  const header = request.header('authorization')?.trim();
  if (header === undefined || header === '') return undefined;
  const [scheme = '', token] = header.split(' ', 2);
  return scheme.toLowerCase() === 'bearer' ? token : undefined;
}

/** Source: websocket.bearerProtocolPrefix. */
const PROTOCOL_PREFIX = 'base64url.bearer.authorization.k8s.io.';

function protocolToken(request: AuthenticationRequest): string | undefined {
  const upgrade = request.header('upgrade');
  if (upgrade?.toLowerCase() !== 'websocket') return undefined;
  const protocols = request.header('sec-websocket-protocol')?.split(',') ?? [];
  const found = protocols.map((protocol) => protocol.trim()).find((protocol) => protocol.startsWith(PROTOCOL_PREFIX));
  if (found === undefined) return undefined;
  return Buffer.from(found.slice(PROTOCOL_PREFIX.length), 'base64url').toString('utf8');
}
