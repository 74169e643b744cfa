// Who is asking: the first authenticator that recognises the credentials decides.
import { unauthorized } from '#apimachinery/errors.ts';
import {
  ALL_AUTHENTICATED,
  ALL_UNAUTHENTICATED,
  ANONYMOUS,
  AuthenticationError,
  type AuthenticationNotes,
  type Authenticator,
  type AuthenticationRequest,
  type AuthenticationResponse,
  type UserInfo,
} from '../authentication/contract.ts';
import type { ChainDeps, Stage, Walk } from '../chain.ts';

const ANONYMOUS_USER: UserInfo = { name: ANONYMOUS, groups: [ALL_UNAUTHENTICATED] };

export const authenticationStage: Stage = {
  name: 'authentication',
  run(walk, deps) {
    if (walk.authenticated) return;
    const request = walk.credentials;
    if (request === undefined) throw unauthorized();
    const since = deps.clock.monotonic();
    try {
      const answer = authenticate(request, deps.authenticators, 0);
      if (answer instanceof Promise) {
        return answer.then(
          (response) => settle(walk, deps, response, since),
          (error: unknown) => refused(deps, error, since),
        );
      }
      settle(walk, deps, answer, since);
    } catch (error) {
      refused(deps, error, since);
    }
  },
};

/** @param since when looking at the credentials began, monotonic milliseconds */
function refused({ metrics, clock }: ChainDeps, error: unknown, since: number): never {
  metrics.authenticationErrors.took(clock.monotonic() - since);
  throw error;
}

function settle(walk: Walk, deps: ChainDeps, response: AuthenticationResponse | undefined, since: number): void {
  const { metrics, clock } = deps;
  const ms = clock.monotonic() - since;
  if (response !== undefined) {
    metrics.authenticated.took(ms);
    metrics.cameAs(response.user.name);
    walk.setUser(authenticated(response.user));
    if (response.annotations !== undefined) noted(walk, response);
    return;
  }
  metrics.unauthenticated.took(ms);
  if (!deps.anonymous(walk.context.info.path)) throw unauthorized();
  walk.setUser(ANONYMOUS_USER);
}

function noted({ context }: Walk, { annotations = {}, warnings = [] }: AuthenticationNotes): void {
  for (const [key, value] of Object.entries(annotations)) context.audit.add(key, value);
  for (const text of warnings) context.warnings.add(text);
}

/** Users already given to requests, with the group they all share. */
const complete = new WeakMap<UserInfo, UserInfo>();

/** Source: group.AuthenticatedGroupAdder. */
export function authenticated(user: UserInfo): UserInfo {
  if (user.name === ANONYMOUS || user.groups.includes(ALL_AUTHENTICATED) || user.groups.includes(ALL_UNAUTHENTICATED)) return user;
  let whole = complete.get(user);
  if (whole === undefined) complete.set(user, (whole = { ...user, groups: [...user.groups, ALL_AUTHENTICATED] }));
  return whole;
}

/** Asks from `first` on. Invalid credentials end in 401 when nobody else accepts the request. */
function authenticate(
  request: AuthenticationRequest,
  authenticators: readonly Authenticator[],
  first: number,
): AuthenticationResponse | undefined | Promise<AuthenticationResponse | undefined> {
  let refused = false;
  for (let i = first; i < authenticators.length; i++) {
    try {
      const answer = (authenticators[i] as Authenticator).authenticate(request);
      if (answer instanceof Promise) return later(request, authenticators, i, answer, refused);
      if (answer !== undefined) return answer;
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      refused = true;
    }
  }
  if (refused) throw unauthorized();
  return undefined;
}

async function later(
  request: AuthenticationRequest,
  authenticators: readonly Authenticator[],
  at: number,
  pending: Promise<AuthenticationResponse | undefined>,
  refusedBefore: boolean,
): Promise<AuthenticationResponse | undefined> {
  let refused = refusedBefore;
  try {
    const answer = await pending;
    if (answer !== undefined) return answer;
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    refused = true;
  }
  const rest = await authenticate(request, authenticators, at + 1);
  if (rest === undefined && refused) throw unauthorized();
  return rest;
}
