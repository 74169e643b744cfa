// Update: whatever changes a stored object goes through here (PUT, PATCH, subresources), once for each attempt.
import { conflict, invalid as invalidStatus, notFound, OPTIMISTIC_LOCK_MESSAGE, StatusError } from '#apimachinery/errors.ts';
import type { KubeObject } from '#api/types.ts';
import type { AdmissionAttributes } from '../admission/contract.ts';
import { guarded, StoreFailure } from '../cache/store-failure.ts';
import type { HeapBytes } from '../cache/heap-bytes.ts';
import { StoredObject } from '../cache/stored-object.ts';
import { applyDefaults } from './defaults.ts';
import { withoutTimeChanges } from '#apimachinery/apply/managed-times.ts';
import { deepEqual, type JsonObject } from '#apimachinery/json-value.ts';
import { SYSTEM_PRIVILEGED_GROUP } from '../authentication/contract.ts';
import { attributesOf, forbiddenError } from '../stages/authorization.ts';
import { put, remove } from './commit.ts';
import { effects, create } from './create.ts';
import { cachedCurrent, freshCurrent } from './current.ts';
import { carriedOver } from './carry-over.ts';
import { kept, shown, type Kept } from './storage-form.ts';
import { objectKey } from './storage-keys.ts';
import { checkWrittenVersion } from './resource-version.ts';
import type { UpdateHooks } from './strategy.ts';
import { validateChange, warnOfChange } from './validate.ts';
import { optionsOf, ordered, refuseInvalid, writeContext, type Registry, type WriteCall } from './write-call.ts';

/** Attempts before a writer that others keep overtaking is told to come back. */
const MAX_ATTEMPTS = 50;

export interface UpdateRequest {
  /**
   * The new object, in the stored version, from the current one; undefined when there is none and `mayCreate` holds.
   * Called once for each attempt: a plain PUT gives the same object each time, a patch a new result.
   */
  next(current: KubeObject | undefined): KubeObject | Promise<KubeObject>;
  /** A missing object is created (server-side apply, PUT of some kinds). */
  readonly mayCreate: boolean;
  /** The uid the object must have; empty for any. */
  readonly uid: string;
  /** What this endpoint may change. */
  readonly hooks: UpdateHooks;
}

export interface Updated {
  readonly object: StoredObject;
  readonly created: boolean;
}

/** @throws StatusError */
export async function update(call: WriteCall, request: UpdateRequest, registry: Registry): Promise<Updated> {
  const key = objectKey(call.name, call.namespace);
  // A current object from the cache may be stale: a refusal that rests on it is checked against a fresh one.
  let current = cachedCurrent(call.stored, key);
  let fresh = registry.hub.progress.upToDate;
  const refresh = async (): Promise<void> => {
    fresh = true;
    current = await freshCurrent(call.stored, key, registry, call.request.signal);
  };
  if (call.options.dryRun && !fresh) await refresh();
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    try {
      if (current === undefined) {
        if (!fresh) {
          await refresh();
          if (current !== undefined) continue;
        }
        if (!request.mayCreate) throw notFound(call.served.info, call.name);
        await mayCreate(call, registry);
        checkUid(call, request.uid, undefined);
        const { object, uid } = unborn(await request.next(undefined), call.applies === true);
        checkUid(call, uid, undefined);
        return { object: await create(call, object, registry), created: true };
      }
      const outcome = await change(call, request, current, registry);
      if (outcome.kind === 'done') return { object: outcome.object, created: false };
      if (outcome.kind === 'changed') [current, fresh] = [outcome.present, true];
      if (outcome.kind === 'same') {
        // What would change nothing of a stale object may undo what somebody has written since. Source: store.GuaranteedUpdate.
        if (!fresh) await refresh();
        if (current?.revision === outcome.object.revision) return { object: outcome.object, created: false };
      }
    } catch (error) {
      // What the store was told may have been done: it is not told again. Source: store.GuaranteedUpdate.
      if (fresh || !(error instanceof StatusError) || error instanceof StoreFailure) throw error;
      await refresh();
    }
  }
  throw conflict(call.served.info, call.name, OPTIMISTIC_LOCK_MESSAGE);
}

