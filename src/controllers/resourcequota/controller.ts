// Counts anew what quotas limit when something was deleted or grew smaller; admission adds what is created.
// Source: pkg/controller/resourcequota.
import type { Resource } from '#apimachinery/resource.ts';
import { isPodTerminal } from '#api/pods.ts';
import type { QuotaReader } from '#api/quota/evaluator.ts';
import { Evaluators } from '#api/quota/evaluators.ts';
import { customresourcedefinitions, deviceclasses, resourcequotas } from '#api/resources.ts';
import { equalResources } from '#api/resource-lists.ts';
import type { KubeObject, Pod, ResourceQuota } from '#api/types.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { collections } from '../runtime/collections.ts';
import { followCustomResources } from '../runtime/custom-resources.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { quotaStatus } from './plan.ts';

const BY_NAMESPACE = 'quotas-in-namespace';
const quotaNamespace = ({ metadata }: ResourceQuota): readonly string[] => [metadata.namespace];

/** Longest from a charge to the object's arrival here. Milliseconds. Source: quotaEvaluator.Evaluate's time limit. */
const IN_FLIGHT_MS = 10_000;

/** Objects that arrive together are counted once. Milliseconds. */
const SETTLE_MS = 1000;

const COUNTED = collections(['list', 'watch', 'create', 'delete'], ({ namespaced }) => namespaced);

export const resourceQuotaController: Controller = {
  name: 'resourcequota-controller',
  serviceAccount: 'resourcequota-controller',
  reads: [...COUNTED, deviceclasses, customresourcedefinitions],
  writes: ['resourcequotas/status'],
  workers: 5, // Source: --concurrent-resource-quota-syncs
  setUp({ client, informers, queue, clock, tuning: { quotaSyncMs } }) {
    const quotas = informers.informer(resourcequotas);
    quotas.addIndex(BY_NAMESPACE, quotaNamespace);
    /** When each quota was counted last, Clock.monotonic(). */
    const countedAt = new Map<string, number>();
    const evaluators = new Evaluators(readerOf(informers));
    const wake = (quota: ResourceQuota): void => queue.add(keyOf(quota));
    quotas.addHandlers({
      added: wake,
      updated(quota, previous) {
        if (!equalResources(quota.spec.hard ?? {}, previous.spec.hard ?? {})) wake(quota);
      },
    });
    /** What is counted now, custom resources included. */
    const counts = new Set<Resource<KubeObject>>();
    const follow = (resource: Resource<KubeObject>): void => {
      const evaluator = evaluators.find(resource);
      if (evaluator === undefined || !resource.namespaced) return;
      counts.add(resource);
      const replenish = ({ metadata }: KubeObject): void => {
        for (const quota of quotas.byIndex(BY_NAMESPACE, metadata.namespace ?? '')) {
          if (evaluator.matching(Object.keys(quota.spec.hard ?? {})).length > 0) wake(quota);
        }
      };
      // Its charge may have been on record before the object was there to be counted, and taken back by a count in between.
      const countAgain = ({ metadata }: KubeObject): void => {
        for (const quota of quotas.byIndex(BY_NAMESPACE, metadata.namespace ?? '')) {
          const since = clock.monotonic() - (countedAt.get(keyOf(quota)) ?? -IN_FLIGHT_MS);
          if (since < IN_FLIGHT_MS && evaluator.matching(Object.keys(quota.spec.hard ?? {})).length > 0)
            queue.addAfter(keyOf(quota), SETTLE_MS);
        }
      };
      informers.informer(resource).addHandlers({
        added(object, initial) {
          if (!initial) countAgain(object);
        },
        updated(object, previous) {
          if (releases(resource, object, previous)) replenish(object);
        },
        deleted: replenish,
      });
    };
    /** What a quota says of a resource nobody had defined when it was counted is worth another count. */
    const wakeWhenKnown = async (resource: Resource<KubeObject>): Promise<void> => {
      await informers.informer(resource).synced();
      const evaluator = evaluators.find(resource);
      for (const quota of quotas.list()) if ((evaluator?.matching(Object.keys(quota.spec.hard ?? {})) ?? []).length > 0) wake(quota);
    };
    for (const resource of COUNTED) follow(resource);
    followCustomResources(informers.informer(customresourcedefinitions), {
      follow(resource) {
        follow(resource);
        if (counts.has(resource)) void wakeWhenKnown(resource);
      },
      leave(resource) {
        counts.delete(resource);
        informers.drop(resource);
      },
    });
    return async (key) => {
      const quota = quotas.byKey(key);
      if (quota === undefined) {
        countedAt.delete(key);
        return undefined;
      }
      countedAt.set(key, clock.monotonic());
      const { namespace } = quota.metadata;
      const counted = [...counts].flatMap((resource) => {
        const evaluator = evaluators.find(resource);
        return evaluator === undefined ? [] : [{ evaluator, objects: informers.informer(resource).list(namespace) }];
      });
      const status = quotaStatus(quota, counted, clock.now());
      if (status !== undefined) await client.update(resourcequotas, { ...quota, status }, { subresource: 'status' });
      // A charge for a write that then failed is taken back by then.
      return { afterMs: quotaSyncMs };
    };
  },
};

/** Whether an update may have made an object take less. Source: DefaultUpdateFilter. */
function releases({ group, resource }: Resource, object: KubeObject, previous: KubeObject): boolean {
  if (group === '' && resource === 'pods') {
    const [now, before] = [object as Pod, previous as Pod];
    return (
      (isPodTerminal(now) && !isPodTerminal(before)) ||
      (now.metadata.deletionTimestamp !== undefined && before.metadata.deletionTimestamp === undefined) ||
      now.spec !== before.spec ||
      now.status.resize !== before.status.resize
    );
  }
  return group === '' && (resource === 'services' || resource === 'persistentvolumeclaims');
}

function readerOf(informers: InformerFactory): QuotaReader {
  return {
    get: (resource, name, namespace) => informers.informer(resource).get(name, namespace),
    list: (resource, namespace) => informers.informer(resource).list(namespace),
  };
}
