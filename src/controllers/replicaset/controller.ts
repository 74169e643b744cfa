// Keeps as many pods as a ReplicaSet asks for. Source: pkg/controller/replicaset.
import { isStatusError } from '#apimachinery/errors.ts';
import { selectorFromObject } from '#apimachinery/labels.ts';
import { controllerOf } from '#api/owner-references.ts';
import { pods, replicasets } from '#api/resources.ts';
import type { Pod, ReplicaSet } from '#api/types.ts';
import { claimMembers, controlledBy, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { podFromTemplate } from '../runtime/pod-from-template.ts';
import { type Deps, reconcileReplicaSet } from './reconcile.ts';
import { sameStatus } from './status.ts';

const KIND = { group: 'apps', version: 'v1', kind: 'ReplicaSet' } as const;
const BY_NAMESPACE = 'replicaset-namespace';

export const replicaSetController: Controller = {
  name: 'replicaset-controller',
  serviceAccount: 'replicaset-controller',
  reads: [replicasets, pods],
  writes: ['pods', 'replicasets/status', 'events'],
  workers: 5, // Source: --concurrent-replicaset-syncs
  setUp(context) {
    const { informers, queue, clock } = context;
    const sets = informers.informer(replicasets);
    const podInformer = informers.informer(pods);
    const expectations = new Expectations(clock);
    indexByController(podInformer);
    indexByController(sets);
    sets.addIndex(BY_NAMESPACE, ({ metadata }) => [metadata.namespace]);

    sets.addHandlers({
      added: (rs) => queue.add(keyOf(rs)),
      updated: (rs) => queue.add(keyOf(rs)),
      deleted(rs) {
        expectations.forget(keyOf(rs));
        queue.add(keyOf(rs));
      },
    });
    const ownerOf = (pod: Pod): ReplicaSet | undefined => {
      const reference = controllerOf(pod);
      const rs = reference?.kind === KIND.kind ? sets.get(reference.name, pod.metadata.namespace) : undefined;
      return rs?.metadata.uid === reference?.uid ? rs : undefined;
    };
    /** An orphan may be adopted by any ReplicaSet that selects it. */
    const wakeAdopters = (pod: Pod): void => {
      for (const rs of sets.byIndex(BY_NAMESPACE, pod.metadata.namespace)) {
        if (selectorFromObject(rs.spec.selector).matches(pod.metadata.labels)) queue.add(keyOf(rs));
      }
    };
    podInformer.addHandlers({
      added(pod) {
        const owner = ownerOf(pod);
        if (owner !== undefined) {
          expectations.creationsObserved(keyOf(owner));
          queue.add(keyOf(owner));
        } else if (controllerOf(pod) === undefined) {
          wakeAdopters(pod);
        }
      },
      updated(pod, previous) {
        const owner = ownerOf(pod);
        const before = ownerOf(previous);
        if (before !== undefined && before !== owner) queue.add(keyOf(before));
        if (owner !== undefined) {
          if (pod.metadata.deletionTimestamp !== undefined) expectations.deletionObserved(keyOf(owner), pod.metadata.uid);
          queue.add(keyOf(owner));
        } else if (
          controllerOf(pod) === undefined &&
          (controllerOf(previous) !== undefined || pod.metadata.labels !== previous.metadata.labels)
        ) {
          wakeAdopters(pod);
        }
      },
      deleted(pod) {
        const owner = ownerOf(pod);
        if (owner === undefined) return;
        expectations.deletionObserved(keyOf(owner), pod.metadata.uid);
        queue.add(keyOf(owner));
      },
    });

    const deps = realDeps(context, expectations);
    return (key) => reconcileReplicaSet(key, deps);
  },
};

function realDeps({ client, informers, events, clock }: ControllerContext, expectations: Expectations): Deps {
  const sets = informers.informer(replicasets);
  const podInformer = informers.informer(pods);
  return {
    expectations,
    find: (key) => sets.byKey(key),
    async observe(rs) {
      const owned = await claimMembers({
        owner: rs,
        gvk: KIND,
        selector: selectorFromObject(rs.spec.selector),
        members: podInformer,
        resource: pods,
        client,
        fresh: async () => {
          try {
            return await client.get(replicasets, rs.metadata);
          } catch (error) {
            if (isStatusError(error, 'NotFound')) return undefined;
            throw error;
          }
        },
      });
      const deployment = controllerOf(rs)?.uid;
      const siblings =
        deployment === undefined
          ? owned
          : controlledBy(sets, deployment).flatMap((sibling) => controlledBy(podInformer, sibling.metadata.uid));
      return { rs, owned, siblings, now: clock.now() };
    },
    async createPod(rs) {
      try {
        const pod = await client.create(pods, podFromTemplate(rs, KIND));
        events.event(rs, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
      } catch (error) {
        if (isStatusError(error)) events.event(rs, 'Warning', 'FailedCreate', `Error creating: ${error.message}`);
        throw error;
      }
    },
    async deletePod(rs, pod) {
      try {
        await client.delete(pods, pod.metadata, { preconditions: { uid: pod.metadata.uid } });
        events.event(rs, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      } catch (error) {
        if (isStatusError(error) && error.reason !== 'NotFound')
          events.event(rs, 'Warning', 'FailedDelete', `Error deleting: ${error.message}`);
        throw error;
      }
    },
    async writeStatus(rs, status) {
      if (sameStatus(rs, status)) return;
      await client.update(replicasets, { ...rs, status }, { subresource: 'status' });
    },
  };
}
