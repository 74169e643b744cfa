// What admission counts, under upstream's names. Source: apiserver pkg/admission/metrics.
import { CounterFamily, HistogramFamily } from '#base/metrics.ts';
import type { Operation } from './contract.ts';

const PREFIX = 'apiserver_admission_';
const PLUGIN_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5];
const WEBHOOK_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
/** Source: policy/validating/metrics, policy/mutating/metrics. */
const POLICY_SECONDS = [0.0000005, 0.001, 0.01, 0.1, 1];
/** Greater codes count as this one, so that no webhook can make up series. */
const MAX_CODE = 600;

export type RejectionCause = 'calling_webhook_error' | 'apiserver_internal_error' | 'no_error';

export interface PolicyCheck {
  readonly policy: string;
  readonly binding: string;
  readonly error: 'no_error' | 'compile_error' | 'out_of_budget' | 'invalid_error';
  readonly ms: number;
}

export interface WebhookOutcome {
  readonly name: string;
  readonly type: string;
  readonly operation: Operation;
  readonly ms: number;
  /** HTTP status; 0 where there is none. */
  readonly code: number;
  /** Why the request was refused; undefined when it was not. */
  readonly rejection: RejectionCause | undefined;
}

export class AdmissionMetrics {
  readonly steps = new HistogramFamily(
    `${PREFIX}step_admission_duration_seconds`,
    '[STABLE] Time of all plugins of one step of admission, in seconds, for each operation and step (validate or admit).',
    ['type', 'operation', 'rejected'],
    PLUGIN_SECONDS,
  );
  readonly plugins = new HistogramFamily(
    `${PREFIX}controller_admission_duration_seconds`,
    '[STABLE] Time of one admission plugin, in seconds, by its name, for each operation and step (validate or admit).',
    ['name', 'type', 'operation', 'rejected'],
    PLUGIN_SECONDS,
  );
  readonly #webhooks = new HistogramFamily(
    `${PREFIX}webhook_admission_duration_seconds`,
    '[STABLE] Time of one admission webhook, in seconds, by its name, for each operation and step (validating or admit).',
    ['name', 'type', 'operation', 'rejected'],
    WEBHOOK_SECONDS,
  );
  readonly #requests = new CounterFamily(
    `${PREFIX}webhook_request_total`,
    'Requests to admission webhooks, by name, step, operation, HTTP status code and whether the request was rejected.',
    ['name', 'type', 'operation', 'code', 'rejected'],
  );
  readonly #rejections = new CounterFamily(
    `${PREFIX}webhook_rejection_count`,
    'Requests that admission webhooks had rejected, by name, step, operation, kind of error and status code.',
    ['name', 'type', 'operation', 'error_type', 'rejection_code'],
  );
  readonly failOpen = new CounterFamily(
    `${PREFIX}webhook_fail_open_count`,
    'Requests admitted although an admission webhook could not be asked, by its name and step.',
    ['name', 'type'],
  );
  /** Source: policy/validating/metrics. */
  readonly #validating = {
    checks: new CounterFamily(
      'apiserver_validating_admission_policy_check_total',
      '[BETA] Checks of validating admission policies that failed, by policy, binding, what was wrong and what came of it.',
      ['policy', 'policy_binding', 'error_type', 'enforcement_action'],
    ),
    seconds: new HistogramFamily(
      'apiserver_validating_admission_policy_check_duration_seconds',
      '[BETA] Time of those checks, in seconds.',
      ['policy', 'policy_binding', 'error_type', 'enforcement_action'],
      POLICY_SECONDS,
    ),
  };
  /** Source: policy/mutating/metrics. */
  readonly #mutating = {
    checks: new CounterFamily(
      'apiserver_mutating_admission_policy_check_total',
      'Mutations of mutating admission policies, by policy, binding and what was wrong.',
      ['policy', 'policy_binding', 'error_type'],
    ),
    seconds: new HistogramFamily(
      'apiserver_mutating_admission_policy_check_duration_seconds',
      'Time of those mutations, in seconds.',
      ['policy', 'policy_binding', 'error_type'],
      POLICY_SECONDS,
    ),
  };

  readonly matchConditionErrors = new CounterFamily(
    `${PREFIX}match_condition_evaluation_errors_total`,
    'Match conditions that could not be evaluated, by name and kind (webhook or policy) of their owner, step and operation.',
    ['name', 'kind', 'type', 'operation'],
  );
  readonly matchConditionExclusions = new CounterFamily(
    `${PREFIX}match_condition_exclusions_total`,
    'Requests that match conditions kept from their owner, by its name and kind (webhook or policy), step and operation.',
    ['name', 'kind', 'type', 'operation'],
  );

  /** A check that failed. `action`: what the binding makes of it, `allow` where the policy overlooks it. */
  validatingPolicy({ policy, binding, error, ms }: PolicyCheck, action: string): void {
    this.#validating.checks.of(policy, binding, error, action).add();
    this.#validating.seconds.of(policy, binding, error, action).observe(ms / 1_000);
  }

  /** A mutation, whatever came of it. */
  mutatingPolicy({ policy, binding, error, ms }: PolicyCheck): void {
    this.#mutating.checks.of(policy, binding, error).add();
    this.#mutating.seconds.of(policy, binding, error).observe(ms / 1_000);
  }

  webhook({ name, type, operation, ms, code, rejection }: WebhookOutcome): void {
    const status = String(Math.min(code, MAX_CODE));
    const rejected = String(rejection !== undefined);
    this.#requests.of(name, type, operation, status, rejected).add();
    this.#webhooks.of(name, type, operation, rejected).observe(ms / 1_000);
    if (rejection !== undefined) this.#rejections.of(name, type, operation, rejection, status).add();
  }

  /** Text exposition format. */
  expose(): string {
    const all = [
      this.steps,
      this.plugins,
      this.#webhooks,
      this.#requests,
      this.#rejections,
      this.failOpen,
      this.matchConditionErrors,
      this.matchConditionExclusions,
      ...Object.values(this.#validating),
      ...Object.values(this.#mutating),
    ];
    return all.map((one) => one.expose()).join('');
  }
}
