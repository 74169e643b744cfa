// One pass over a DaemonSet. Source: daemon_controller.go syncDaemonSet, syncNodes.
import { isStatusError } from '#apimachinery/errors.ts';
import type { ControllerRevision, DaemonSet, DaemonSetStatus, New, Node, Pod } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import type { Expectations } from '../runtime/expectations.ts';
import { byRevision, expiredRevisions, sameData } from '../runtime/history-plan.ts';
import type { Current } from '../runtime/history.ts';
import type { Pass, Creations } from '../runtime/creations.ts';
import { untilAvailable } from '../runtime/until-available.ts';
import { isNamespaceTerminating } from '../serviceaccount/controller.ts';
import { newDaemonPod } from './daemon-pod.ts';
import type { FailedPods } from './failures.ts';
import { type Observed, type Plan, planDaemonSet, type Victim } from './plan.ts';
import { daemonSetStatus, sameStatus } from './status.ts';

/** What one pass needs of the world; ./controller.ts gives the real one. */
export interface Deps {
  find(key: string): DaemonSet | undefined;
  nodes(): readonly Node[];
  /** After adopting and letting go. */
  pods(ds: DaemonSet): Promise<readonly Pod[]>;
  revisions(ds: DaemonSet): Promise<readonly ControllerRevision[]>;
  ensureRevision(ds: DaemonSet, history: readonly ControllerRevision[]): Promise<Current>;
  deleteRevisions(revisions: readonly ControllerRevision[]): Promise<void>;
  relabel(pod: Pod, hash: string): Promise<void>;
  createPod(ds: DaemonSet, pod: New<Pod>): Promise<void>;
  deletePod(ds: DaemonSet, pod: Pod): Promise<void>;
  writeStatus(ds: DaemonSet, status: DaemonSetStatus): Promise<void>;
  event(ds: DaemonSet, type: 'Normal' | 'Warning', reason: string, message: string): void;
  now(): number;
  readonly expectations: Expectations;
  readonly creations: Creations<Pod>;
  readonly failures: FailedPods;
}

/** Most pods one pass creates, and deletes. Source: BurstReplicas. */
const BURST_REPLICAS = 250;

/**
 * Safe to repeat. `key` is `namespace/name`.
 * @throws StatusError from any API call, after the status was written; the queue retries the key with back-off
 */
export async function reconcileDaemonSet(key: string, deps: Deps): Promise<Requeue | undefined> {
  const ds = deps.find(key);
  if (ds === undefined) {
    deps.creations.forget(key);
    deps.failures.forget(key);
    return undefined;
  }
  if (ds.metadata.deletionTimestamp !== undefined) return undefined;
  const { matchLabels = {}, matchExpressions = [] } = ds.spec.selector;
  if (Object.keys(matchLabels).length === 0 && matchExpressions.length === 0) {
    deps.event(ds, 'Warning', 'SelectingAll', 'This daemon set is selecting all pods. A non-empty selector is required.');
    return undefined;
  }

  const pass = deps.creations.begin(key);
  const { settled } = pass;
  const history = (await deps.revisions(ds)).toSorted(byRevision);
  const { revision, collisionCount } = await deps.ensureRevision(ds, history);
  const hash = revision.metadata.labels?.[LABEL.controllerRevisionHash] ?? '';
  const pods = await deps.pods(ds);
  const same = history.filter((other) => other.metadata.uid !== revision.metadata.uid && sameData(other.data, revision.data));
  await mergeInto(hash, same, pods, deps);

  const observed: Observed = { ds, nodes: deps.nodes(), pods, hash, now: deps.now(), backoff: (node) => deps.failures.left(key, node) };
  const plan: Plan = settled ? planDaemonSet(observed) : { create: [], delete: [] };
  const failure = await act(plan, { key, pass, observed }, deps);
  const status = daemonSetStatus(observed, collisionCount === 0 ? ds.status.collisionCount : collisionCount, settled);
  if (!sameStatus(ds.status, status)) await deps.writeStatus(ds, status);
  if (failure !== undefined) throw failure;

  const live = new Set([hash, ...pods.map(({ metadata }) => metadata.labels?.[LABEL.controllerRevisionHash])]);
  const old = history.filter((other) => other.metadata.uid !== revision.metadata.uid && !same.includes(other));
  const isLive = ({ metadata }: ControllerRevision): boolean => live.has(metadata.labels?.[LABEL.controllerRevisionHash]);
  // Those in use count towards the limit, but are kept.
  const limit = Math.max(0, ds.spec.revisionHistoryLimit - old.filter(isLive).length);
  await deps.deleteRevisions(expiredRevisions(old, isLive, limit));

  const available = untilAvailable(pods, ds.spec.minReadySeconds ?? 0, observed.now);
  const waits = [plan.afterMs, available].filter((ms) => ms !== undefined);
  return waits.length === 0 ? undefined : { afterMs: Math.min(...waits) };
}

/** Of several revisions of one template the newest stays, and has the pods of the others. Source: dedupCurHistories. */
async function mergeInto(hash: string, same: readonly ControllerRevision[], pods: readonly Pod[], deps: Deps): Promise<void> {
  if (same.length === 0) return;
  const hashes = new Set(same.map(({ metadata }) => metadata.labels?.[LABEL.controllerRevisionHash]));
  const theirs = pods.filter(({ metadata }) => hashes.has(metadata.labels?.[LABEL.controllerRevisionHash] ?? 'none'));
  await Promise.all(theirs.map((pod) => deps.relabel(pod, hash)));
  await deps.deleteRevisions(same);
}

interface Looked {
  readonly key: string;
  readonly pass: Pass;
  readonly observed: Observed;
}

/** @returns the first refusal, so that status is written before it is thrown */
async function act(plan: Plan, { key, pass, observed: { ds, hash, pods } }: Looked, deps: Deps): Promise<Error | undefined> {
  const create = plan.create.slice(0, BURST_REPLICAS);
  const victims = plan.delete.slice(0, BURST_REPLICAS);
  if (create.length === 0 && victims.length === 0) return undefined;
  const { failure } = await deps.creations.run({
    key,
    pass,
    drafts: create.map((node) => newDaemonPod(ds, node, hash)),
    known: pods,
    deletions: victims.map(({ pod }) => pod.metadata.uid),
    create: (pod) => deps.createPod(ds, pod),
  });
  const refusals = await Promise.all(victims.map((victim) => deleteOne(victim, key, ds, deps)));
  if (failure !== undefined && !isNamespaceTerminating(failure)) return failure;
  return refusals.find((refusal) => refusal !== undefined);
}

async function deleteOne({ pod, failedOn }: Victim, key: string, ds: DaemonSet, deps: Deps): Promise<Error | undefined> {
  if (failedOn !== undefined) {
    const where = `daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${failedOn}`;
    if (pod.status.phase === 'Failed') {
      deps.failures.replaced(key, failedOn);
      deps.event(ds, 'Warning', 'FailedDaemonPod', `Found failed ${where}, will try to kill it`);
    } else {
      deps.event(ds, 'Normal', 'SucceededDaemonPod', `Found succeeded ${where}, will try to delete it`);
    }
  }
  try {
    await deps.deletePod(ds, pod);
    return undefined;
  } catch (error) {
    deps.expectations.deletionFailed(key, pod.metadata.uid, error);
    if (!isStatusError(error)) throw error; // a bug, or no server
    return error.reason === 'NotFound' ? undefined : error;
  }
}
