// TokenReview: whose token is this. Source: pkg/registry/authentication/tokenreview.
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import {
  AuthenticationError,
  type AuthenticationRequest,
  type AuthenticationResponse,
  type Authenticator,
} from '../../authentication/contract.ts';
import { EMPTY_QUERY } from '../../http/query.ts';
import { authenticated } from '../../stages/authentication.ts';
import type { Answer } from '../answer.ts';
import type { Handler } from '../dispatch.ts';
import { readPosted } from '../named-create.ts';
import { wireUser } from './self-subject.ts';

type Review = KubeObject & { readonly spec: { readonly token?: string; readonly audiences?: readonly string[] } };

/** @param audiences of this server: what a token without audiences of its own is for */
export function tokenReviewHandler(authenticators: readonly Authenticator[], audiences: readonly string[]): Handler {
  return async (operation, deps): Promise<Answer> => {
    const { served, request } = operation;
    const { object: review } = await readPosted<Review>(operation, served.info, deps);
    const { token = '', audiences: wanted = [] } = review.spec;
    if (token === '') throw badRequest('token is required for TokenReview in authentication');
    const asked = wanted.length === 0 ? audiences : wanted;
    const status = await judge(token, asked, audiences, authenticators, request.signal);
    return { kind: 'object', code: 201, object: { ...review, kind: served.info.kind, apiVersion: served.apiVersion, status } };
  };
}

async function judge(
  token: string,
  asked: readonly string[],
  own: readonly string[],
  authenticators: readonly Authenticator[],
  signal: AbortSignal,
): Promise<object> {
  const carried: AuthenticationRequest = {
    header: (name) => (name === 'authorization' ? `Bearer ${token}` : undefined),
    clientCertificate: undefined,
    path: '/',
    query: EMPTY_QUERY,
    remoteAddress: '',
    audiences: asked,
    signal,
  };
  const errors: string[] = [];
  for (const authenticator of authenticators) {
    try {
      const response = await authenticator.authenticate(carried);
      if (response === undefined) continue;
      const audiences = common(response, asked, own);
      if (audiences.length === 0) continue;
      return { authenticated: true, user: wireUser(authenticated(response.user)), audiences };
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      errors.push(error.message);
    }
  }
  return { user: {}, ...(errors.length === 0 ? {} : { error: errors.join(', ') }) };
}

/** Audiences both sides mean; an authenticator without audiences means this server. */
const common = ({ audiences }: AuthenticationResponse, asked: readonly string[], own: readonly string[]): readonly string[] =>
  asked.filter((audience) => (audiences ?? own).includes(audience));
