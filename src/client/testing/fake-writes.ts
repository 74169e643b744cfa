// Writing verbs of the fake API server, each from a request to what it answers.
import { alreadyExists, badRequest, conflict, notFound } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { ApiRequest } from '../contract.ts';
import { PATCH_CONTENT_TYPE } from '../api-request.ts';
import { checkVersion, type FakeObject, type FakeStore } from './fake-store.ts';
import { applyPatch } from './patches.ts';
import { selecting } from './selectors.ts';
import { isReleased, planDelete, prepareCreate, prepareUpdate, type DeleteBody } from './strategy.ts';

export interface World {
  readonly store: FakeStore;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Done to every object before it is stored. */
  readonly defaulting: (resource: Resource, object: FakeObject) => FakeObject;
}

/** As if the body had travelled: nothing is shared with the caller and what is undefined is gone. */
export const overTheWire = <T>(value: T): T => (value === undefined ? value : (JSON.parse(JSON.stringify(value)) as T));

const isDryRun = ({ query }: ApiRequest): boolean => query?.['dryRun'] === 'All';

export function nameOf(request: ApiRequest): string {
  if (request.name === undefined || request.name === '') throw badRequest(`${request.verb} of ${request.resource.resource} needs a name`);
  return request.name;
}

export function create(world: World, request: ApiRequest): FakeObject {
  const { resource, namespace } = request;
  const body = overTheWire(request.body) as FakeObject;
  const facts = { uid: world.ids.uuid(), now: formatTime(world.clock.now()), suffix: world.ids.suffix(5) };
  const object = world.defaulting(resource, prepareCreate(resource, body, namespace, facts));
  if (world.store.find(resource, object.metadata.name, namespace) !== undefined) throw alreadyExists(resource, object.metadata.name);
  return isDryRun(request) ? object : world.store.put(resource, object, undefined);
}

/** Stores `next` in place of `stored`; an object that only waited for this is removed instead. */
function replace(world: World, resource: Resource, stored: FakeObject, next: FakeObject): FakeObject {
  if (isReleased(resource, next)) return world.store.remove(resource, next);
  return next === stored ? stored : world.store.put(resource, next, stored);
}

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const;

/** A Scale stands for `spec.replicas` and `status` of what it scales. Source: registry/apps scaleFromDeployment. */
export function scaleOf(object: FakeObject): FakeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = (object.spec?.['replicas'] as number | undefined) ?? 0;
  const status = (object.status ?? {}) as { readonly replicas?: number };
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: status.replicas ?? 0 },
  };
}

function scaled(stored: FakeObject, scale: FakeObject): FakeObject {
  const { resourceVersion, uid } = scale.metadata;
  return {
    ...stored,
    metadata: { ...stored.metadata, resourceVersion: resourceVersion ?? '', uid: uid ?? '' },
    spec: { ...stored.spec, replicas: (scale.spec?.['replicas'] as number | undefined) ?? 0 },
  };
}

export function update(world: World, request: ApiRequest): FakeObject {
  const { resource, namespace, subresource } = request;
  const stored = world.store.get(resource, nameOf(request), namespace);
  const body = overTheWire(request.body) as FakeObject;
  if (subresource === 'scale') {
    const next = prepareUpdate(resource, stored, scaled(stored, body), undefined);
    return scaleOf(isDryRun(request) ? next : replace(world, resource, stored, next));
  }
  const next = prepareUpdate(resource, stored, world.defaulting(resource, body), subresource);
  return isDryRun(request) ? next : replace(world, resource, stored, next);
}

