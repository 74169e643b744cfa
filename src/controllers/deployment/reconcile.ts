import { isDeepStrictEqual } from 'node:util';
import { isStatusError } from '#apimachinery/errors.ts';
import { assertNever } from '#base/assert-never.ts';
import { isControlledBy } from '#api/owner-references.ts';
import type { Deployment, DeploymentStatus, New, ReplicaSet } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import { keyOf } from '../runtime/controller.ts';
import { maxReplicas, newReplicaSet } from './new-replica-set.ts';
import type { Expectations } from '../runtime/expectations.ts';
import { type Observed, type Plan, planDeployment, type Scaling } from './plan.ts';
import { newSetAnnotations, nextRevision, replicasAnnotations, revisionOf, sameTemplate, sortSets } from './replica-sets.ts';
import { deploymentStatus, type Progress } from './status.ts';

/** What one pass needs of the world; ./controller.ts gives the real one. */
export interface Deps {
  find(key: string): Deployment | undefined;
  observe(deployment: Deployment): Promise<Observed>;
  createReplicaSet(rs: New<ReplicaSet>): Promise<ReplicaSet>;
  getReplicaSet(namespace: string, name: string): Promise<ReplicaSet>;
  updateReplicaSet(rs: ReplicaSet): Promise<void>;
  deleteReplicaSet(rs: ReplicaSet): Promise<void>;
  updateDeployment(deployment: Deployment): Promise<void>;
  /** Writes only what differs. */
  writeStatus(deployment: Deployment, status: DeploymentStatus): Promise<void>;
  event(deployment: Deployment, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** Of sets that were created: one that is not seen yet would not be counted, and the next be one too large. */
  readonly expectations: Expectations;
}

interface Outcome {
  readonly progress: Progress;
  readonly collisionCount: number | undefined;
  /** Thrown after the status is written. */
  readonly failure?: Error;
}

/**
 * One level-triggered pass; safe to repeat. Source: syncDeployment.
 * @throws StatusError from any API call; the queue retries the key with backoff
 */
export async function reconcileDeployment(key: string, deps: Deps): Promise<Requeue | undefined> {
  const deployment = deps.find(key);
  if (deployment === undefined) {
    deps.expectations.forget(key);
    return undefined;
  }
  const settled = deps.expectations.satisfied(key);
  const observed = await deps.observe(deployment);
  const { current, old } = sortSets(deployment, observed.owned);

  const going = deployment.metadata.deletionTimestamp === undefined;
  // A set that was just written must be seen again before it is scaled.
  const written = going && current !== undefined && (await keepRevision(deployment, current, old, deps));
  const { progress, collisionCount, failure } = await act(
    written || !settled ? { kind: 'steady' } : planDeployment(observed),
    deployment,
    deps,
  );

  const { status, lookAgainAfterMs } = deploymentStatus({ deployment, current, old, progress, collisionCount, now: observed.now });
  await deps.writeStatus(deployment, status);
  if (failure !== undefined) throw failure;
  return lookAgainAfterMs === undefined ? undefined : { afterMs: lookAgainAfterMs };
}

/**
 * Numbers the current version above all others, and keeps what it takes over from the Deployment.
 * @returns whether the ReplicaSet was written
 */
async function keepRevision(deployment: Deployment, current: ReplicaSet, old: readonly ReplicaSet[], deps: Deps): Promise<boolean> {
  const present = current.metadata.annotations ?? {};
  const annotations = newSetAnnotations(deployment, present, nextRevision(old));
  const minReadySeconds = deployment.spec.minReadySeconds ?? 0;
  if (!isDeepStrictEqual(annotations, present) || (current.spec.minReadySeconds ?? 0) !== minReadySeconds) {
    await deps.updateReplicaSet({ ...current, metadata: { ...current.metadata, annotations }, spec: { ...current.spec, minReadySeconds } });
    return true;
  }
  const revision = String(revisionOf(current));
  if (deployment.metadata.annotations?.[ANNOTATION.deploymentRevision] === revision) return false;
  await deps.updateDeployment({
    ...deployment,
    metadata: { ...deployment.metadata, annotations: { ...deployment.metadata.annotations, [ANNOTATION.deploymentRevision]: revision } },
  });
  return false;
}

async function act(plan: Plan, deployment: Deployment, deps: Deps): Promise<Outcome> {
  const unchanged: Outcome = { progress: { kind: 'none' }, collisionCount: deployment.status.collisionCount };
  switch (plan.kind) {
    case 'steady':
      return unchanged;
    case 'create':
      return create(deployment, plan, deps);
    case 'scale':
      for (const scaling of plan.scalings) await scale(deployment, scaling, deps);
      return unchanged;
    case 'prune':
      await Promise.all(plan.sets.map((rs) => deps.deleteReplicaSet(rs)));
      return unchanged;
    default:
      return assertNever(plan);
  }
}

async function create(deployment: Deployment, { replicas, revision }: Extract<Plan, { kind: 'create' }>, deps: Deps): Promise<Outcome> {
  const wanted = newReplicaSet(deployment, replicas, revision);
  const { collisionCount } = deployment.status;
  const key = keyOf(deployment);
  deps.expectations.expect(key, [wanted.metadata.name], []);
  try {
    const rs = await deps.createReplicaSet(wanted);
    if (replicas > 0)
      deps.event(deployment, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${rs.metadata.name} from 0 to ${replicas}`);
    return { progress: { kind: 'created', name: rs.metadata.name }, collisionCount };
  } catch (error) {
    deps.expectations.creationObserved(key, wanted.metadata.name); // it may never be seen
    if (!isStatusError(error)) throw error;
    if (error.reason === 'AlreadyExists') {
      const present = await deps.getReplicaSet(deployment.metadata.namespace, wanted.metadata.name);
      // The informer has not shown yet what an earlier pass made.
      if (isControlledBy(present, deployment) && sameTemplate(present.spec.template, deployment.spec.template))
        return { progress: { kind: 'none' }, collisionCount };
      return { progress: { kind: 'none' }, collisionCount: (collisionCount ?? 0) + 1, failure: error };
    }
    // A namespace that ends takes the Deployment with it: nothing to report.
    const ending = error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false;
    if (ending) return { progress: { kind: 'none' }, collisionCount };
    const why = `Failed to create new replica set ${JSON.stringify(wanted.metadata.name)}: ${error.message}`;
    deps.event(deployment, 'Warning', 'ReplicaSetCreateError', why);
    return { progress: { kind: 'createFailed', name: wanted.metadata.name, why: error.message }, collisionCount, failure: error };
  }
}

/** Source: scaleReplicaSet. */
async function scale(deployment: Deployment, { rs, to }: Scaling, deps: Deps): Promise<void> {
  const from = rs.spec.replicas;
  await deps.updateReplicaSet({
    ...rs,
    metadata: {
      ...rs.metadata,
      annotations: { ...rs.metadata.annotations, ...replicasAnnotations(deployment.spec.replicas, maxReplicas(deployment)) },
    },
    spec: { ...rs.spec, replicas: to },
  });
  if (from === to) return;
  deps.event(
    deployment,
    'Normal',
    'ScalingReplicaSet',
    `Scaled ${to > from ? 'up' : 'down'} replica set ${rs.metadata.name} from ${from} to ${to}`,
  );
}
