// Tokens that a web service judges, by TokenReview. Its answers are kept for a while, good and bad.
// Source: apiserver plugin/pkg/authenticator/token/webhook webhook.go, token/cache.
import { createHash } from 'node:crypto';
import { StatusError } from '#apimachinery/errors.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { Lru } from '#base/lru.ts';
import type { Clock } from '#base/clock.ts';
import type { KubeconfigWebhook } from '../../outbound/kubeconfig-webhook.ts';
import { OutboundError } from '../../outbound/contract.ts';
import { patiently } from '../../outbound/retries.ts';
import { AuthenticationError, type UserInfo } from '../contract.ts';
import type { TokenAuthenticator, TokenResponse } from './contract.ts';

/** For all attempts together: those who bring the same token wait for one question. Source: token/cache sharedLookupTimeout. */
const LOOKUP_MS = 30_000;
const CACHED = 4_096;

export interface WebhookTokenOptions {
  readonly webhook: KubeconfigWebhook;
  /** `v1`, or `v1beta1` for old services. Source: --authentication-token-webhook-version. */
  readonly version: 'v1' | 'v1beta1';
  /** Milliseconds. Source: --authentication-token-webhook-cache-ttl. */
  readonly cacheMs: number;
  /** Of this server. */
  readonly audiences: readonly string[];
  readonly clock: Clock;
}

type Verdict = { readonly response: TokenResponse } | { readonly refusal: string };

export function webhookTokens(options: WebhookTokenOptions): TokenAuthenticator {
  const { cacheMs, clock } = options;
  const known = new Lru<string, { readonly verdict: Verdict; readonly until: number }>(CACHED);
  const asked = new Map<string, Promise<Verdict>>();
  const ask = (token: string, wanted: readonly string[], key: string): Promise<Verdict> => {
    let pending = asked.get(key);
    if (pending === undefined) {
      pending = review(token, wanted, options)
        .then((verdict) => {
          known.set(key, { verdict, until: clock.monotonic() + cacheMs });
          return verdict;
        })
        .finally(() => asked.delete(key));
      asked.set(key, pending);
    }
    return pending;
  };
  return {
    name: 'webhook',
    authenticate(token, wanted) {
      // Tokens themselves are not kept.
      const key = createHash('sha256')
        .update(JSON.stringify([token, wanted]))
        .digest('base64');
      const found = known.get(key);
      if (found !== undefined && found.until > clock.monotonic()) return settled(found.verdict);
      return ask(token, wanted, key).then(settled);
    },
  };
}

/** @throws AuthenticationError */
function settled(verdict: Verdict): TokenResponse | undefined {
  if ('response' in verdict) return verdict.response;
  if (verdict.refusal !== '') throw new AuthenticationError(verdict.refusal);
  return undefined;
}

/** @throws AuthenticationError when the service has no answer, which is not kept */
async function review(
  token: string,
  wanted: readonly string[],
  { webhook, version, audiences, clock }: WebhookTokenOptions,
): Promise<Verdict> {
  const body = JSON.stringify({
    kind: 'TokenReview',
    apiVersion: `authentication.k8s.io/${version}`,
    metadata: {},
    spec: { token, audiences: wanted },
    status: { user: {} },
  });
  const answer = await inTime((call) => webhook.post(body, call), clock);
  const status = isObject(answer) && isObject(answer['status']) ? answer['status'] : {};
  if (status['authenticated'] !== true) return { refusal: typeof status['error'] === 'string' ? status['error'] : '' };
  const given = strings(status['audiences']);
  // A service that knows of no audiences means this server.
  const common = (given.length === 0 ? audiences : given).filter((audience) => wanted.includes(audience));
  if (common.length === 0) return { refusal: '' };
  return { response: { user: userOf(status['user']), audiences: common } };
}

type Post = (call: { readonly timeoutMs: number; readonly signal: AbortSignal }) => Promise<unknown>;

/** @throws AuthenticationError */
async function inTime(post: Post, clock: Clock): Promise<unknown> {
  const due = clock.monotonic() + LOOKUP_MS;
  const ending = new AbortController();
  const cancel = clock.after(LOOKUP_MS, () => ending.abort());
  // A call has its own time, and says so; the signal ends the pauses between them.
  const { signal } = new AbortController();
  try {
    return await patiently(() => post({ timeoutMs: due - clock.monotonic(), signal }), { clock, signal: ending.signal });
  } catch (error) {
    if (!(error instanceof OutboundError) && !(error instanceof StatusError)) throw error;
    throw new AuthenticationError(`webhook token authenticator: ${error.message}`, { cause: error });
  } finally {
    cancel();
  }
}

const strings = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);

function userOf(value: unknown): UserInfo {
  const { username, uid, groups, extra } = isObject(value) ? value : {};
  const entries = isObject(extra) ? Object.entries(extra).map(([key, values]) => [key, strings(values)] as const) : [];
  return {
    name: typeof username === 'string' ? username : '',
    ...(typeof uid === 'string' ? { uid } : {}),
    groups: [...new Set(strings(groups))],
    ...(entries.length === 0 ? {} : { extra: Object.fromEntries(entries) }),
  };
}
