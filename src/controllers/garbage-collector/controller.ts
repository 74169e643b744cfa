// Deletes what its owners no longer need, and carries out foreground and orphan deletion. Source: pkg/controller/garbagecollector.
import { isStatusError } from '#apimachinery/errors.ts';
import { parseApiVersion, type Resource } from '#apimachinery/resource.ts';
import { assertNever } from '#base/assert-never.ts';
import { findCondition } from '#api/conditions.ts';
import { customResource, definesKind } from '#api/custom-kinds.ts';
import { customresourcedefinitions } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import type { CustomResourceDefinition, KubeObject, OwnerReference } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import { collections } from '../runtime/collections.ts';
import { followCustomResources } from '../runtime/custom-resources.ts';
import type { Controller, ControllerContext } from '../runtime/controller.ts';
import { Graph, type GraphNode, isGone, isMeant, seen, waitsForDependents } from './graph.ts';
import { countUntilListed } from './listing.ts';
import { type OwnerState, type Plan, planObject } from './plan.ts';

/** Source: DefaultIgnoredResources. */
const IGNORED = new Set(['events']);
const NEEDED_VERBS = ['list', 'watch', 'delete', 'patch', 'get'];

/** In every version: an owner can be named by one that is off by default. */
const everyVersion = new Schema({ serves: () => true });
const stable = new Schema();

const RESOURCES = collections(NEEDED_VERBS, ({ resource }) => !IGNORED.has(resource));

export const garbageCollector: Controller = {
  name: 'garbage-collector-controller',
  serviceAccount: 'generic-garbage-collector',
  reads: RESOURCES,
  writes: ['*'],
  workers: 20, // Source: --concurrent-gc-syncs
  setUp({ client, informers, queue, events, clock, logger, metrics, signal }) {
    const graph = new Graph();
    const listings = new Map<Resource<KubeObject>, AbortController>();
    const wake = (uids: readonly string[]): void => {
      for (const uid of uids) queue.add(uid);
    };
    const follow = (resource: Resource<KubeObject>): void => {
      const put = (object: KubeObject): void => wake(graph.put(resource, object));
      informers.informer(resource).addHandlers({ added: put, updated: put, deleted: (object) => wake(graph.remove(object.metadata.uid)) });
    };
    const followCustom = (resource: Resource<KubeObject>): void => {
      follow(resource);
      const left = new AbortController();
      listings.set(resource, left);
      const listing = { resource, informer: informers.informer(resource), clock, logger, errors: metrics.garbageCollector.syncErrors.of() };
      void countUntilListed(listing, AbortSignal.any([signal, left.signal]));
    };
    const leave = (resource: Resource<KubeObject>, deleted?: CustomResourceDefinition): void => {
      listings.get(resource)?.abort(new Error('served no more'));
      listings.delete(resource);
      const left = [...informers.informer(resource).list()];
      informers.drop(resource);
      const emptied = deleted !== undefined && isEmptied(deleted);
      for (const { metadata } of left) wake(emptied ? graph.remove(metadata.uid) : graph.forget(metadata.uid));
    };
    for (const resource of RESOURCES) follow(resource);
    const definitions = informers.informer(customresourcedefinitions);
    followCustomResources(definitions, { follow: followCustom, leave });
    return async (uid) => {
      const known = graph.get(uid);
      if (known?.object === undefined) return;
      const { object } = known;
      // As it is now: while the server is asked for its owners it may get others.
      const node = { ...known };
      /** By the reference: several may have one uid, and mean different objects. */
      const states = new Map<OwnerReference, OwnerState>();
      for (const owner of node.owners)
        states.set(
          owner,
          await ownerState(owner, object, graph, { client, events, resourceOf: (one) => resourceOf(one, definitions.list()) }),
        );
      const plan = planObject(node, (owner) => states.get(owner) as OwnerState);
      await act(plan, node, client);
      if (plan.kind === 'wait') wake(plan.dependents.map((dependent) => dependent.uid));
    };
  },
};

/** Whether a definition went after all that it defined. Source: apiextensions finalizer crd_finalizer.go. */
const isEmptied = ({ status }: CustomResourceDefinition): boolean =>
  findCondition(status.conditions, 'Terminating')?.reason === 'InstanceDeletionCompleted';

/** The resource an owner is of, built-in or defined; undefined for a kind that is not served. */
function resourceOf(
  { apiVersion, kind }: OwnerReference,
  definitions: Iterable<CustomResourceDefinition>,
): Resource<KubeObject> | undefined {
  const builtIn = everyVersion.resourceOfKind({ ...parseApiVersion(apiVersion), kind });
  if (builtIn !== undefined) return stable.resource(builtIn.storage) as Resource<KubeObject> | undefined;
  for (const crd of definitions) if (definesKind(crd, apiVersion, kind)) return customResource(crd);
  return undefined;
}

interface Finder {
  readonly resourceOf: (owner: OwnerReference) => Resource<KubeObject> | undefined;
}

