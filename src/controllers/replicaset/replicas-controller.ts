// What ReplicaSets and ReplicationControllers have in common: everything but their form.
import { selectorFromObject } from '#apimachinery/labels.ts';
import { apiVersionOf, type Resource } from '#apimachinery/resource.ts';
import { controllerOf } from '#api/owner-references.ts';
import { pods } from '#api/resources.ts';
import type { KubeObject, NamespacedObjectMeta, ReplicaSet, ReplicaSetStatus } from '#api/types.ts';
import type { EventSubject } from '#client/events/event-recorder.ts';
import { claimMembers, controlledBy, freshOwner, indexByController } from '../runtime/claim.ts';
import { type Controller, type ControllerContext, keyOf } from '../runtime/controller.ts';
import { Expectations } from '../runtime/expectations.ts';
import { watchMembers } from '../runtime/members.ts';
import { Creations } from '../runtime/creations.ts';
import { creationPace, deletionPace } from '../runtime/pod-pace.ts';
import { podWriter } from '../runtime/pod-writer.ts';
import { podFromTemplate } from '../runtime/pod-from-template.ts';
import { deletionAgeRatios } from './deletion-order.ts';
import { type Deps, reconcileReplicaSet } from './reconcile.ts';
import { sameStatus } from './status.ts';

interface Replicated extends KubeObject {
  readonly metadata: NamespacedObjectMeta;
}

export interface ReplicasKind<T extends Replicated> {
  readonly name: string;
  readonly serviceAccount: string;
  readonly resource: Resource<T>;
  /** The object as a ReplicaSet. */
  asReplicaSet(object: T): ReplicaSet;
  /** What its status holds of a ReplicaSet's. */
  status(status: ReplicaSetStatus): ReplicaSetStatus;
}

export function replicasController<T extends Replicated>(kind: ReplicasKind<T>): Controller {
  const { name, serviceAccount, resource } = kind;
  return {
    name,
    serviceAccount,
    reads: [resource, pods],
    writes: ['pods', `${resource.resource}/status`, 'events'],
    workers: 5, // Source: --concurrent-replicaset-syncs, --concurrent-rc-syncs
    setUp(context) {
      const { informers, queue, clock } = context;
      const owners = informers.informer(resource);
      const podInformer = informers.informer(pods);
      const expectations = new Expectations(clock);
      const creations = new Creations({ shown: podInformer, ids: context.ids, expectations });
      const views = viewsOf(kind);
      indexByController(podInformer);
      indexByController(owners);

      const wake = (owner: T): void => queue.add(keyOf(owner));
      owners.addHandlers({
        added: wake,
        updated: wake,
        deleted(owner) {
          creations.forget(keyOf(owner));
          wake(owner);
        },
      });
      watchMembers({
        owners,
        members: podInformer,
        kind: resource,
        selects: (owner, pod) => selectorFromObject(views(owner).spec.selector).matches(pod.metadata.labels),
        wake,
        created: (owner, pod) => creations.observed(keyOf(owner), pod.metadata.name),
        ended: (owner, pod) => expectations.deletionObserved(keyOf(owner), pod.metadata.uid),
      });

      const deps = { ...realDeps(kind, views, context), expectations, creations };
      return (key) => reconcileReplicaSet(key, deps);
    },
  };
}

/** One view an object: what is cached by identity, such as its selector, is found again. */
function viewsOf<T extends Replicated>(kind: ReplicasKind<T>): (object: T) => ReplicaSet {
  const views = new WeakMap<T, ReplicaSet>();
  return (object) => {
    const known = views.get(object);
    if (known !== undefined) return known;
    const view = kind.asReplicaSet(object);
    views.set(object, view);
    return view;
  };
}

function realDeps<T extends Replicated>(
  kind: ReplicasKind<T>,
  views: (object: T) => ReplicaSet,
  { client, informers, events, clock, metrics: { replicaSet: figures }, signal }: ControllerContext,
): Omit<Deps, 'expectations' | 'creations'> {
  const { resource } = kind;
  const owners = informers.informer(resource);
  const podInformer = informers.informer(pods);
  const paced = { pods: podInformer, clock, signal };
  const writer = podWriter(client, events, { creations: creationPace(paced), deletions: deletionPace(paced) });
  // Events are about the object as its user knows it.
  const subject = ({ metadata }: ReplicaSet): EventSubject => ({ apiVersion: apiVersionOf(resource), kind: resource.kind, metadata });
  return {
    find(key) {
      const found = owners.byKey(key);
      return found === undefined ? undefined : views(found);
    },
    async observe(rs) {
      const owned = await claimMembers({
        owner: rs,
        gvk: resource,
        selector: selectorFromObject(rs.spec.selector),
        members: podInformer,
        resource: pods,
        client,
        fresh: () => freshOwner(client, resource as Resource<Replicated>, rs.metadata),
      });
      const parent = controllerOf(rs)?.uid;
      const siblings =
        parent === undefined ? owned : controlledBy(owners, parent).flatMap((sibling) => controlledBy(podInformer, sibling.metadata.uid));
      return { rs, owned, siblings, now: clock.now() };
    },
    newPod: (rs) => podFromTemplate(rs, resource),
    createPod: (rs, pod) => writer.create(subject(rs), pod),
    deletePod: (rs, pod) => writer.delete(subject(rs), pod),
    chosen(victims, active) {
      for (const ratio of deletionAgeRatios(victims, active, clock.now())) figures.deletionAgeRatio.of().observe(ratio);
    },
    async writeStatus(rs, wanted) {
      const status = kind.status(wanted);
      if (sameStatus(rs, status)) return;
      const owner = owners.byKey(keyOf(rs));
      if (owner === undefined) return;
      const { resourceVersion } = rs.metadata;
      await client.update(
        resource as Resource<Replicated>,
        { ...owner, metadata: { ...owner.metadata, resourceVersion }, status } as Replicated,
        {
          subresource: 'status',
        },
      );
    },
  };
}
