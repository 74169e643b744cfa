// Runs numbered replicas, each with a name and claims that stay. Source: pkg/controller/statefulset.
import { selectorFromObject } from '#apimachinery/labels.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { controllerrevisions, persistentvolumeclaims, pods, statefulsets } from '#api/resources.ts';
import type { StatefulSet } from '#api/types.ts';
import { claimMembers, freshOwner, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { HASH_LABEL } from '../runtime/history-plan.ts';
import { deleteRevisions, ensureRevision } from '../runtime/history.ts';
import { watchMembers } from '../runtime/members.ts';
import { isNamedAfter, STATEFUL_SET_KIND } from './identity.ts';
import { type Deps, reconcileStatefulSet } from './reconcile.ts';

export const statefulSetController: Controller = {
  name: 'statefulset-controller',
  serviceAccount: 'statefulset-controller',
  reads: [statefulsets, pods, controllerrevisions, persistentvolumeclaims],
  writes: ['pods', 'persistentvolumeclaims', 'controllerrevisions', 'statefulsets/status', 'events'],
  workers: 5, // Source: --concurrent-statefulset-syncs
  setUp(context) {
    const { informers, queue, metrics } = context;
    const sets = informers.informer(statefulsets);
    const revisions = informers.informer(controllerrevisions);
    const podInformer = informers.informer(pods);
    indexByController(podInformer);
    indexByController(revisions);
    const wake = (set: StatefulSet): void => queue.add(keyOf(set));
    sets.addHandlers({
      added: wake,
      updated: wake,
      deleted(set) {
        for (const family of Object.values(metrics.statefulSet)) family.forget(...seriesOf(set));
        wake(set);
      },
    });
    watchMembers({
      owners: sets,
      members: podInformer,
      kind: STATEFUL_SET_KIND,
      selects: (set, pod) => selectorFromObject(set.spec.selector).matches(pod.metadata.labels),
      wake,
    });
    // A claim that goes may be what a replica waits for.
    informers.informer(persistentvolumeclaims).addHandlers({
      deleted({ metadata }) {
        for (const set of ownersByClaim(metadata.name)) {
          const found = sets.get(set, metadata.namespace);
          if (found !== undefined) wake(found);
        }
      },
    });
    const deps = realDeps(context);
    return (key) => reconcileStatefulSet(key, deps);
  },
};

/** Label values of its metrics. */
const seriesOf = ({ metadata, spec }: StatefulSet): readonly string[] => [metadata.namespace, metadata.name, spec.podManagementPolicy];

/** Names of the sets that could have made a claim: each ending of `TEMPLATE-SET-ORDINAL` without the number. */
function ownersByClaim(name: string): readonly string[] {
  const parts = name.split('-').slice(0, -1);
  return parts.slice(1).map((_, index) => parts.slice(index + 1).join('-'));
}

function realDeps({ client, informers, events, clock, metrics, gates }: ControllerContext): Deps {
  const sets = informers.informer(statefulsets);
  const revisions = informers.informer(controllerrevisions);
  const podInformer = informers.informer(pods);
  const claims = informers.informer(persistentvolumeclaims);
  const claiming = (set: StatefulSet) => ({
    owner: set,
    gvk: STATEFUL_SET_KIND,
    selector: selectorFromObject(set.spec.selector),
    client,
    fresh: () => freshOwner(client, statefulsets, set.metadata),
  });
  return {
    find: (key) => sets.byKey(key),
    pods: (set) => claimMembers({ ...claiming(set), members: podInformer, resource: pods, fits: (pod) => isNamedAfter(set, pod) }),
    revisions: (set) => claimMembers({ ...claiming(set), members: revisions, resource: controllerrevisions }),
    ensureRevision: (set, history) =>
      ensureRevision(client, {
        owner: set,
        gvk: STATEFUL_SET_KIND,
        hashLabel: HASH_LABEL,
        history,
        collisionCount: set.status.collisionCount ?? 0,
      }),
    deleteRevisions: (expired) => deleteRevisions(client, expired),
    claim: (set, name) => claims.get(name, set.metadata.namespace),
    // Source: SetDefaults_StatefulSet, updateStatefulSet.
    maxUnavailable: ({ spec }) =>
      gates.isOn('MaxUnavailableStatefulSet') ? (spec.updateStrategy.rollingUpdate?.maxUnavailable ?? 1) : undefined,
    async createPod(pod) {
      await client.create(pods, pod);
    },
    async updatePod(pod) {
      await client.update(pods, pod);
    },
    async deletePod(pod) {
      await client.delete(pods, pod.metadata, { preconditions: { uid: pod.metadata.uid } });
    },
    async createClaim(claim) {
      await client.create(persistentvolumeclaims, claim);
    },
    async updateClaim(claim) {
      try {
        await client.update(persistentvolumeclaims, claim);
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    },
    async writeStatus(set, status) {
      await client.update(statefulsets, { ...set, status }, { subresource: 'status' });
    },
    event: (set, type, reason, message) => events.event(set, type, reason, message),
    counted(set, { maxUnavailable, unavailable }) {
      if (sets.get(set.metadata.name, set.metadata.namespace) === undefined) return; // gone, and so are its series
      metrics.statefulSet.maxUnavailable.of(...seriesOf(set)).set(maxUnavailable);
      metrics.statefulSet.unavailable.of(...seriesOf(set)).set(unavailable);
    },
    now: () => clock.now(),
  };
}