/** An owner in another namespace is none. Source: reportInvalidNamespaceOwnerRef. */
function elsewhere({ apiVersion, kind, name, uid }: OwnerReference, dependent: KubeObject, events: EventRecorder): OwnerState {
  const { namespace = '' } = dependent.metadata;
  const reference = `[${apiVersion}/${kind}, namespace: ${namespace}, name: ${name}, uid: ${uid}]`;
  events.event(dependent, 'Warning', 'OwnerRefInvalidNamespace', `ownerRef ${reference} does not exist in namespace "${namespace}"`);
  return namespace === '' ? 'unresolvable' : 'absent';
}

/**
 * An owner that no event has shown is asked for: it may be newer than the caches, of another namespace, or not exist.
 * @throws StatusError when that cannot be told; Error for a kind that is not served
 */
async function ownerState(
  owner: OwnerReference,
  dependent: KubeObject,
  graph: Graph,
  { client, events, resourceOf: find }: Pick<ControllerContext, 'client' | 'events'> & Finder,
): Promise<OwnerState> {
  const known = graph.get(owner.uid);
  const present = known === undefined ? undefined : seen(known);
  if (known !== undefined && present !== undefined && isMeant(owner, present)) {
    const { namespace } = present.object.metadata;
    if (namespace !== undefined && namespace !== dependent.metadata.namespace) return elsewhere(owner, dependent, events);
    return waitsForDependents(known) ? 'waiting' : 'solid';
  }
  if (isGone(known, owner, dependent)) return 'absent';
  const info = find(owner);
  // What this server does not serve cannot be known to be gone.
  if (info === undefined) return 'solid';
  const namespace = dependent.metadata.namespace;
  if (info.namespaced && namespace === undefined) return elsewhere(owner, dependent, events);
  try {
    const found = await client.get(info, {
      name: owner.name,
      ...(info.namespaced && namespace !== undefined ? { namespace } : {}),
    });
    return found.metadata.uid === owner.uid ? 'solid' : 'absent';
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return 'absent';
    throw error;
  }
}

async function act(plan: Plan, { object, resource, uid }: GraphNode, client: Client): Promise<void> {
  if (object === undefined || resource === undefined) return;
  const ref = object.metadata;
  switch (plan.kind) {
    case 'keep':
    case 'wait':
      return;
    case 'disown':
      return ignoreGone(() => disown(client, resource, ref, uid, plan.owners));
    case 'delete':
      // Another version then: the event of the patch brings the object back to be deleted.
      if (plan.unblock === true && ref.ownerReferences?.some(blocks) === true)
        return ignoreGone(() =>
          client.patch(resource, ref, { type: 'strategic', body: { metadata: { uid, ownerReferences: unblocked(ref.ownerReferences) } } }),
        );
      return ignoreGone(() =>
        client.delete(resource, ref, {
          propagationPolicy: plan.policy,
          // Someone may have adopted it meanwhile: then its version is another.
          preconditions: { uid, resourceVersion: ref.resourceVersion },
        }),
      );
    case 'finish':
      return ignoreGone(() =>
        client.patch(resource, ref, {
          type: 'merge',
          body: {
            metadata: {
              uid,
              resourceVersion: ref.resourceVersion,
              finalizers: (ref.finalizers ?? []).filter((name) => name !== plan.finalizer),
            },
          },
        }),
      );
    case 'orphan':
      await Promise.all(plan.dependents.map((dependent) => letGo(client, dependent, uid)));
      return;
    default:
      return assertNever(plan);
  }
}

const blocks = ({ blockOwnerDeletion }: OwnerReference): boolean => blockOwnerDeletion === true;

const unblocked = (owners: readonly OwnerReference[] = []): readonly Partial<OwnerReference>[] =>
  owners.filter(blocks).map(({ uid }) => ({ uid, blockOwnerDeletion: false }));

async function letGo(client: Client, { object, resource, uid, owners }: GraphNode, owner: string): Promise<void> {
  if (object === undefined || resource === undefined) return;
  await ignoreGone(() =>
    disown(
      client,
      resource,
      object.metadata,
      uid,
      owners.filter((reference) => reference.uid === owner),
    ),
  );
}

function disown(
  client: Client,
  resource: Resource<KubeObject>,
  ref: KubeObject['metadata'],
  uid: string,
  owners: readonly OwnerReference[],
): Promise<unknown> {
  if (stable.resource(resource) === undefined) {
    // Custom resources have no strategic merge: the whole list is written, against the version it was read in.
    const gone = new Set(owners.map((owner) => owner.uid));
    const ownerReferences = (ref.ownerReferences ?? []).filter((owner) => !gone.has(owner.uid));
    return client.patch(resource, ref, {
      type: 'merge',
      body: { metadata: { uid, resourceVersion: ref.resourceVersion, ownerReferences } },
    });
  }
  return client.patch(resource, ref, {
    type: 'strategic',
    body: { metadata: { uid, ownerReferences: owners.map((owner) => ({ $patch: 'delete', uid: owner.uid })) } },
  });
}

async function ignoreGone(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    // Gone already is what was wanted. A conflict is thrown: the next try sees what changed.
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}
