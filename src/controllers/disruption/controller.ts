// Counts what budgets allow, for the eviction API; takes back DisruptionTarget conditions that came to nothing.
// Source: pkg/controller/disruption.
import { observed, setCondition } from '#api/conditions.ts';
import { controllerOf } from '#api/owner-references.ts';
import { deployments, poddisruptionbudgets, pods, replicasets, replicationcontrollers, statefulsets } from '#api/resources.ts';
import type { KubeObject, Pod, PodDisruptionBudget } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { goLabelSelector, selectorFromObject } from '#apimachinery/labels.ts';
import type { Requeue } from '#client/workqueue/workers.ts';
import { controlledBy, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { indexByLabels, selectedBy } from '../runtime/selected.ts';
import { budgetStatus, expectation, failedStatus, needsScale, stillDisrupted, untilStale } from './plan.ts';
import { ownerScale } from './scales.ts';

const BY_NAMESPACE = 'budgets-in-namespace';
const budgetNamespace = ({ metadata }: PodDisruptionBudget): readonly string[] => [metadata.namespace];

export const disruptionController: Controller = {
  name: 'disruption-controller',
  serviceAccount: 'disruption-controller',
  reads: [poddisruptionbudgets, pods, replicasets, deployments, statefulsets, replicationcontrollers],
  writes: ['poddisruptionbudgets/status', 'pods/status', 'events'],
  workers: 1,
  setUp(context) {
    const { informers, queue, events } = context;
    const budgets = informers.informer(poddisruptionbudgets);
    const podInformer = informers.informer(pods);
    budgets.addIndex(BY_NAMESPACE, budgetNamespace);
    indexByLabels(podInformer);
    indexByController(podInformer);
    const wake = (budget: PodDisruptionBudget): void => queue.add(keyOf(budget));
    budgets.addHandlers({ added: wake, updated: wake });
    const wakeSelecting = (pod: Pod): void => {
      const selecting = budgets
        .byIndex(BY_NAMESPACE, pod.metadata.namespace)
        .filter(({ spec }) => selectorFromObject(spec.selector).matches(pod.metadata.labels));
      for (const budget of selecting) wake(budget);
      const [first, second] = selecting;
      if (first !== undefined && second !== undefined) events.event(pod, 'Warning', 'MultiplePodDisruptionBudgets', ambiguous(pod, first));
    };
    podInformer.addHandlers({
      added: wakeSelecting,
      updated(pod, previous) {
        wakeSelecting(pod);
        if (pod.metadata.labels !== previous.metadata.labels) wakeSelecting(previous);
      },
      deleted: wakeSelecting,
    });
    // A budget that is a share of a scale changes with it.
    const wakeByOwner = (owner: KubeObject): void => {
      for (const pod of controlledBy(podInformer, owner.metadata.uid)) wakeSelecting(pod);
    };
    informers.informer(deployments).addHandlers({
      updated(deployment, previous) {
        if (deployment.spec.replicas === previous.spec.replicas) return;
        for (const rs of controlledBy(informers.informer(replicasets), deployment.metadata.uid)) wakeByOwner(rs);
      },
    });
    indexByController(informers.informer(replicasets));
    for (const resource of [replicasets, statefulsets, replicationcontrollers] as const)
      informers.informer(resource as typeof statefulsets).addHandlers({
        updated(owner, previous) {
          if (owner.spec.replicas !== previous.spec.replicas) wakeByOwner(owner);
        },
      });
    return (key) => reconcileBudget(key, context);
  },
};

const ambiguous = ({ metadata: { namespace, name } }: Pod, { metadata }: PodDisruptionBudget): string =>
  `Pod "${namespace}"/"${name}" matches multiple PodDisruptionBudgets.  Chose "${metadata.name}" arbitrarily.`;

async function reconcileBudget(key: string, context: ControllerContext): Promise<Requeue | undefined> {
  const { informers, client, clock, logger } = context;
  const budget = informers.informer(poddisruptionbudgets).byKey(key);
  if (budget === undefined) return undefined;
  try {
    return await count(budget, context);
  } catch (error) {
    if (isStatusError(error, 'Conflict')) throw error;
    logger.warn('a budget could not be counted', { budget: key, error });
    const status = failedStatus(budget, (error as Error).message, clock.now());
    if (deepEqual(status, budget.status)) return undefined;
    await client.update(poddisruptionbudgets, { ...budget, status }, { subresource: 'status' });
    return undefined;
  }
}

/** @throws StatusError of a request; Error for pods whose owner has no scale */
async function count(budget: PodDisruptionBudget, { informers, client, clock, events }: ControllerContext): Promise<Requeue | undefined> {
  const { namespace, name } = budget.metadata;
  const selected = selectedBy(informers.informer(pods), namespace, selectorFromObject(budget.spec.selector));
  if (selected.length === 0) events.event(budget, 'Normal', 'NoPods', 'No matching pods found');
  const scale = needsScale(budget) ? await expectedScale(budget, selected, { informers, client, events }) : 0;
  const now = clock.now();
  const disrupted = stillDisrupted(budget, selected, now);
  for (const pod of disrupted.forgotten)
    events.event(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${namespace}/${name} to be deleted but it wasn't`);
  const status = budgetStatus(budget, selected, expectation(budget, selected.length, scale), disrupted, now);
  if (!deepEqual(status, budget.status)) await client.update(poddisruptionbudgets, { ...budget, status }, { subresource: 'status' });
  return disrupted.afterMs === undefined ? undefined : { afterMs: disrupted.afterMs + 1 };
}

async function expectedScale(
  budget: PodDisruptionBudget,
  selected: readonly Pod[],
  { informers, client, events }: Pick<ControllerContext, 'informers' | 'client' | 'events'>,
): Promise<number> {
  const scales = new Map<string, number>();
  const seen = new Set<string>();
  let unmanaged = false;
  try {
    for (const pod of selected) {
      const reference = controllerOf(pod);
      if (reference === undefined) {
        unmanaged = true;
        continue;
      }
      if (seen.has(reference.uid)) continue;
      seen.add(reference.uid);
      const scale = await ownerScale(reference, pod.metadata.namespace, informers, client);
      if (scale === undefined) throw new Error(`found no controllers for pod "${pod.metadata.name}"`);
      scales.set(scale.uid, scale.replicas);
    }
  } catch (error) {
    const message = `Failed to calculate the number of expected pods: ${(error as Error).message}`;
    events.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message);
    throw error;
  }
  if (unmanaged) {
    events.event(
      budget,
      'Warning',
      'UnmanagedPods',
      `Pods selected by this PodDisruptionBudget (selector: ${goLabelSelector(budget.spec.selector)}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`,
    );
  }
  return [...scales.values()].reduce((sum, replicas) => sum + replicas, 0);
}

/** Pods that were to be deleted and were not lose the condition that says so. Source: syncStalePodDisruption. */
export const staleDisruptionController: Controller = {
  name: 'disruption-controller',
  queue: 'stale_pod_disruption',
  serviceAccount: 'disruption-controller',
  reads: [pods],
  writes: ['pods/status'],
  workers: 1,
  setUp({ client, informers, queue, clock }) {
    const podInformer = informers.informer(pods);
    const watch = (pod: Pod): void => {
      const afterMs = untilStale(pod, clock.now());
      if (afterMs !== undefined) queue.addAfter(keyOf(pod), afterMs);
    };
    podInformer.addHandlers({ added: watch, updated: watch });
    return async (key) => {
      const pod = podInformer.byKey(key);
      const afterMs = pod === undefined ? undefined : untilStale(pod, clock.now());
      if (pod === undefined || afterMs === undefined) return undefined;
      if (afterMs > 0) return { afterMs };
      const condition = { type: 'DisruptionTarget', status: 'False', lastProbeTime: null, lastTransitionTime: null } as const;
      const conditions = setCondition(pod.status.conditions, { ...condition, ...observed(pod.metadata.generation) }, clock.now());
      try {
        await client.update(pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: 'status' });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
      return undefined;
    };
  },
};
