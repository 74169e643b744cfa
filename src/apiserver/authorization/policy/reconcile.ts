// Brings the default policy into a server that starts. Source: pkg/registry/rbac/rest storage_rbac.go EnsureRBACPolicy.
import { clusterrolebindings, clusterroles, namespaces, rolebindings, roles } from '#api/resources.ts';
import type { KubeObject, New } from '#api/types.ts';
import { isStatusError, StatusError } from '#apimachinery/errors.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { ConnectionError, type Client } from '#client/contract.ts';
import { aggregatedRules, type AggregationSource } from '#api/aggregated-rules.ts';
import { defaultPolicy, type DefaultPolicy } from './default-policy.ts';
import { reconcileBinding, reconcileRole, type Reconciliation } from './reconcile-plan.ts';

/** Writes under way at once: they share the store's commits. */
const PARALLEL = 32;
/** Passes before the server gives up, and the milliseconds between them. Source: wait.Poll(1s, 30s). */
const PASSES = 30;
const BETWEEN_PASSES_MS = 1_000;

export interface PolicyDeps {
  /** As a member of system:masters: nobody else may grant what they do not have. */
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal?: AbortSignal;
}

/**
 * Creates and completes default roles and bindings; each pass does what the one before could not.
 * @throws Error when some could still not be written after half a minute
 */
export async function ensureDefaultPolicy(deps: PolicyDeps, policy: DefaultPolicy = defaultPolicy()): Promise<void> {
  const filled = { ...policy, clusterRoles: filledRoles(policy.clusterRoles) };
  for (let pass = 1; ; pass++) {
    const failures = await onePass(filled, deps);
    if (failures.length === 0) return;
    for (const error of failures) deps.logger.warn('default policy', { error });
    if (pass === PASSES) throw new AggregateError(failures, 'unable to initialize roles');
    await wait(deps.clock, BETWEEN_PASSES_MS, deps.signal);
  }
}

/**
 * Aggregated roles start with what the default ones give them; what comes later, the aggregation controller adds.
 * One goes into the next, so it takes as many rounds as there are.
 */
function filledRoles(roles: DefaultPolicy['clusterRoles']): DefaultPolicy['clusterRoles'] {
  const rounds = roles.filter(({ aggregationRule }) => aggregationRule !== undefined).length;
  let filled = roles;
  for (let round = 0; round < rounds; round++) {
    const all = filled as readonly AggregationSource[];
    filled = filled.map((role) => {
      const rules = aggregatedRules(role as AggregationSource, all);
      return rules === undefined ? role : { ...role, rules };
    });
  }
  return filled;
}

async function onePass(policy: DefaultPolicy, deps: PolicyDeps): Promise<readonly Error[]> {
  const failures: Error[] = [];
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StatusError) && !(error instanceof ConnectionError)) throw error;
      failures.push(error);
    }
  };
  const known = new Set<string>();
  for (const { metadata } of [...policy.roles, ...policy.roleBindings]) known.add(metadata?.namespace ?? '');
  await attempt(async () => {
    await Promise.all([...known].map((name) => ensureNamespace(name, deps)));
  });
  const writes = (
    await Promise.all(
      [
        planned(deps, clusterroles, policy.clusterRoles, reconcileRole),
        planned(deps, clusterrolebindings, policy.clusterRoleBindings, reconcileBinding),
        planned(deps, roles, policy.roles, reconcileRole),
        planned(deps, rolebindings, policy.roleBindings, reconcileBinding),
      ].map(async (plan) => {
        let found: readonly Write[] = [];
        await attempt(async () => {
          found = await plan;
        });
        return found;
      }),
    )
  ).flat();
  const queue = writes.values();
  const worker = async (): Promise<void> => {
    for (const write of queue) await attempt(write);
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL, writes.length) }, worker));
  return failures;
}

type Write = () => Promise<void>;

async function ensureNamespace(name: string, { client }: PolicyDeps): Promise<void> {
  try {
    await client.get(namespaces, { name });
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    await unless('AlreadyExists', client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  }
}

async function planned<T extends KubeObject>(
  deps: PolicyDeps,
  resource: Resource<T>,
  expected: readonly New<T>[],
  plan: (existing: T | undefined, wanted: New<T>) => Reconciliation<T>,
): Promise<readonly Write[]> {
  const { items } = await deps.client.list(resource);
  const key = ({
    metadata,
  }: {
    readonly metadata?: { readonly name?: string | undefined; readonly namespace?: string | undefined } | undefined;
  }): string => `${metadata?.namespace ?? ''}/${metadata?.name ?? ''}`;
  const existing = new Map(items.map((item) => [key(item), item]));
  return expected.flatMap((wanted) => {
    const id = key(wanted as KubeObject);
    const step = plan(existing.get(id), wanted);
    return step.kind === 'none' ? [] : [() => carryOut(step, resource, id, deps)];
  });
}

async function carryOut<T extends KubeObject>(
  step: Reconciliation<T>,
  resource: Resource<T>,
  id: string,
  { client, logger }: PolicyDeps,
): Promise<void> {
  const what = `${resource.resource} ${id}`;
  switch (step.kind) {
    case 'none':
      return;
    case 'create':
      await client.create(resource, step.object);
      logger.debug(`created ${what}`);
      return;
    case 'update':
      await client.update(resource, step.object as New<T>);
      logger.debug(`updated ${what}`);
      return;
    case 'recreate': {
      const { name, namespace, uid } = step.old.metadata;
      await unless(
        'NotFound',
        client.delete(resource, { name, ...(namespace === undefined ? {} : { namespace }) }, { preconditions: { uid } }),
      );
      await client.create(resource, step.object);
      logger.debug(`recreated ${what}`);
      return;
    }
    case 'protected':
      logger.warn(`skipped ${what}: it is kept as it is, with permissions missing`);
  }
}

async function unless(reason: 'NotFound' | 'AlreadyExists', work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isStatusError(error, reason)) throw error;
  }
}
