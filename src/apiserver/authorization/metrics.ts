// What authorizers decided and how their webhooks did, under upstream's names. Source: apiserver pkg/authorization/metrics,
// pkg/authorization/cel metrics.go, plugin/pkg/authorizer/webhook/metrics.
import { CounterFamily, DEFAULT_BUCKETS, HistogramFamily } from '#base/metrics.ts';
import type { AuthorizerType } from './configuration.ts';
import type { AuthorizationDecision } from './contract.ts';

const PREFIX = 'apiserver_authorization_';
const AUTHORIZER = ['type', 'name'];
const ROUND_TRIP = ['name', 'result'];
/** Seconds. Source: match_condition_evaluation_seconds. */
const CONDITION_SECONDS = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];

/** How one question to a webhook came out; `error`: its answer was none. */
export type RoundTrip = 'success' | 'canceled' | 'timeout' | 'error';

export class AuthorizationMetrics {
  readonly #decisions = new CounterFamily(`${PREFIX}decisions_total`, 'Questions that an authorizer settled, by authorizer and decision.', [
    ...AUTHORIZER,
    'decision',
  ]);
  readonly #conditionErrors = new CounterFamily(
    `${PREFIX}match_condition_evaluation_errors_total`,
    'Questions whose match conditions could not be evaluated, by authorizer.',
    AUTHORIZER,
  );
  readonly #exclusions = new CounterFamily(
    `${PREFIX}match_condition_exclusions_total`,
    'Questions that match conditions kept from a webhook, by authorizer.',
    AUTHORIZER,
  );
  readonly #conditions = new HistogramFamily(
    `${PREFIX}match_condition_evaluation_seconds`,
    'Time to evaluate match conditions, in seconds, by authorizer.',
    AUTHORIZER,
    CONDITION_SECONDS,
  );
  readonly #roundTrips = new CounterFamily(`${PREFIX}webhook_evaluations_total`, 'Questions to authorization webhooks.', ROUND_TRIP);
  readonly #durations = new HistogramFamily(
    `${PREFIX}webhook_duration_seconds`,
    'Time of a question to an authorization webhook, in seconds.',
    ROUND_TRIP,
    DEFAULT_BUCKETS,
  );
  readonly #failOpen = new CounterFamily(
    `${PREFIX}webhook_evaluations_fail_open_total`,
    'Questions that were passed on because the webhook failed.',
    ROUND_TRIP,
  );

  /** Counts what ends the question; no opinion does not. */
  decided(type: AuthorizerType, name: string, { decision }: AuthorizationDecision): void {
    if (decision !== 'noOpinion') this.#decisions.of(type, name, decision === 'allow' ? 'allowed' : 'denied').add();
  }

  /** @param ms how long the conditions took */
  matched(name: string, outcome: 'yes' | 'no' | 'error', ms: number): void {
    this.#conditions.of('Webhook', name).observe(ms / 1_000);
    if (outcome === 'no') this.#exclusions.of('Webhook', name).add();
    if (outcome === 'error') this.#conditionErrors.of('Webhook', name).add();
  }

  roundTrip(name: string, result: RoundTrip, ms: number): void {
    this.#roundTrips.of(name, result).add();
    this.#durations.of(name, result).observe(ms / 1_000);
  }

  failedOpen(name: string, result: RoundTrip): void {
    this.#failOpen.of(name, result).add();
  }

  /** Text exposition format. */
  expose(): string {
    return [this.#decisions, this.#conditionErrors, this.#exclusions, this.#conditions, this.#roundTrips, this.#durations, this.#failOpen]
      .map((family) => family.expose())
      .join('');
  }
}
