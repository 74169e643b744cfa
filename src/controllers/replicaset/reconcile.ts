import { StatusError } from '#apimachinery/errors.ts';
import { assertNever } from '#base/assert-never.ts';
import { isPodActive } from '#api/pods.ts';
import type { New, Pod, ReplicaSet, ReplicaSetStatus } from '#api/types.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import type { Expectations } from '../runtime/expectations.ts';
import type { Pass, Creations } from '../runtime/creations.ts';
import { untilAvailable } from '../runtime/until-available.ts';
import { type Observed, type Plan, planReplicas } from './plan.ts';
import { replicaSetStatus } from './status.ts';

/** What one pass needs of the world; ./controller.ts gives the real one. */
export interface Deps {
  find(key: string): ReplicaSet | undefined;
  /** The pods, after adopting and releasing. */
  observe(rs: ReplicaSet): Promise<Omit<Observed, 'asked'>>;
  /** Without a name. */
  newPod(rs: ReplicaSet): New<Pod>;
  createPod(rs: ReplicaSet, pod: New<Pod>): Promise<void>;
  deletePod(rs: ReplicaSet, pod: Pod): Promise<void>;
  /** These of the active pods are about to be deleted. */
  chosen(victims: readonly Pod[], active: readonly Pod[]): void;
  /** Writes only what differs. */
  writeStatus(rs: ReplicaSet, status: ReplicaSetStatus): Promise<void>;
  readonly expectations: Expectations;
  readonly creations: Creations<Pod>;
}

/**
 * One level-triggered pass; safe to repeat. `key` is `namespace/name`. Source: syncReplicaSet.
 * @throws StatusError from any API call; the queue retries the key with backoff
 */
export async function reconcileReplicaSet(key: string, deps: Deps): Promise<Requeue | undefined> {
  const rs = deps.find(key);
  if (rs === undefined) {
    deps.creations.forget(key);
    return undefined;
  }
  const pass = deps.creations.begin(key);
  const observed: Observed = { ...(await deps.observe(rs)), asked: pass.asked };
  const plan: Plan = pass.settled ? planReplicas(observed) : { kind: 'steady' };
  const failure = await act(plan, { key, pass, observed }, deps);

  const status = replicaSetStatus(observed, failure);
  await deps.writeStatus(rs, status);
  if (failure !== undefined) throw failure;
  const afterMs = untilAvailable(observed.owned.filter(isPodActive), rs.spec.minReadySeconds ?? 0, observed.now);
  return afterMs === undefined ? undefined : { afterMs };
}

interface Looked {
  readonly key: string;
  readonly pass: Pass;
  readonly observed: Observed;
}

/** Carries out `plan`; returns the first refusal, so that status is written before the retry. */
async function act(plan: Plan, { key, pass, observed: { rs, owned } }: Looked, deps: Deps): Promise<Error | undefined> {
  switch (plan.kind) {
    case 'steady':
      return undefined;
    case 'create': {
      const draft = deps.newPod(rs);
      const drafts = Array.from({ length: plan.count }, () => draft);
      const { failure } = await deps.creations.run({ key, pass, drafts, known: owned, create: (pod) => deps.createPod(rs, pod) });
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
    deps.expectations.deletionFailed(key, pod.metadata.uid, error);
    if (!(error instanceof StatusError)) throw error; // a bug, not an answer
    return error.reason === 'NotFound' ? undefined : error;
  }
}
