// How the fake API server prepares an object for its store: what the server owns is set, what the writer may not
// touch is kept. Pure. It validates nothing beyond metadata, and sets defaults only where asked to.
import { isDeepStrictEqual } from 'node:util';
import { badRequest, invalid } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Resource } from '#apimachinery/resource.ts';
import { applyDefaults } from '#api/defaults.ts';
import { checkVersion, type FakeObject } from './fake-store.ts';
import { hasStatusSubresource, schemaOf } from './known-types.ts';

/** Kinds whose status may be given at creation. Source: the strategies' PrepareForCreate (nodeStrategy keeps it). */
const KEEPS_STATUS_ON_CREATE: ReadonlySet<string> = new Set(['nodes']);

/** Source: PrepareForCreate of each strategy. Others begin with an empty status. */
const INITIAL_STATUS: Readonly<Record<string, unknown>> = {
  pods: { phase: 'Pending' },
  namespaces: { phase: 'Active' },
  persistentvolumes: { phase: 'Pending' },
  persistentvolumeclaims: { phase: 'Pending' },
  services: { loadBalancer: {} },
};

export interface ServerFacts {
  readonly uid: string;
  /** RFC 3339, whole seconds. */
  readonly now: string;
  /** Appended to `generateName`. */
  readonly suffix: string;
}