/** A write that creates needs the right to. Source: handlers withAuthorization. */
async function mayCreate({ request }: WriteCall, { authorizer }: Registry): Promise<void> {
  if (request.user.groups.includes(SYSTEM_PRIVILEGED_GROUP)) return;
  const attributes = { ...attributesOf(request), verb: 'create' };
  const { decision, reason } = await authorizer.authorize(attributes, request);
  if (decision !== 'allow') throw forbiddenError(attributes, reason);
}

type Outcome =
  | { readonly kind: 'done'; readonly object: StoredObject }
  /** Nothing to write. */
  | { readonly kind: 'same'; readonly object: StoredObject }
  | { readonly kind: 'changed'; readonly present: StoredObject | undefined }
  | { readonly kind: 'again' };

async function change(call: WriteCall, request: UpdateRequest, current: StoredObject, registry: Registry): Promise<Outcome> {
  const { strategy } = call.stored;
  const { object: old } = await shown(call.stored, current, call.request);
  checkUid(call, request.uid, old);
  const wanted = checkedVersion(call, await request.next(old), old);
  const admitted = await admit(call, wanted, old, registry);

  const context = writeContext(call, registry);
  const carried = carriedOver(admitted, old, call);
  const prepared = carriedOver(request.hooks.prepareForUpdate?.(carried, old, context) ?? carried, old, call, 'generation');
  const reservation = call.subresource === '' ? await strategy.reserve?.({ object: prepared, oldObject: old }, context) : undefined;
  let outcome: 'written' | 'abandoned' | 'lost' = 'abandoned';
  try {
    const judged = await judge(call, request.hooks, sameTimes(old, reservation?.object ?? prepared), old, registry);
    const object = ordered(call, judged, old);
    if (endsWithThis(object, old) && strategy.isHeld?.(object) !== true) {
      if (call.options.dryRun) return { kind: 'done', object: rehearsed(call, object, current) };
      const result = await remove(call, registry, { object: current, operations: effects(reservation).operations });
      if (result.kind !== 'written') return result.kind === 'changed' ? result : { kind: 'again' };
      outcome = 'written';
      // Whoever took the last finalizer away sees the object as written. Source: deleteWithoutFinalizers.
      return {
        kind: 'done',
        object: new StoredObject(call.stored.layout, current.key, result.object.revision, call.stored.layout.encode(object), object),
      };
    }
    const stored = await kept(call.stored, object, call.request);
    const value = stored.layout.encode(stored.object);
    const { conditions, operations } = effects(reservation);
    if (operations.length === 0 && saysTheSame({ ...stored, value }, current) && !(await isStale(call, current, registry))) {
      return { kind: 'same', object: current };
    }
    if (call.options.dryRun) return { kind: 'done', object: rehearsed(call, object, current) };
    const result = await put(call, registry, {
      key: current.key,
      ...stored,
      value,
      expected: current.revision,
      conditions,
      operations,
    });
    if (result.kind === 'written') {
      outcome = 'written';
      return { kind: 'done', object: result.object };
    }
    outcome = 'lost';
    return result.kind === 'changed' ? result : { kind: 'again' };
  } finally {
    reservation?.finish(outcome);
  }
}

/**
 * Equal but for the order of members: what strategies and admission add to a new object comes last, while whoever sends it
 * back gives it in the order of its type.
 */
function saysTheSame({ object, layout, value }: Kept & { readonly value: HeapBytes }, current: StoredObject): boolean {
  if (value.length !== current.value.length) return false;
  return value.equals(current.value) || (layout.has(current.value) && deepEqual(unversioned(object), unversioned(current.object)));
}

const unversioned = ({ metadata, ...rest }: KubeObject): object => ({
  ...rest,
  kind: undefined,
  apiVersion: undefined,
  metadata: { ...metadata, resourceVersion: undefined },
});

/** A value under an old key is written again, though nothing else changes. */
async function isStale({ stored, options }: WriteCall, { key }: StoredObject, { encrypted }: Registry): Promise<boolean> {
  return encrypted !== undefined && !options.dryRun && (await guarded(() => encrypted.isStale(stored.prefix + key)));
}

