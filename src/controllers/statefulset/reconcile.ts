// One pass over a StatefulSet. Source: stateful_set.go sync, stateful_pod_control.go.
import { isStatusError } from '#apimachinery/errors.ts';
import type { ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet, StatefulSetStatus } from '#api/types.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import { byRevision, expiredRevisions, templateOf } from '../runtime/history-plan.ts';
import type { Current } from '../runtime/history.ts';
import { slowStart } from '../runtime/slow-start.ts';
import { untilAvailable } from '../runtime/until-available.ts';
import { type ClaimDraft, type PodDraft, revisionOf } from './identity.ts';
import { type Action, type Disruption, type Observed, type Plan, planStatefulSet } from './plan.ts';
import { sameStatus, statefulSetStatus } from './status.ts';

/** What one pass needs of the world; ./controller.ts gives the real one. */
export interface Deps {
  find(key: string): StatefulSet | undefined;
  /** After adopting and letting go. */
  pods(set: StatefulSet): Promise<readonly Pod[]>;
  /** After adopting. */
  revisions(set: StatefulSet): Promise<readonly ControllerRevision[]>;
  ensureRevision(set: StatefulSet, history: readonly ControllerRevision[]): Promise<Current>;
  deleteRevisions(revisions: readonly ControllerRevision[]): Promise<void>;
  claim(set: StatefulSet, name: string): PersistentVolumeClaim | undefined;
  /** As of Observed. */
  maxUnavailable(set: StatefulSet): number | string | undefined;
  createPod(pod: PodDraft): Promise<void>;
  updatePod(pod: Pod): Promise<void>;
  deletePod(pod: Pod): Promise<void>;
  createClaim(claim: ClaimDraft): Promise<void>;
  updateClaim(claim: PersistentVolumeClaim): Promise<void>;
  writeStatus(set: StatefulSet, status: StatefulSetStatus): Promise<void>;
  event(set: StatefulSet, type: 'Normal' | 'Warning', reason: string, message: string): void;
  /** For the metrics. */
  counted(set: StatefulSet, disruption: Disruption): void;
  now(): number;
}

/**
 * Safe to repeat. `key` is `namespace/name`.
 * @throws StatusError from any API call, after the status was written; the queue retries the key with back-off
 */
export async function reconcileStatefulSet(key: string, deps: Deps): Promise<Requeue | undefined> {
  const set = deps.find(key);
  if (set === undefined) return undefined;
  const history = (await deps.revisions(set)).toSorted(byRevision);
  const pods = await deps.pods(set);
  const { revision, collisionCount } = await deps.ensureRevision(set, history);
  const current = history.find(({ metadata }) => metadata.name === set.status.currentRevision) ?? revision;
  const observed: Observed = {
    set,
    pods,
    claim: (name) => deps.claim(set, name),
    current: { name: current.metadata.name, template: templateOf(current) },
    update: { name: revision.metadata.name, template: templateOf(revision) },
    maxUnavailable: deps.maxUnavailable(set),
    now: deps.now(),
  };
  const plan = planStatefulSet(observed);
  if (plan.disruption !== undefined) deps.counted(set, plan.disruption);
  const { failure, updating } = await carryOut(plan, observed, deps);
  const status = statefulSetStatus(observed, collisionCount, updating);
  if (!sameStatus(set.status, status)) await deps.writeStatus(set, status);
  if (failure !== undefined) throw failure;

  const live = new Set([current.metadata.name, revision.metadata.name, ...pods.map(revisionOf)]);
  await deps.deleteRevisions(expiredRevisions(history, ({ metadata }) => live.has(metadata.name), set.spec.revisionHistoryLimit));
  const afterMs = untilAvailable(pods, set.spec.minReadySeconds ?? 0, observed.now);
  return afterMs === undefined ? undefined : { afterMs };
}

/** @returns the first failure, so that status is written before it is thrown, and how many current pods were deleted */
async function carryOut(
  { phases, parallel }: Plan,
  { set, current }: Observed,
  deps: Deps,
): Promise<{ readonly failure: Error | undefined; readonly updating: number }> {
  let updating = 0;
  for (const phase of phases) {
    const actions = phase[Symbol.iterator]();
    const attempt = async (): Promise<void> => {
      const { value: action } = actions.next() as { readonly value: Action };
      await act(action, set, deps);
      if (action.kind === 'delete' && action.why === 'update' && revisionOf(action.pod) === current.name) updating++;
    };
    if (parallel) {
      const { failure } = await slowStart(phase.length, attempt);
      if (failure !== undefined) return { failure, updating };
      continue;
    }
    for (let done = 0; done < phase.length; done++) {
      try {
        await attempt();
      } catch (error) {
        return { failure: error as Error, updating };
      }
    }
  }
  return { failure: undefined, updating };
}

async function act(action: Action, set: StatefulSet, deps: Deps): Promise<void> {
  switch (action.kind) {
    case 'create':
      return told('create', action.pod.metadata.name, set, deps, async () => {
        await makeClaims(action.claims, action.pod.metadata.name, set, deps);
        await deps.createPod(action.pod);
      });
    case 'make-claims':
      return makeClaims(action.claims, action.pod.metadata.name, set, deps);
    case 'update':
      return told('update', action.pod.metadata.name, set, deps, async () => {
        await makeClaims(action.claims, action.pod.metadata.name, set, deps);
        await deps.updatePod(action.pod);
      });
    case 'delete':
      return told('delete', action.pod.metadata.name, set, deps, () => deps.deletePod(action.pod));
    case 'own-claim':
      return deps.updateClaim(action.claim);
  }
}

/** Creates the claims that are missing. @throws Error while one of them is being deleted */
async function makeClaims(claims: readonly ClaimDraft[], pod: string, set: StatefulSet, deps: Deps): Promise<void> {
  const failures: string[] = [];
  for (const claim of claims) {
    const { name } = claim.metadata;
    const found = deps.claim(set, name);
    if (found?.metadata.deletionTimestamp !== undefined) failures.push(`pvc ${name} is being deleted`);
    if (found !== undefined) continue;
    try {
      await deps.createClaim(claim);
      deps.event(set, 'Normal', 'SuccessfulCreate', `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`);
    } catch (error) {
      if (isStatusError(error, 'AlreadyExists')) continue; // made by the pass before, and not seen yet
      const message = (error as Error).message;
      failures.push(`failed to create PVC ${name}: ${message}`);
      deps.event(
        set,
        'Warning',
        'FailedCreate',
        `create Claim ${name} for Pod ${pod} in StatefulSet ${set.metadata.name} failed error: ${message}`,
      );
    }
  }
  if (failures.length > 0) throw new Error(failures.length === 1 ? failures[0] : `[${failures.join(', ')}]`);
}

const REASON = { create: 'Create', update: 'Update', delete: 'Delete' } as const;

/** Source: recordPodEvent. A pod that is there, or gone, already is not worth an event. */
async function told(verb: keyof typeof REASON, pod: string, set: StatefulSet, deps: Deps, work: () => Promise<void>): Promise<void> {
  const what = `${verb} Pod ${pod} in StatefulSet ${set.metadata.name}`;
  try {
    await work();
  } catch (error) {
    if (verb === 'delete' && isStatusError(error, 'NotFound')) return;
    if (!isStatusError(error, 'AlreadyExists') && !isStatusError(error, 'Conflict'))
      deps.event(set, 'Warning', `Failed${REASON[verb]}`, `${what} failed error: ${(error as Error).message}`);
    throw error;
  }
  deps.event(set, 'Normal', `Successful${REASON[verb]}`, `${what} successful`);
}
