// Authentication, authorisation and admission as a cluster has them by default, from what the server gives its parts.
// The composition root passes the three to createApiServer and runs `ensureDefaults` once the server is up.
import type { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import type { AdmissionChain } from './admission/contract.ts';
import { defaultPlugins, type AdmissionDeps, type AdmissionSettings } from './admission/default-plugins.ts';
import { ensureSystemNamespaces, ensureSystemPriorityClasses } from './admission/system-objects.ts';
import { Versions } from './admission/webhooks/versions.ts';
import { SELF } from './authentication/self.ts';
import { DEFAULT_AUTHORIZERS, type AuthorizationConfiguration } from './authorization/configuration.ts';
import { ConfiguredAuthorizer } from './authorization/configured.ts';
import { AuthorizationMetrics } from './authorization/metrics.ts';
import type { Authorizer, RuleResolver } from './authorization/contract.ts';
import { NodeAuthorizer } from './authorization/node/authorizer.ts';
import { defaultPolicy } from './authorization/policy/default-policy.ts';
import { ensureDefaultPolicy } from './authorization/policy/reconcile.ts';
import { RbacAuthorizer } from './authorization/rbac/authorizer.ts';
import { reviewHandlers } from './authorization/review-handlers.ts';
import { flowControlRoutes } from './flow-control/debug.ts';
import { PriorityAndFairness } from './flow-control/priority-and-fairness.ts';
import type { Handlers } from './handlers/dispatch.ts';
import { DEFAULT_MAX_READS, DEFAULT_MAX_WRITES, MaxInFlight, type FlowControl } from './stages/flow-control.ts';
import { ensureDefaultServiceCidr } from './registry/allocation/default-service-cidr.ts';
import { DEFAULT_SERVICE_NETWORK } from './registry/allocation/network.ts';
import type { Route } from './routes/contract.ts';
import type { HookDone, PostStartHook } from './routes/post-start-hooks.ts';
import type { ServerParts } from './server-contract.ts';
import { createAuthentication, type AuthenticationSettings } from './authentication/create.ts';

export interface Authorization {
  /** Also answers for members of system:masters. */
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
  readonly rbac: RbacAuthorizer;
  /** For /metrics. */
  readonly figures: readonly (() => string)[];
  /** Takes another configuration, whole or not at all. @throws ConfigurationError, KubeconfigError */
  reconfigure(configuration: AuthorizationConfiguration): void;
  /** The SubjectAccessReview family. */
  readonly handlers: ReadonlyMap<string, Handlers>;
}

/** @throws ConfigurationError, KubeconfigError; Error when a file cannot be read */
export function createAuthorization(
  { reader, outbound, clock }: Pick<ServerParts, 'reader' | 'outbound' | 'clock'>,
  configuration: AuthorizationConfiguration = DEFAULT_AUTHORIZERS,
  gates?: FeatureGates,
): Authorization {
  const rbac = new RbacAuthorizer(reader);
  const metrics = new AuthorizationMetrics();
  const authorizer = new ConfiguredAuthorizer(configuration, { node: new NodeAuthorizer(reader, gates), rbac, outbound, clock, metrics });
  return {
    authorizer,
    rules: authorizer,
    rbac,
    figures: [() => metrics.expose()],
    reconfigure: (next) => authorizer.reconfigure(next),
    handlers: reviewHandlers({ authorizer, rules: authorizer }),
  };
}

export function createAdmission(deps: AdmissionDeps, settings: AdmissionSettings = {}): AdmissionChain {
  return defaultPlugins(deps, settings);
}

/** What `ensureDefaults` does, as health checks know it. */
export const DEFAULTS_HOOKS = [
  'start-system-namespaces-controller',
  'start-kubernetes-service-cidr-controller',
  'scheduling/bootstrap-system-priority-classes',
  'rbac/bootstrap-roles',
] as const satisfies readonly PostStartHook[];

/**
 * System namespaces and priority classes, the default range of Service addresses, default roles and bindings. Safe to repeat; a server whose store has them
 * all only reads.
 * @param client as a member of system:masters
 * @throws Error when something could not be written
 */
export async function ensureDefaults(
  client: Client,
  {
    serviceCidrs = DEFAULT_SERVICE_NETWORK.cidrs,
    hookDone = () => {},
    gates,
    ...deps
  }: {
    readonly clock: Clock;
    readonly logger: Logger;
    readonly signal?: AbortSignal;
    /** The server's own, as it was started. */
    readonly serviceCidrs?: readonly string[];
    readonly hookDone?: HookDone;
    /** Roles and rules of the default policy stand behind some. */
    readonly gates?: FeatureGates;
  },
): Promise<void> {
  const hook = (name: (typeof DEFAULTS_HOOKS)[number], work: Promise<void>): Promise<void> => work.then(() => hookDone(name));
  await Promise.all([
    hook('start-system-namespaces-controller', ensureSystemNamespaces(client)),
    hook('scheduling/bootstrap-system-priority-classes', ensureSystemPriorityClasses(client)),
    hook('start-kubernetes-service-cidr-controller', ensureDefaultServiceCidr(client, serviceCidrs, deps)),
  ]);
  await hook('rbac/bootstrap-roles', ensureDefaultPolicy({ client, ...deps }, defaultPolicy(gates)));
}

export interface FlowControlSettings {
  /** False: requests under way are only counted. Source: --enable-priority-and-fairness. */
  readonly priorityAndFairness: boolean;
  /** Source: --max-requests-inflight. */
  readonly maxReads: number;
  /** Source: --max-mutating-requests-inflight. */
  readonly maxWrites: number;
}

/** And its debugging pages. */
export function createFlowControl(
  parts: Pick<ServerParts, 'reader' | 'clock' | 'logger' | 'loadOf' | 'loopback'>,
  { priorityAndFairness, maxReads, maxWrites }: FlowControlSettings = {
    priorityAndFairness: true,
    maxReads: DEFAULT_MAX_READS,
    maxWrites: DEFAULT_MAX_WRITES,
  },
): { readonly flowControl: FlowControl; readonly routes: readonly Route[] } {
  if (!priorityAndFairness) return { flowControl: new MaxInFlight({ maxReads, maxWrites }), routes: [] };
  const client = (): Client => createClient(parts.loopback(SELF));
  const flowControl = new PriorityAndFairness({ ...parts, client, seats: maxReads + maxWrites });
  return { flowControl, routes: flowControlRoutes(flowControl) };
}

export interface DefaultSettings {
  readonly authentication: AuthenticationSettings;
  readonly authorization?: AuthorizationConfiguration;
  readonly flowControl?: FlowControlSettings;
  readonly admission?: AdmissionSettings;
  /** What kubelets may do stands behind some. */
  readonly gates?: FeatureGates;
}

/** What admission policies are evaluated with. */
function policyParts({ catalog, schema, admissionMetrics }: ServerParts): NonNullable<AdmissionDeps['policies']> {
  return { catalog, schema, versions: new Versions(catalog, schema), metrics: admissionMetrics };
}

/** What webhooks are asked with. */
function webhookParts({ catalog, schema, outbound, services, admissionMetrics }: ServerParts): NonNullable<AdmissionDeps['webhooks']> {
  return { outbound, services, versions: new Versions(catalog, schema), metrics: admissionMetrics };
}

/** All three, in the form createApiServer takes its parts. @throws Error for keys or certificates that cannot be read */
export function defaultParts(
  parts: ServerParts,
  { authentication: settings, authorization: authorizers, admission = {}, flowControl: seats, gates }: DefaultSettings,
) {
  const authentication = createAuthentication(parts, settings);
  const authorization = createAuthorization(parts, authorizers, gates);
  const flowControl = createFlowControl(parts, seats);
  return {
    flowControl: flowControl.flowControl,
    authenticators: authentication.authenticators,
    audiences: authentication.audiences,
    anonymous: authentication.anonymous,
    figures: [...authentication.figures, ...authorization.figures],
    reconfigureAuthentication: authentication.reconfigure,
    reconfigureAuthorization: authorization.reconfigure,
    routes: [...authentication.routes, ...flowControl.routes],
    authorizer: authorization.authorizer,
    rules: authorization.rules,
    admission: createAdmission({ ...parts, ...authorization, webhooks: webhookParts(parts), policies: policyParts(parts) }, admission),
    handlers: new Map([...authentication.handlers, ...authorization.handlers]),
    /** For the tokens controller: the token of a Secret. */
    issuer: authentication.issuer,
  };
}