/** @throws StatusError Conflict. Source: storage.Preconditions.Check. */
function checkUid(call: WriteCall, uid: string, old: KubeObject | undefined): void {
  if (uid === '' || uid === old?.metadata.uid) return;
  if (old === undefined) {
    const why = `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`;
    throw conflict(call.served.info, call.name, why);
  }
  const key = `${call.stored.prefix.replace(/^\/registry/, '')}${objectKey(call.name, call.namespace)}`;
  const failed = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
  const why = `StorageError: invalid object, Code: 4, Key: ${key}, ResourceVersion: 0, AdditionalErrorMsg: ${failed}`;
  throw conflict(call.served.info, call.name, why);
}

/** What is applied where there is nothing yet. Source: patcher.patchResource, applyPatcher.createNewObject */
function unborn(object: KubeObject, applied: boolean): { readonly object: KubeObject; readonly uid: string } {
  if (!applied) return { object, uid: '' };
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { object: { ...object, metadata } as KubeObject, uid: (object.metadata.uid as string | undefined) ?? '' };
}

/** @throws StatusError Conflict for a stale resourceVersion, Invalid for a missing one where it is required */
function checkedVersion(call: WriteCall, object: KubeObject, old: KubeObject): KubeObject {
  const wanted = object.metadata.resourceVersion ?? '';
  if (wanted === '' || wanted === '0') {
    if (call.stored.strategy.allowUnconditionalUpdate !== false) return object;
    const kind = { group: call.served.info.group, kind: call.served.info.resource }; // the resource, as upstream
    const message = 'Invalid value: 0: must be specified for an update';
    throw invalidStatus(kind, call.name, [{ reason: 'FieldValueInvalid', message, field: 'metadata.resourceVersion' }]);
  }
  checkWrittenVersion(wanted);
  if (wanted !== old.metadata.resourceVersion) throw conflict(call.served.info, call.name, OPTIMISTIC_LOCK_MESSAGE);
  return object;
}

/** A write that would change nothing but when fields were last written is none. */
const sameTimes = (old: KubeObject, object: KubeObject): KubeObject =>
  object.metadata.managedFields === undefined
    ? object
    : (withoutTimeChanges(old as unknown as JsonObject, object as unknown as JsonObject) as unknown as KubeObject);

async function admit(call: WriteCall, object: KubeObject, old: KubeObject, registry: Registry): Promise<KubeObject> {
  if (call.admitted === true || !registry.admission.handles('UPDATE')) return object;
  const attributes = updateAttributes(call, object, old);
  const changed = await registry.admission.mutate(attributes);
  if (changed === undefined || changed === attributes.object) return object;
  return applyDefaults(call, call.lens === undefined ? changed : call.lens.withSeen(object, changed), registry);
}

async function judge(call: WriteCall, hooks: UpdateHooks, object: KubeObject, old: KubeObject, registry: Registry): Promise<KubeObject> {
  const context = writeContext(call, registry);
  refuseInvalid(call, object, validateChange(call, hooks, object, old, context));
  warnOfChange(call, object, old);
  const canonical = hooks.canonicalize?.(object) ?? object;
  if (call.admitted !== true && registry.admission.handles('UPDATE'))
    await registry.admission.validate(updateAttributes(call, canonical, old));
  return canonical;
}

/** The last finalizer of an object under deletion is gone. Source: ShouldDeleteDuringUpdate. */
function endsWithThis(object: KubeObject, old: KubeObject): boolean {
  if ((object.metadata.finalizers ?? []).length > 0 || old.metadata.deletionTimestamp === undefined) return false;
  return (old.metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

/** What a dry run answers: the object as it would be, still at the version it was read at. */
function rehearsed({ stored: { layout } }: WriteCall, object: KubeObject, current: StoredObject): StoredObject {
  return new StoredObject(layout, current.key, current.revision, layout.encode(object), object);
}

function updateAttributes(
  { stored, served, namespace, name, subresource, options, request, lens }: WriteCall,
  object: KubeObject,
  oldObject: KubeObject,
): AdmissionAttributes {
  return {
    operation: 'UPDATE',
    name,
    namespace: stored.resource.resource === 'namespaces' && stored.resource.group === '' ? name : namespace,
    resource: served.info,
    subresource,
    kind: lens?.kind ?? stored.resource,
    object: lens?.seen(object) ?? object,
    oldObject: lens?.seen(oldObject) ?? oldObject,
    options: optionsOf('UpdateOptions', options),
    dryRun: options.dryRun,
    user: request.user,
    request,
  };
}
