// Eviction: a delete that asks the pod's disruption budget first. Source: pkg/registry/core/pod/storage eviction.go.
import type { Eviction, KubeObject, Pod, PodDisruptionBudget } from '#api/types.ts';
import { poddisruptionbudgets } from '#api/resources.ts';
import { isPodReady } from '#api/pods.ts';
import { setCondition } from '#api/conditions.ts';
import { badRequest, forbidden, isStatusError, notFound, StatusError } from '#apimachinery/errors.ts';
import { selectorFromObject } from '#apimachinery/labels.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { formatTime } from '#apimachinery/time.ts';
import { freshCurrent } from '../../registry/current.ts';
import { deleteObject } from '../../registry/delete.ts';
import { checkPreconditions } from '../../registry/deletion-plan.ts';
import { deleteWriteOptions, parseDeleteOptions, type DeleteOptions } from '../../registry/delete-options.ts';
import { objectKey } from '../../registry/storage-keys.ts';
import { update } from '../../registry/update.ts';
import type { Registry, WriteCall } from '../../registry/write-call.ts';
import type { Answer } from '../answer.ts';
import { readPosted } from '../named-create.ts';
import { storedOf, type HandlerDeps, type Operation } from '../operation.ts';

const EVICTION = { group: 'policy', version: 'v1', kind: 'Eviction' } as const;
/** Source: EvictionREST.AcceptsGroupVersion. */
const FORMER_VERSIONS = ['policy/v1beta1'];

/** Evictions a budget may have under way; beyond, its controller is not keeping up. Source: MaxDisruptedPodSize. */
const MAX_DISRUPTED = 2_000;
/** Seconds until a budget that is being counted is worth asking again. Source: createTooManyRequestsError. */
const RETRY_SECONDS = 10;
/** Times the pod may change under an eviction. Source: EvictionsRetry. */
const MAX_ATTEMPTS = 20;

export async function createEviction(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { registry } = deps;
  const { object: eviction, options } = await readPosted<Eviction & KubeObject>(operation, EVICTION, deps, FORMER_VERSIONS);
  const deletion = withDryRun(
    parseDeleteOptions(eviction.deleteOptions ?? {}, operation.request.query),
    options.object['dryRun'] as readonly string[] | undefined,
  );
  const call: WriteCall = {
    served: operation.served,
    stored: storedOf(operation),
    request: operation.request,
    namespace: operation.request.info.namespace,
    name: operation.request.info.name,
    subresource: 'eviction',
    options: deleteWriteOptions(deletion),
    admitted: true,
  };
  for (let attempt = 1; ; attempt++) {
    try {
      await evict(call, deletion, registry);
      return { kind: 'object', code: 201, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
    } catch (error) {
      const own = deletion.preconditions?.resourceVersion !== undefined;
      if (own || attempt >= MAX_ATTEMPTS || !isStatusError(error, 'Conflict')) throw error;
    }
  }
}

/** Source: propagateDryRun. */
function withDryRun(deletion: DeleteOptions, dryRun: readonly string[] = []): DeleteOptions {
  const own = deletion.dryRun ?? [];
  if (own.length === 0) return dryRun.length === 0 ? deletion : { ...deletion, dryRun };
  if (dryRun.length > 0 && !deepEqual(dryRun, own)) {
    throw badRequest(`Non-matching dry-run options in request and content: [${dryRun.join(' ')}] and [${own.join(' ')}]`);
  }
  return deletion;
}

async function evict(call: WriteCall, deletion: DeleteOptions, registry: Registry): Promise<void> {
  const found = await freshCurrent(call.stored, objectKey(call.name, call.namespace), registry, call.request.signal);
  if (found === undefined) throw notFound(call.served.info, call.name);
  const pod = found.object as Pod;
  if (goesAnyway(pod)) {
    // And then it counts.
    const couldBecomeReady = pod.status.phase === 'Pending' && pod.metadata.deletionTimestamp === undefined;
    return markAndDelete(call, couldBecomeReady ? atVersion(deletion, pod) : deletion, registry);
  }
  const [budget, ...more] = budgetsOf(pod, registry);
  if (more.length > 0) {
    throw new StatusError(
      '',
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      undefined,
      500,
    );
  }
  const uncounted = budget !== undefined && isUncounted(pod, budget);
  if (budget !== undefined && !uncounted) await takeFrom(budget, call, registry);
  try {
    await markAndDelete(call, uncounted ? atVersion(deletion, pod) : deletion, registry);
  } catch (error) {
    // It became ready while it was judged as unready: the budget must be asked after all.
    if (uncounted && isStatusError(error, 'Conflict') && deletion.preconditions?.resourceVersion === undefined)
      throw beingCounted(budget.metadata.name);
    throw error;
  }
}

/** The pod says why it goes before it goes, so that its Job and those who look know. Source: addConditionAndDeletePod. */
async function markAndDelete(call: WriteCall, deletion: DeleteOptions, registry: Registry): Promise<void> {
  if (call.options.dryRun) return void (await deleteObject(call, deletion, registry));
  const { preconditions } = deletion;
  const { object } = await update(
    call,
    {
      next: (current) => {
        checkPreconditions(current as KubeObject, deletion, call.stored.resource);
        return marked(current as Pod, registry.clock.now());
      },
      mayCreate: false,
      uid: '',
      hooks: {},
    },
    registry,
  );
  // The version that was asked for is older now, by what was just written.
  const own =
    preconditions?.resourceVersion === undefined
      ? deletion
      : { ...deletion, preconditions: { ...preconditions, resourceVersion: String(object.revision) } };
  await deleteObject(call, own, registry);
}

/** Pure. */
function marked(pod: Pod, now: number): KubeObject {
  const evicted = {
    type: 'DisruptionTarget',
    status: 'True' as const,
    lastProbeTime: null,
    lastTransitionTime: null,
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
  };
  return { ...pod, status: { ...pod.status, conditions: setCondition(pod.status.conditions, evicted, now) } } as KubeObject;
}

const atVersion = (deletion: DeleteOptions, { metadata: { resourceVersion } }: Pod): DeleteOptions =>
  deletion.preconditions?.resourceVersion === undefined
    ? { ...deletion, preconditions: { ...deletion.preconditions, resourceVersion } }
    : deletion;

/** Source: canIgnorePDB. */
function goesAnyway({ status: { phase }, metadata }: Pod): boolean {
  return phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || metadata.deletionTimestamp !== undefined;
}

/** An unready pod that the budget need not be asked for. Source: EvictionREST.Create, AlwaysAllow. */
function isUncounted(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  if (isPodReady(pod)) return false;
  if (spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  return status.currentHealthy >= status.desiredHealthy && status.desiredHealthy > 0;
}

function budgetsOf(pod: Pod, { reader }: Registry): readonly PodDisruptionBudget[] {
  return [...reader.list(poddisruptionbudgets, pod.metadata.namespace)].filter(({ spec }) => {
    const selector = selectorFromObject(spec.selector);
    return selector.selectable && selector.matches(pod.metadata.labels);
  });
}

function beingCounted(budget: string): StatusError {
  return new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
    retryAfterSeconds: RETRY_SECONDS,
    causes: [{ reason: 'DisruptionBudget', message: `The disruption budget ${budget} is still being processed by the server.` }],
  });
}