/** @throws StatusError Invalid or BadRequest for metadata without an address */
export function prepareCreate(resource: Resource, body: FakeObject, namespace: string | undefined, facts: ServerFacts): FakeObject {
  const { resourceVersion: _, ...given } = body.metadata ?? {};
  const name =
    given.name !== undefined && given.name !== ''
      ? given.name
      : given.generateName === undefined
        ? undefined
        : given.generateName + facts.suffix;
  const of = { group: resource.group, kind: resource.kind };
  if (name === undefined)
    throw invalid(of, '', [
      { reason: 'FieldValueRequired', field: 'metadata.name', message: 'Required value: name or generateName is required' },
    ]);
  if (body.metadata.resourceVersion !== undefined && body.metadata.resourceVersion !== '') {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  if (resource.namespaced && namespace === undefined) throw badRequest('an empty namespace may not be set during creation');
  if (given.namespace !== undefined && given.namespace !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  const { status, ...rest } = body;
  const statusful = hasStatusSubresource(resource);
  const initial = statusful && !KEEPS_STATUS_ON_CREATE.has(resource.resource) ? (INITIAL_STATUS[resource.resource] ?? {}) : status;
  return {
    ...rest,
    ...(resource.resource === 'namespaces' ? { spec: { finalizers: ['kubernetes'], ...rest.spec } } : {}),
    metadata: {
      ...given,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid: facts.uid,
      resourceVersion: '',
      creationTimestamp: facts.now,
      ...(rest.spec === undefined ? {} : { generation: 1 }),
    },
    ...(initial === undefined ? {} : { status: initial }),
  };
}

/** The parts of an object a write to `subresource` may change. */
function merged(resource: Resource, stored: FakeObject, body: FakeObject, subresource: string | undefined): FakeObject {
  if (subresource === 'status') return { ...stored, metadata: { ...stored.metadata, ...managed(body) }, status: body.status };
  const { status: _, ...rest } = body;
  const kept = hasStatusSubresource(resource) ? stored.status : body.status;
  return { ...rest, metadata: body.metadata, ...(kept === undefined ? {} : { status: kept }) };
}

const managed = (body: FakeObject): Pick<FakeObject['metadata'], 'labels' | 'annotations' | 'finalizers'> => {
  const { labels, annotations, finalizers } = body.metadata;
  return {
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(finalizers === undefined ? {} : { finalizers }),
  };
};

/**
 * The object an update leads to; `stored` itself when it changes nothing.
 * @throws StatusError Conflict when the body was read at another version
 */
export function prepareUpdate(resource: Resource, stored: FakeObject, body: FakeObject, subresource: string | undefined): FakeObject {
  checkVersion(resource, stored, body.metadata);
  const next = merged(resource, stored, body, subresource);
  const { uid, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, generation, resourceVersion, name, namespace } =
    stored.metadata;
  const bumped = generation !== undefined && !isDeepStrictEqual(next.spec, stored.spec) ? Number(generation) + 1 : generation;
  const { deletionTimestamp: _, deletionGracePeriodSeconds: __, generation: ___, ...metadata } = next.metadata;
  const result: FakeObject = {
    ...next,
    metadata: {
      ...metadata,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid,
      resourceVersion,
      creationTimestamp,
      ...(bumped === undefined ? {} : { generation: bumped }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(deletionGracePeriodSeconds === undefined ? {} : { deletionGracePeriodSeconds }),
    },
  };
  return isDeepStrictEqual(result, stored) ? stored : result;
}

export interface DeleteBody {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  readonly preconditions?: { readonly uid?: string; readonly resourceVersion?: string };
  readonly dryRun?: readonly string[];
}

export type DeletePlan =
  | { readonly kind: 'remove' }
  | { readonly kind: 'mark'; readonly object: FakeObject }
  | { readonly kind: 'pending' };

/** Source: v1.DefaultTerminationGracePeriodSeconds. */
const DEFAULT_POD_GRACE_SECONDS = 30;

/** A pod on a node waits for its kubelet; everything else goes as soon as it may. Source: podStrategy.CheckGracefulDelete. */
function graceOf(resource: Resource, object: FakeObject, options: DeleteBody): number {
  if (resource.group !== '' || resource.resource !== 'pods') return 0;
  const { nodeName, terminationGracePeriodSeconds } = (object.spec ?? {}) as {
    readonly nodeName?: string;
    readonly terminationGracePeriodSeconds?: number;
  };
  const phase = (object.status as { readonly phase?: string } | undefined)?.phase;
  if (nodeName === undefined || nodeName === '' || phase === 'Failed' || phase === 'Succeeded') return 0;
  return options.gracePeriodSeconds ?? terminationGracePeriodSeconds ?? DEFAULT_POD_GRACE_SECONDS;
}

const PROPAGATION_FINALIZER = { Foreground: 'foregroundDeletion', Orphan: 'orphan', Background: undefined } as const;

/** `nowMs`: milliseconds since the epoch. */
export function planDelete(resource: Resource, object: FakeObject, options: DeleteBody, nowMs: number): DeletePlan {
  const extra = options.propagationPolicy === undefined ? undefined : PROPAGATION_FINALIZER[options.propagationPolicy];
  const finalizers = [...new Set([...(object.metadata.finalizers ?? []), ...(extra === undefined ? [] : [extra])])];
  const grace = graceOf(resource, object, options);
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = object.metadata;
  if (finalizers.length === 0 && grace === 0 && !isNamespaceInUse(resource, object)) return { kind: 'remove' };
  if (deletionTimestamp !== undefined && grace >= deletionGracePeriodSeconds) return { kind: 'pending' };
  return {
    kind: 'mark',
    object: {
      ...object,
      ...(resource.resource === 'namespaces' ? { status: { ...(object.status as object), phase: 'Terminating' } } : {}),
      metadata: {
        ...object.metadata,
        ...(finalizers.length === 0 ? {} : { finalizers }),
        ...(object.metadata.generation === undefined ? {} : { generation: Number(object.metadata.generation) + 1 }),
        deletionTimestamp: formatTime(nowMs + grace * 1000),
        deletionGracePeriodSeconds: grace,
      },
    },
  };
}

const isNamespaceInUse = (resource: Resource, object: FakeObject): boolean =>
  resource.group === '' &&
  resource.resource === 'namespaces' &&
  ((object.spec?.['finalizers'] as readonly string[] | undefined) ?? []).length > 0;

/** True when nothing keeps an object that is being deleted. */
export function isReleased(resource: Resource, object: FakeObject): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  return (
    deletionTimestamp !== undefined && deletionGracePeriodSeconds === 0 && finalizers.length === 0 && !isNamespaceInUse(resource, object)
  );
}

/** `object` with upstream's defaults, as the API server stores it. `nowMs`: since the epoch. */
export function defaulted(resource: Resource, object: FakeObject, nowMs: number): FakeObject {
  const schema = schemaOf(resource);
  return schema === undefined ? object : applyDefaults(object, schema, nowMs);
}
