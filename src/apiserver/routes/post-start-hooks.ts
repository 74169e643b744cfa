// The parts of a server's start, each a check that fails until that part is done. Source: apiserver pkg/server/hooks.go.
import type { HealthCheck } from './health.ts';

/** Of the parts that serve groups of other servers. */
export const AGGREGATOR_HOOKS = [
  'start-kube-aggregator-informers',
  'apiservice-status-local-available-controller',
  'apiservice-status-remote-available-controller',
  'apiservice-registration-controller',
  'apiservice-discovery-controller',
  'kube-apiserver-autoregistration',
  'apiservice-openapi-controller',
  'apiservice-openapiv3-controller',
] as const;

/** In the order in which checks list them. Source: the post-start hooks of kube-apiserver, by name. */
const HOOKS = [
  'generic-apiserver-start-informers',
  'priority-and-fairness-config-consumer',
  'priority-and-fairness-filter',
  'max-in-flight-filter',
  'storage-object-count-tracker-hook',
  'start-apiextensions-informers',
  'start-apiextensions-controllers',
  'crd-informer-synced',
  'start-system-namespaces-controller',
  'start-cluster-authentication-info-controller',
  'start-kube-apiserver-identity-lease-controller',
  'start-kube-apiserver-identity-lease-garbage-collector',
  'start-legacy-token-tracking-controller',
  'start-service-ip-repair-controllers',
  'rbac/bootstrap-roles',
  'scheduling/bootstrap-system-priority-classes',
  'priority-and-fairness-config-producer',
  'bootstrap-controller',
  'start-kubernetes-service-cidr-controller',
  'aggregator-reload-proxy-client-cert',
  ...AGGREGATOR_HOOKS,
] as const;

export type PostStartHook = (typeof HOOKS)[number];

/** Told when a part of the start is done; again is harmless. */
export type HookDone = (hook: PostStartHook) => void;

export class PostStartHooks {
  readonly #done = new Set<PostStartHook>();
  readonly #expected: ReadonlySet<PostStartHook>;

  /** @param expected what will be done, in any order; checks look at nothing else */
  constructor(expected: Iterable<PostStartHook>) {
    this.#expected = new Set(expected);
  }

  readonly done: HookDone = (hook) => void this.#done.add(hook);

  /** `poststarthook/rbac/bootstrap-roles`, …, for what is expected. */
  get checks(): readonly HealthCheck[] {
    return HOOKS.filter((hook) => this.#expected.has(hook)).map((hook) => ({
      name: `poststarthook/${hook}`,
      check: () => (this.#done.has(hook) ? undefined : 'not finished'),
    }));
  }
}