/** Takes one disruption from the budget and notes the pod there. @throws StatusError when there is none left */
async function takeFrom(budget: PodDisruptionBudget, pod: WriteCall, registry: Registry): Promise<void> {
  const served = registry.catalog.find(poddisruptionbudgets);
  if (served?.stored === undefined) throw new Error('poddisruptionbudgets are not served');
  const { name, namespace } = budget.metadata;
  const call: WriteCall = { ...pod, served, stored: served.stored, namespace, name, subresource: 'status' };
  const now = registry.clock.now();
  await update(
    call,
    {
      next: (current) => disrupted(current as PodDisruptionBudget, pod.name, now),
      mayCreate: false,
      uid: '',
      hooks: {},
    },
    registry,
  );
}

/** Pure. Source: checkAndDecrement, UpdateDisruptionAllowedCondition. */
function disrupted(budget: PodDisruptionBudget, pod: string, now: number): KubeObject {
  const { metadata, status } = budget;
  const refuse = (why: string): StatusError => forbidden({ group: 'policy', resource: 'poddisruptionbudget' }, metadata.name, why);
  if ((status.observedGeneration ?? 0) < (metadata.generation ?? 0)) throw beingCounted(metadata.name);
  if (status.disruptionsAllowed < 0) throw refuse('pdb disruptions allowed is negative');
  if (Object.keys(status.disruptedPods ?? {}).length > MAX_DISRUPTED) {
    throw refuse('DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (status.disruptionsAllowed === 0) {
    throw new StatusError('TooManyRequests', "Cannot evict pod as it would violate the pod's disruption budget.", {
      causes: [{ reason: 'DisruptionBudget', message: `The disruption budget ${metadata.name} ${refusalOf(status)}` }],
    });
  }
  const disruptionsAllowed = status.disruptionsAllowed - 1;
  const insufficient = {
    type: 'DisruptionAllowed',
    status: 'False' as const,
    reason: 'InsufficientPods',
    message: '',
    lastTransitionTime: formatTime(now),
    ...(status.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
  };
  return {
    ...budget,
    status: {
      ...status,
      disruptedPods: { ...status.disruptedPods, [pod]: formatTime(now) },
      disruptionsAllowed,
      ...(disruptionsAllowed === 0 ? { conditions: setCondition(status.conditions, insufficient, now) } : {}),
    },
  } as KubeObject;
}

/** Why a budget allows nothing: a budget that could not be counted says so, since its figures then mean nothing. */
function refusalOf({ conditions = [], currentHealthy, desiredHealthy }: PodDisruptionBudget['status']): string {
  const condition = conditions.find(({ type, status }) => type === 'DisruptionAllowed' && status === 'False');
  const { reason = '', message = '' } = condition ?? {};
  if (message !== '' && reason === 'SyncFailed') return `does not allow evicting pods currently because it failed sync: ${message}`;
  if (currentHealthy <= desiredHealthy) return `needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
  return `does not allow evicting pods currently${message === '' ? '' : ` (${reason}): ${message}`}`;
}