export function patch(world: World, request: ApiRequest): FakeObject {
  const { resource, namespace, subresource, contentType = PATCH_CONTENT_TYPE.strategic } = request;
  const name = nameOf(request);
  const body = overTheWire(request.body);
  const stored = world.store.find(resource, name, namespace);
  if (stored === undefined) {
    if (contentType === PATCH_CONTENT_TYPE.apply && subresource === undefined) return create(world, { ...request, verb: 'create', body });
    throw notFound(resource, name);
  }
  if (subresource === 'scale') {
    const next = prepareUpdate(resource, stored, scaled(stored, applyPatch(scaleOf(stored), SCALE, contentType, body)), undefined);
    return scaleOf(isDryRun(request) ? next : replace(world, resource, stored, next));
  }
  const next = prepareUpdate(resource, stored, world.defaulting(resource, applyPatch(stored, resource, contentType, body)), subresource);
  return isDryRun(request) ? next : replace(world, resource, stored, next);
}

const SUCCESS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } as const;

function removeOne(world: World, resource: Resource, object: FakeObject, options: DeleteBody): unknown {
  checkVersion(resource, object, options.preconditions ?? {});
  const plan = planDelete(resource, object, options, world.clock.now());
  if (plan.kind === 'pending' || (options.dryRun ?? []).length > 0) return object;
  if (plan.kind === 'mark') return world.store.put(resource, plan.object, object);
  const removed = world.store.remove(resource, object);
  // Pods answer with the object, most others with a Status. Source: Store.Delete and ReturnDeletedObject.
  if (resource.group === '' && resource.resource === 'pods') return removed;
  return {
    ...SUCCESS,
    details: {
      name: object.metadata.name,
      ...(resource.group === '' ? {} : { group: resource.group }),
      kind: resource.resource,
      uid: object.metadata.uid,
    },
  };
}

export function remove(world: World, request: ApiRequest): unknown {
  const object = world.store.get(request.resource, nameOf(request), request.namespace);
  return removeOne(world, request.resource, object, (overTheWire(request.body) ?? {}) as DeleteBody);
}

export function removeCollection(world: World, request: ApiRequest): unknown {
  const { resource, namespace, query = {} } = request;
  const matches = selecting(query['labelSelector'], query['fieldSelector']);
  const items = world.store.list(resource, namespace).filter(matches);
  for (const object of items) removeOne(world, resource, object, (overTheWire(request.body) ?? {}) as DeleteBody);
  return {
    kind: `${resource.kind}List`,
    apiVersion: items[0]?.apiVersion ?? 'v1',
    metadata: { resourceVersion: String(world.store.revision) },
    items,
  };
}

interface Binding {
  readonly target: { readonly name: string };
}

/** POST to `binding` and `eviction` of a pod. @throws StatusError NotFound for any other subresource */
export function createSubresource(world: World, request: ApiRequest): unknown {
  const { resource, namespace, subresource } = request;
  const stored = world.store.get(resource, nameOf(request), namespace);
  if (resource.resource === 'pods' && subresource === 'binding') {
    bind(world, resource, stored, overTheWire(request.body) as Binding);
    return { ...SUCCESS, code: 201 };
  }
  if (resource.resource === 'pods' && subresource === 'eviction') {
    const { deleteOptions = {} } = (overTheWire(request.body) ?? {}) as { readonly deleteOptions?: DeleteBody };
    removeOne(world, resource, stored, deleteOptions);
    return { ...SUCCESS, code: 201 };
  }
  throw notFound({ group: resource.group, resource: `${resource.resource}/${subresource ?? ''}` }, nameOf(request));
}

/** Source: BindingREST.setPodNodeAndMetadata. */
function bind(world: World, resource: Resource, pod: FakeObject, binding: Binding): void {
  const { nodeName } = (pod.spec ?? {}) as { readonly nodeName?: string };
  const { name } = pod.metadata;
  if (nodeName !== undefined && nodeName !== '')
    throw conflict(resource, name, `pod ${name} is already assigned to node ${JSON.stringify(nodeName)}`);
  const status = (pod.status ?? {}) as { readonly conditions?: readonly { readonly type: string }[] };
  const scheduled = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: formatTime(world.clock.now()) };
  const conditions = [...(status.conditions ?? []).filter(({ type }) => type !== 'PodScheduled'), scheduled];
  world.store.put(resource, { ...pod, spec: { ...pod.spec, nodeName: binding.target.name }, status: { ...status, conditions } }, pod);
}
