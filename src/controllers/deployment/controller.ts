// Rolls new versions out, one ReplicaSet each. Source: pkg/controller/deployment.
import { isStatusError } from '#apimachinery/errors.ts';
import { selectorFromObject } from '#apimachinery/labels.ts';
import { controllerOf } from '#api/owner-references.ts';
import { deployments, pods, replicasets } from '#api/resources.ts';
import type { Deployment, ReplicaSet } from '#api/types.ts';
import { claimMembers, controlledBy, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { DEPLOYMENT_KIND } from './new-replica-set.ts';
import { type Deps, reconcileDeployment } from './reconcile.ts';
import { sameStatus } from './status.ts';

const BY_NAMESPACE = 'deployment-namespace';

export const deploymentController: Controller = {
  name: 'deployment-controller',
  serviceAccount: 'deployment-controller',
  reads: [deployments, replicasets, pods],
  writes: ['replicasets', 'deployments', 'deployments/status', 'events'],
  workers: 5, // Source: --concurrent-deployment-syncs
  setUp(context) {
    const { informers, queue } = context;
    const lister = informers.informer(deployments);
    const sets = informers.informer(replicasets);
    const podInformer = informers.informer(pods);
    indexByController(sets);
    indexByController(podInformer);
    lister.addIndex(BY_NAMESPACE, ({ metadata }) => [metadata.namespace]);

    const wake = (deployment: Deployment): void => queue.add(keyOf(deployment));
    lister.addHandlers({ added: wake, updated: wake, deleted: wake });

    const ownerOf = (rs: ReplicaSet): Deployment | undefined => {
      const reference = controllerOf(rs);
      const owner = reference?.kind === DEPLOYMENT_KIND.kind ? lister.get(reference.name, rs.metadata.namespace) : undefined;
      return owner?.metadata.uid === reference?.uid ? owner : undefined;
    };
    const wakeOwner = (rs: ReplicaSet): void => {
      const owner = ownerOf(rs);
      if (owner !== undefined) return wake(owner);
      if (controllerOf(rs) !== undefined) return;
      for (const deployment of lister.byIndex(BY_NAMESPACE, rs.metadata.namespace)) {
        if (selectorFromObject(deployment.spec.selector).matches(rs.metadata.labels)) wake(deployment);
      }
    };
    const expectations = new Expectations(context.clock);
    sets.addHandlers({
      added(rs) {
        const owner = ownerOf(rs);
        if (owner !== undefined) expectations.creationObserved(keyOf(owner), rs.metadata.name);
        wakeOwner(rs);
      },
      updated(rs, previous) {
        wakeOwner(rs);
        const before = ownerOf(previous);
        if (before !== undefined && before !== ownerOf(rs)) wake(before);
      },
      deleted: wakeOwner,
    });
    podInformer.addHandlers({
      deleted(pod) {
        // Only a Recreate waits for pods to be gone.
        const reference = controllerOf(pod);
        const rs = reference === undefined ? undefined : sets.get(reference.name, pod.metadata.namespace);
        const owner = rs === undefined ? undefined : ownerOf(rs);
        if (owner?.spec.strategy.type === 'Recreate') wake(owner);
      },
    });

    const deps = realDeps(context, expectations);
    return (key) => reconcileDeployment(key, deps);
  },
};

function realDeps({ client, informers, events, clock }: ControllerContext, expectations: Expectations): Deps {
  const lister = informers.informer(deployments);
  const sets = informers.informer(replicasets);
  const podInformer = informers.informer(pods);
  return {
    expectations,
    find: (key) => lister.byKey(key),
    async observe(deployment) {
      const owned = await claimMembers({
        owner: deployment,
        gvk: DEPLOYMENT_KIND,
        selector: selectorFromObject(deployment.spec.selector),
        members: sets,
        resource: replicasets,
        client,
        fresh: async () => {
          try {
            return await client.get(deployments, deployment.metadata);
          } catch (error) {
            if (isStatusError(error, 'NotFound')) return undefined;
            throw error;
          }
        },
      });
      return { deployment, owned, podsOf: (rs) => controlledBy(podInformer, rs.metadata.uid), now: clock.now() };
    },
    createReplicaSet: (rs) => client.create(replicasets, rs),
    getReplicaSet: (namespace, name) => client.get(replicasets, { namespace, name }),
    async updateReplicaSet(rs) {
      await client.update(replicasets, rs);
    },
    async deleteReplicaSet(rs) {
      try {
        await client.delete(replicasets, rs.metadata, { preconditions: { uid: rs.metadata.uid } });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
    },
    async updateDeployment(deployment) {
      await client.update(deployments, deployment);
    },
    async writeStatus(deployment, status) {
      if (sameStatus(deployment.status, status)) return;
      await client.update(deployments, { ...deployment, status }, { subresource: 'status' });
    },
    event: (deployment, type, reason, message) => events.event(deployment, type, reason, message),
  };
}
