import { StatusError } from '#apimachinery/errors.ts';
import { assertNever } from '#base/assert-never.ts';
import { isPodActive } from '#api/pods.ts';
import type { Pod, ReplicaSet, ReplicaSetStatus } from '#api/types.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import type { Expectations } from '../runtime/expectations.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { untilAvailable } from '../runtime/until-available.ts';
import { type Observed, type Plan, planReplicas } from './plan.ts';
import { replicaSetStatus } from './status.ts';

/** What one pass needs of the world; ./controller.ts gives the real one. */
export interface Deps {
  find(key: string): ReplicaSet | undefined;
  /** The pods, after adopting and releasing. */
  observe(rs: ReplicaSet): Promise<Observed>;
  createPod(rs: ReplicaSet): Promise<void>;
  deletePod(rs: ReplicaSet, pod: Pod): Promise<void>;
  /** These of the active pods are about to be deleted. */
  chosen(victims: readonly Pod[], active: readonly Pod[]): void;
  /** Writes only what differs. */
  writeStatus(rs: ReplicaSet, status: ReplicaSetStatus): Promise<void>;
  readonly expectations: Expectations;
}

/**
 * One level-triggered pass; safe to repeat. `key` is `namespace/name`. Source: syncReplicaSet.
 * @throws StatusError from any API call; the queue retries the key with backoff
 */
export async function reconcileReplicaSet(key: string, deps: Deps): Promise<Requeue | undefined> {
  const rs = deps.find(key);
  if (rs === undefined) {
    deps.expectations.forget(key);
    return undefined;
  }
  // Asked before pods are read: one that appears in between must not be created twice.
  const settled = deps.expectations.satisfied(key);
  const observed = await deps.observe(rs);
  const failure = await act(settled ? planReplicas(observed) : { kind: 'steady' }, key, observed, deps);

  const status = replicaSetStatus(observed, failure);
  await deps.writeStatus(rs, status);
  if (failure !== undefined) throw failure;
  const afterMs = untilAvailable(observed.owned.filter(isPodActive), rs.spec.minReadySeconds ?? 0, observed.now);
  return afterMs === undefined ? undefined : { afterMs };
}

/** Carries out `plan`; returns the first refusal, so that status is written before the retry. */
async function act(plan: Plan, key: string, { rs, owned }: Observed, deps: Deps): Promise<Error | undefined> {
  switch (plan.kind) {
    case 'steady':
      return undefined;
    case 'create': {
      deps.expectations.expectCreations(key, plan.count);
      const { succeeded, failure } = await slowStart(plan.count, () => deps.createPod(rs));
      deps.expectations.creationsObserved(key, plan.count - succeeded); // these will never be seen
      return failure;
    }
    case 'delete': {
      deps.chosen(plan.victims, owned.filter(isPodActive));
      deps.expectations.expectDeletions(
        key,
        plan.victims.map((pod) => pod.metadata.uid),
      );
      const refusals = await Promise.all(plan.victims.map((pod) => deleteOne(pod, key, rs, deps)));
      return refusals.find((refusal) => refusal !== undefined);
    }
    default:
      return assertNever(plan);
  }
}

async function deleteOne(pod: Pod, key: string, rs: ReplicaSet, deps: Deps): Promise<StatusError | undefined> {
  try {
    await deps.deletePod(rs, pod);
    return undefined;
  } catch (error) {
    deps.expectations.deletionObserved(key, pod.metadata.uid);
    if (!(error instanceof StatusError)) throw error; // a bug, not an answer
    return error.reason === 'NotFound' ? undefined : error;
  }
}
