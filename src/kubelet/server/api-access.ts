// Asks the API server who a token is of and what a user may do, and remembers the answers for a while.
import { createHash } from 'node:crypto';
import { subjectaccessreviews, tokenreviews } from '#api/resources.ts';
import type { Clock } from '#base/clock.ts';
import { Lru } from '#base/lru.ts';
import type { Client } from '#client/contract.ts';
import type { Access, NodeAttributes, User } from './contract.ts';

/** Milliseconds. Source: KubeletConfiguration authentication.webhook.cacheTTL, authorization.webhook.cache*TTL. */
const TOKEN_TTL_MS = 120_000;
const ALLOWED_TTL_MS = 300_000;
const DENIED_TTL_MS = 30_000;
const MOST_CACHED = 4096;

interface Cached<T> {
  readonly value: T;
  /** On the monotonic clock, milliseconds. */
  readonly until: number;
}

export interface ApiAccessDeps {
  readonly client: Client;
  readonly clock: Clock;
  readonly nodeName: string;
}

/** Tokens are kept as hashes only. */
export function apiAccess({ client, clock, nodeName }: ApiAccessDeps): Access {
  const tokens = new Lru<string, Cached<User | undefined>>(MOST_CACHED);
  const decisions = new Lru<string, Cached<boolean>>(MOST_CACHED);
  const fresh = <T>(cached: Cached<T> | undefined): Cached<T> | undefined =>
    cached !== undefined && clock.monotonic() < cached.until ? cached : undefined;
  return {
    async authenticateToken(token) {
      const key = createHash('sha256').update(token).digest('base64');
      const known = fresh(tokens.get(key));
      if (known !== undefined) return known.value;
      const value = await reviewToken(client, token);
      tokens.set(key, { value, until: clock.monotonic() + TOKEN_TTL_MS });
      return value;
    },
    async allows(user, attributes) {
      const key = JSON.stringify([user, attributes]);
      const known = fresh(decisions.get(key));
      if (known !== undefined) return known.value;
      const value = await reviewAccess(client, nodeName, user, attributes);
      decisions.set(key, { value, until: clock.monotonic() + (value ? ALLOWED_TTL_MS : DENIED_TTL_MS) });
      return value;
    },
  };
}

async function reviewToken(client: Client, token: string): Promise<User | undefined> {
  const { status } = await client.create(tokenreviews, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenReview',
    metadata: {},
    spec: { token },
  });
  if (status.authenticated !== true) return undefined;
  const { username = '', uid, groups = [], extra } = status.user;
  return { name: username, groups, ...(uid === undefined ? {} : { uid }), ...(extra === undefined ? {} : { extra }) };
}

async function reviewAccess(client: Client, nodeName: string, user: User, { verb, subresource }: NodeAttributes): Promise<boolean> {
  const { status } = await client.create(subjectaccessreviews, {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    metadata: {},
    spec: {
      user: user.name,
      groups: user.groups,
      ...(user.uid === undefined ? {} : { uid: user.uid }),
      ...(user.extra === undefined ? {} : { extra: user.extra }),
      resourceAttributes: { group: '', version: 'v1', resource: 'nodes', subresource, name: nodeName, verb },
    },
  });
  return status.allowed;
}
