// Asks a web service by SubjectAccessReview, keeps its answers for a while, and decides for itself when there is none.
// Source: apiserver plugin/pkg/authorizer/webhook webhook.go.
import type { SubjectAccessReviewSpec } from '#api/gen/authorization-v1.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { Lru } from '#base/lru.ts';
import type { Clock } from '#base/clock.ts';
import type { KubeconfigWebhook } from '../../outbound/kubeconfig-webhook.ts';
import { OutboundError } from '../../outbound/contract.ts';
import { patiently } from '../../outbound/retries.ts';
import {
  NO_OPINION,
  type AuthorizationAttributes,
  type AuthorizationDecision,
  type Authorizer,
  type Caller,
  type RuleResolver,
} from '../contract.ts';
import type { AuthorizationMetrics, RoundTrip } from '../metrics.ts';
import type { Match } from './conditions.ts';
import { reviewSpec } from './question.ts';

/** Answers kept, and the longest question whose answer is. Source: NewLRUExpireCache(8192), maxControlledAttrCacheSize. */
const CACHED = 8_192;
const MAX_CONTROLLED_CHARACTERS = 10_000;
const GATEWAY_TIMEOUT = 504;

export interface WebhookAuthorizerOptions {
  readonly name: string;
  readonly webhook: KubeconfigWebhook;
  readonly version: 'v1' | 'v1beta1';
  readonly timeoutMs: number;
  /** Milliseconds an answer is kept; 0: not at all. */
  readonly allowedMs: number;
  readonly refusedMs: number;
  readonly onFailure: 'deny' | 'noOpinion';
  /** Undefined: it is asked about everything. */
  readonly matches: ((spec: SubjectAccessReviewSpec) => Match) | undefined;
  readonly clock: Clock;
  readonly metrics: AuthorizationMetrics;
}

interface Kept {
  readonly decision: AuthorizationDecision;
  readonly until: number;
}

export class WebhookAuthorizer implements Authorizer {
  readonly #options: WebhookAuthorizerOptions;
  readonly #kept = new Lru<string, Kept>(CACHED);

  constructor(options: WebhookAuthorizerOptions) {
    this.#options = options;
  }

  authorize(attributes: AuthorizationAttributes, caller?: Caller): AuthorizationDecision | Promise<AuthorizationDecision> {
    const { onFailure, clock } = this.#options;
    const spec = reviewSpec(attributes);
    const match = this.#match(spec);
    if (match === 'no') return NO_OPINION;
    if (match !== 'yes') return { decision: onFailure, reason: '', error: match.error };
    const key = JSON.stringify(spec);
    const kept = this.#kept.get(key);
    if (kept !== undefined && kept.until > clock.monotonic()) return kept.decision;
    return this.#ask(attributes, spec, key, (caller ?? new AbortController()).signal);
  }

  #match(spec: SubjectAccessReviewSpec): Match {
    const { name, matches, clock, metrics } = this.#options;
    if (matches === undefined) return 'yes';
    const since = clock.monotonic();
    const match = matches(spec);
    metrics.matched(name, typeof match === 'string' ? match : 'error', clock.monotonic() - since);
    return match;
  }

  async #ask(
    attributes: AuthorizationAttributes,
    spec: SubjectAccessReviewSpec,
    key: string,
    signal: AbortSignal,
  ): Promise<AuthorizationDecision> {
    const { name, onFailure, clock, metrics, allowedMs, refusedMs } = this.#options;
    let answer: unknown;
    try {
      answer = await this.#review(spec, signal);
    } catch (error) {
      if (!(error instanceof OutboundError) && !(error instanceof StatusError)) throw error;
      if (onFailure === 'noOpinion' && !signal.aborted) metrics.failedOpen(name, failureOf(error, signal));
      return { decision: onFailure, reason: '', error };
    }
    const decision = decisionOf(answer);
    const keepMs = decision.decision === 'allow' ? allowedMs : refusedMs;
    if (keepMs > 0 && controlledLength(attributes) < MAX_CONTROLLED_CHARACTERS)
      this.#kept.set(key, { decision, until: clock.monotonic() + keepMs });
    return decision;
  }

  #review(spec: SubjectAccessReviewSpec, signal: AbortSignal): Promise<unknown> {
    const { webhook, version, timeoutMs, clock } = this.#options;
    const { groups, ...rest } = spec;
    const wire = version === 'v1' || groups === undefined ? spec : { ...rest, group: groups };
    const body = JSON.stringify({
      kind: 'SubjectAccessReview',
      apiVersion: `authorization.k8s.io/${version}`,
      metadata: {},
      spec: wire,
      status: { allowed: false },
    });
    return patiently(() => this.#counted(() => webhook.post(body, { timeoutMs, signal }), signal), { clock, signal });
  }

  async #counted(call: () => Promise<unknown>, signal: AbortSignal): Promise<unknown> {
    const { name, clock, metrics } = this.#options;
    const since = clock.monotonic();
    let result: RoundTrip = 'success';
    try {
      return await call();
    } catch (error) {
      result = failureOf(error, signal);
      throw error;
    } finally {
      metrics.roundTrip(name, result, clock.monotonic() - since);
    }
  }
}

/** Source: WebhookAuthorizer.Authorize's metricsResult. */
function failureOf(error: unknown, signal: AbortSignal): Exclude<RoundTrip, 'success'> {
  if (signal.aborted) return 'canceled';
  const late = error instanceof OutboundError ? error.kind === 'timeout' : error instanceof StatusError && error.code === GATEWAY_TIMEOUT;
  return late ? 'timeout' : 'error';
}

function decisionOf(answer: unknown): AuthorizationDecision {
  const status = isObject(answer) && isObject(answer['status']) ? answer['status'] : {};
  const reason = typeof status['reason'] === 'string' ? status['reason'] : '';
  if (status['denied'] === true && status['allowed'] === true) {
    return { decision: 'deny', reason, error: new Error('webhook subject access review returned both allow and deny response') };
  }
  return { decision: status['denied'] === true ? 'deny' : status['allowed'] === true ? 'allow' : 'noOpinion', reason };
}

/** What the client alone decides must not fill the memory. Source: shouldCache. */
const controlledLength = ({ namespace, verb, group, version, resource, subresource, name, path }: AuthorizationAttributes): number =>
  [namespace, verb, group, version, resource, subresource, name, path].reduce((sum, text) => sum + text.length, 0);

/** A service cannot list what it would allow. Source: WebhookAuthorizer.RulesFor. */
export const WEBHOOK_RULES: RuleResolver = {
  rulesFor: () => ({
    resourceRules: [],
    nonResourceRules: [],
    incomplete: true,
    evaluationError: 'webhook authorizer does not support user rule resolution',
  }),
};
