// Which checks stand behind /healthz, /livez and /readyz, in upstream's order. Source: apiserver pkg/server config.go, healthz.go.
import type { Clock } from '#base/clock.ts';
import { HealthFigures } from '#base/health-figures.ts';
import type { Logger } from '#base/log.ts';
import type { Store } from '#store/contract.ts';
import type { Route } from './contract.ts';
import { figuresRoute, healthRoutes, ping, type HealthCheck } from './health.ts';
import type { PostStartHooks } from './post-start-hooks.ts';
import { storeCheck, storeReadiness } from './store-check.ts';

export interface ServerState {
  readonly store: Pick<Store, 'range' | 'writeFault'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly hooks: PostStartHooks;
  /** Of key services: a server without them lives, but is not ready. */
  readonly encryption: readonly HealthCheck[];
  /** Further parts of the start. */
  readonly starting: readonly HealthCheck[];
  /** Further conditions of being ready. */
  readonly ready: readonly HealthCheck[];
  informersSynced(): boolean;
  stopping(): boolean;
}

export function serverHealthRoutes(state: ServerState): readonly Route[] {
  const { store, clock, logger, hooks, encryption } = state;
  const first: readonly HealthCheck[] = [ping, logCheck(logger), storeCheck('etcd', store, clock)];
  const starting = [...hooks.checks, ...state.starting];
  const readyz: readonly HealthCheck[] = [
    ...first,
    ...encryption,
    storeReadiness(store, clock),
    { name: 'informer-sync', check: () => (state.informersSynced() ? undefined : 'caches are not filled') },
    ...starting,
    ...state.ready,
    { name: 'shutdown', check: () => (state.stopping() ? 'process is shutting down' : undefined) },
  ];
  const told = { logger, figures: new HealthFigures() };
  return [
    ...healthRoutes('healthz', [...first, ...encryption, ...starting], told),
    ...healthRoutes('livez', [...first, ...starting], told),
    ...healthRoutes('readyz', readyz, told),
    figuresRoute(told.figures),
  ];
}

/** Source: healthz.LogHealthz. */
const logCheck = (logger: Logger): HealthCheck => ({
  name: 'log',
  check: () => (logger.blocked?.() === true ? 'logging blocked' : undefined),
});
