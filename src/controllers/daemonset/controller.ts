// Runs one pod on every node that suits. Source: pkg/controller/daemon.
import { selectorFromObject } from '#apimachinery/labels.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { controllerOf } from '#api/owner-references.ts';
import { controllerrevisions, daemonsets, nodes, pods } from '#api/resources.ts';
import type { DaemonSet } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { claimMembers, freshOwner, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { deleteRevisions, ensureRevision } from '../runtime/history.ts';
import { watchMembers } from '../runtime/members.ts';
import { Creations } from '../runtime/creations.ts';
import { podWriter } from '../runtime/pod-writer.ts';
import { DAEMON_SET_KIND, suits } from './daemon-pod.ts';
import { FailedPods } from './failures.ts';
import { type Deps, reconcileDaemonSet } from './reconcile.ts';

export const daemonSetController: Controller = {
  name: 'daemonset-controller',
  serviceAccount: 'daemon-set-controller',
  reads: [daemonsets, pods, nodes, controllerrevisions],
  writes: ['pods', 'controllerrevisions', 'daemonsets/status', 'events'],
  workers: 2, // Source: --concurrent-daemonset-syncs
  setUp(context) {
    const { informers, queue, clock } = context;
    const sets = informers.informer(daemonsets);
    const revisions = informers.informer(controllerrevisions);
    const podInformer = informers.informer(pods);
    const expectations = new Expectations(clock);
    const creations = new Creations({ shown: podInformer, ids: context.ids, expectations });
    const failures = new FailedPods(clock);
    indexByController(podInformer);
    indexByController(revisions);
    const wake = (ds: DaemonSet): void => queue.add(keyOf(ds));
    sets.addHandlers({
      added: wake,
      updated(ds, previous) {
        if (ds.metadata.generation !== previous.metadata.generation) failures.forget(keyOf(ds));
        wake(ds);
      },
      deleted(ds) {
        creations.forget(keyOf(ds));
        wake(ds);
      },
    });
    watchMembers({
      owners: sets,
      members: podInformer,
      kind: DAEMON_SET_KIND,
      selects: (ds, pod) => selectorFromObject(ds.spec.selector).matches(pod.metadata.labels),
      wake,
      created: (ds, pod) => creations.observed(keyOf(ds), pod.metadata.name),
      ended: (ds, pod) => expectations.deletionObserved(keyOf(ds), pod.metadata.uid),
    });
    watchMembers({
      owners: sets,
      members: revisions,
      kind: DAEMON_SET_KIND,
      selects: (ds, revision) => selectorFromObject(ds.spec.selector).matches(revision.metadata.labels),
      wake(ds, revision, previous) {
        // One that is made in the set's name is looked at with what comes next. Source: addHistory.
        const made = previous === undefined && revisions.byKey(keyOf(revision)) !== undefined && controllerOf(revision) !== undefined;
        if (!made) wake(ds);
      },
    });
    const wakeWhere = (concerns: (ds: DaemonSet) => boolean): void => {
      for (const ds of sets.list()) if (concerns(ds)) wake(ds);
    };
    informers.informer(nodes).addHandlers({
      added: (node) => wakeWhere((ds) => suits(ds, node).run),
      updated(node, previous) {
        // A heartbeat decides nothing. Source: shouldIgnoreNodeUpdate.
        if (node.metadata.labels === previous.metadata.labels && node.spec.taints === previous.spec.taints) return;
        wakeWhere((ds) => !deepEqual(suits(ds, node), suits(ds, previous)));
      },
      // A pod may wait for a node that took no more of them.
      deleted: (node) => wakeWhere((ds) => suits(ds, node).stay),
    });
    const deps = { ...realDeps(context), expectations, creations, failures };
    return (key) => reconcileDaemonSet(key, deps);
  },
};

function realDeps({ client, informers, events, clock }: ControllerContext): Omit<Deps, 'expectations' | 'creations' | 'failures'> {
  const sets = informers.informer(daemonsets);
  const revisions = informers.informer(controllerrevisions);
  const podInformer = informers.informer(pods);
  const nodeInformer = informers.informer(nodes);
  const writer = podWriter(client, events);
  const claiming = (ds: DaemonSet) => ({
    owner: ds,
    gvk: DAEMON_SET_KIND,
    selector: selectorFromObject(ds.spec.selector),
    client,
    fresh: () => freshOwner(client, daemonsets, ds.metadata),
  });
  return {
    find: (key) => sets.byKey(key),
    nodes: () => [...nodeInformer.list()],
    pods: (ds) => claimMembers({ ...claiming(ds), members: podInformer, resource: pods }),
    revisions: (ds) => claimMembers({ ...claiming(ds), members: revisions, resource: controllerrevisions }),
    ensureRevision: (ds, history) =>
      ensureRevision(client, {
        owner: ds,
        gvk: DAEMON_SET_KIND,
        hashLabel: LABEL.controllerRevisionHash,
        history,
        collisionCount: ds.status.collisionCount ?? 0,
      }),
    deleteRevisions: (expired) => deleteRevisions(client, expired),
    async relabel({ metadata }, hash) {
      const labels = { [LABEL.controllerRevisionHash]: hash };
      await client.patch(pods, metadata, { type: 'strategic', body: { metadata: { uid: metadata.uid, labels } } });
    },
    createPod: (ds, pod) => writer.create(ds, pod),
    deletePod: (ds, pod) => writer.delete(ds, pod),
    async writeStatus(ds, status) {
      await client.update(daemonsets, { ...ds, status }, { subresource: 'status' });
    },
    event: (ds, type, reason, message) => events.event(ds, type, reason, message),
    now: () => clock.now(),
  };
}
