// The authorizers an AuthorizationConfiguration names, in its order; another configuration may take their place.
// Source: kube-apiserver pkg/kubeapiserver/authorizer config.go, reload.go.
import type { Clock } from '#base/clock.ts';
import { kubeconfigWebhook } from '../outbound/kubeconfig-webhook.ts';
import type { Outbound } from '../outbound/contract.ts';
import { durationOf, type AuthorizationConfiguration, type AuthorizerEntry, type WebhookSettings } from './configuration.ts';
import {
  ALLOW,
  type AuthorizationAttributes,
  type AuthorizationDecision,
  type Authorizer,
  type RuleResolver,
  type Caller,
} from './contract.ts';
import type { AuthorizationMetrics } from './metrics.ts';
import type { NodeAuthorizer } from './node/authorizer.ts';
import type { RbacAuthorizer } from './rbac/authorizer.ts';
import { privilegedGroups, unionAuthorizer, unionRules } from './union.ts';
import { WebhookAuthorizer, WEBHOOK_RULES } from './webhook/authorizer.ts';
import { requestMatcher } from './webhook/conditions.ts';

/** Source: SetDefaults_WebhookConfiguration. */
const ALLOWED_MS = 5 * 60_000;
const REFUSED_MS = 30_000;

export interface ConfiguredDeps {
  readonly node: NodeAuthorizer;
  readonly rbac: RbacAuthorizer;
  readonly outbound: Outbound;
  readonly clock: Clock;
  readonly metrics: AuthorizationMetrics;
}

const EVERYTHING: RuleResolver = {
  rulesFor: () => ({
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
    incomplete: false,
  }),
};
const NOTHING: RuleResolver = { rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false }) };

export class ConfiguredAuthorizer implements Authorizer, RuleResolver {
  readonly #deps: ConfiguredDeps;
  #authorizer: Authorizer;
  #rules: RuleResolver;

  /** @throws ConfigurationError, KubeconfigError; Error when a file cannot be read */
  constructor(configuration: AuthorizationConfiguration, deps: ConfiguredDeps) {
    this.#deps = deps;
    [this.#authorizer, this.#rules] = build(configuration, deps);
  }

  /** Takes another configuration, whole or not at all. @throws as the constructor */
  reconfigure(configuration: AuthorizationConfiguration): void {
    [this.#authorizer, this.#rules] = build(configuration, this.#deps);
  }

  authorize(attributes: AuthorizationAttributes, caller?: Caller): AuthorizationDecision | Promise<AuthorizationDecision> {
    return this.#authorizer.authorize(attributes, caller);
  }

  rulesFor(...asked: Parameters<RuleResolver['rulesFor']>): ReturnType<RuleResolver['rulesFor']> {
    return this.#rules.rulesFor(...asked);
  }
}

function build({ authorizers }: AuthorizationConfiguration, deps: ConfiguredDeps): readonly [Authorizer, RuleResolver] {
  const made = authorizers.map((entry): readonly [Authorizer, RuleResolver] => {
    const [authorizer, rules] = one(entry, deps);
    return [counted(authorizer, entry, deps.metrics), rules];
  });
  return [unionAuthorizer([privilegedGroups(), ...made.map(([authorizer]) => authorizer)]), unionRules(made.map(([, rules]) => rules))];
}

/** Source: InstrumentedAuthorizer. */
function counted(authorizer: Authorizer, { type, name }: AuthorizerEntry, metrics: AuthorizationMetrics): Authorizer {
  const count = (decision: AuthorizationDecision): AuthorizationDecision => {
    metrics.decided(type, name, decision);
    return decision;
  };
  return {
    authorize(attributes, caller) {
      const decision = authorizer.authorize(attributes, caller);
      return decision instanceof Promise ? decision.then(count) : count(decision);
    },
  };
}

function one({ type, name, webhook }: AuthorizerEntry, deps: ConfiguredDeps): readonly [Authorizer, RuleResolver] {
  switch (type) {
    case 'Node':
      return [deps.node, deps.node];
    case 'RBAC':
      return [deps.rbac, deps.rbac];
    case 'AlwaysAllow':
      return [{ authorize: () => ALLOW }, EVERYTHING];
    case 'AlwaysDeny':
      return [{ authorize: () => ({ decision: 'noOpinion', reason: 'Everything is forbidden.' }) }, NOTHING];
    case 'Webhook':
      return [webhookAuthorizer(name, webhook ?? {}, deps), WEBHOOK_RULES];
  }
}

function webhookAuthorizer(name: string, settings: WebhookSettings, { outbound, clock, metrics }: ConfiguredDeps): WebhookAuthorizer {
  const { cacheAuthorizedRequests = true, cacheUnauthorizedRequests = true } = settings;
  return new WebhookAuthorizer({
    name,
    webhook: kubeconfigWebhook(settings.connectionInfo?.kubeConfigFile ?? '', outbound),
    version: settings.subjectAccessReviewVersion === 'v1beta1' ? 'v1beta1' : 'v1',
    timeoutMs: durationOf(settings.timeout, REFUSED_MS),
    allowedMs: cacheAuthorizedRequests ? durationOf(settings.authorizedTTL, ALLOWED_MS) : 0,
    refusedMs: cacheUnauthorizedRequests ? durationOf(settings.unauthorizedTTL, REFUSED_MS) : 0,
    onFailure: settings.failurePolicy === 'Deny' ? 'deny' : 'noOpinion',
    matches: settings.matchConditions?.length ? requestMatcher(settings.matchConditions) : undefined,
    clock,
    metrics,
  });
}
