// Resources and subresources of the built-in API that answer in their own way.
import type { Authorizer } from '../authorization/contract.ts';
import type { Authenticator } from '../authentication/contract.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { CredentialsSource } from '../kubelet/credentials.ts';
import { logHandler } from './connect/log.ts';
import { proxied, proxyHandler } from './connect/proxy.ts';
import { streamHandler } from './connect/streams.ts';
import { componentStatusHandlers } from './component-statuses.ts';
import type { Handler, Handlers } from './dispatch.ts';
import { createBinding } from './pods/binding.ts';
import { createEviction } from './pods/eviction.ts';
import { createSelfSubjectReview } from './reviews/self-subject.ts';
import { tokenReviewHandler } from './reviews/token.ts';

export interface BuiltInHandlerOptions {
  readonly authenticators: readonly Authenticator[];
  readonly authorizer: Authorizer;
  /** Names under which tokens may be meant for this server. */
  readonly audiences: readonly string[];
  /** For logs, exec and proxies; without them those are not served. */
  readonly kubelet: CredentialsSource | undefined;
  /** Logs may be asked for by stream. */
  readonly splitStreams: boolean;
  readonly clock: Clock;
  readonly ids: Ids;
}

const AUTHENTICATION = 'authentication.k8s.io';

export function builtInHandlers(options: BuiltInHandlerOptions): ReadonlyMap<string, Handlers> {
  const { authenticators, audiences, kubelet } = options;
  const handlers = new Map<string, Handlers>([
    ['bindings', { create: createBinding }],
    ['pods/binding', { create: createBinding }],
    ['pods/eviction', { create: createEviction }],
    ['componentstatuses', componentStatusHandlers],
    [`selfsubjectreviews.${AUTHENTICATION}`, { create: createSelfSubjectReview }],
    [`tokenreviews.${AUTHENTICATION}`, { create: tokenReviewHandler(authenticators, audiences) }],
  ]);
  if (kubelet !== undefined) for (const [key, value] of kubeletHandlers(kubelet, options)) handlers.set(key, value);
  return handlers;
}

function kubeletHandlers(
  credentials: CredentialsSource,
  { authorizer, clock, ids, splitStreams }: BuiltInHandlerOptions,
): readonly (readonly [string, Handlers])[] {
  const streams = { credentials, authorizer, clock };
  const proxies = { credentials, clock, ids };
  const both = (handler: Handler): Handlers => ({ get: handler, create: handler });
  return [
    ['pods/log', { get: logHandler(credentials, splitStreams) }],
    ['pods/exec', both(streamHandler('exec', streams))],
    ['pods/attach', both(streamHandler('attach', streams))],
    ['pods/portforward', both(streamHandler('portforward', streams))],
    ['pods/proxy', proxied(proxyHandler('pod', proxies))],
    ['services/proxy', proxied(proxyHandler('service', proxies))],
    ['nodes/proxy', proxied(proxyHandler('node', proxies))],
  ];
}
