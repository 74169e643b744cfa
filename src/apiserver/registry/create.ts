// Create: the object gets its identity, is judged, and is stored under a key nobody holds yet.
import { alreadyExists, forbidden, generateNameConflict, StatusError } from '#apimachinery/errors.ts';
import { generatedName } from '#api/generated-name.ts';
import type { KubeObject } from '#api/types.ts';
import type { AdmissionAttributes } from '../admission/contract.ts';
import { StoredObject } from '../cache/stored-object.ts';
import { applyDefaults } from './defaults.ts';
import { keyOf, put } from './commit.ts';
import { freshCurrent } from './current.ts';
import { born, inNamespace, needsName, wiped, withMetadata } from './metadata.ts';
import { kept } from './storage-form.ts';
import type { Reservation } from './strategy.ts';
import { validateNew, warnOfNew } from './validate.ts';
import { optionsOf, ordered, refuseInvalid, writeContext, type Registry, type WriteCall } from './write-call.ts';

/** Names tried for one generateName. Source: maxNameGenerationCreateAttempts. */
const NAME_ATTEMPTS = 8;
/** Times a reservation is made anew after others took what it wanted. */
const RESERVATION_ATTEMPTS = 10;

/**
 * @param object decoded and defaulted, in the stored version
 * @returns the stored object; on a dry run, what would have been stored, without a resourceVersion
 * @throws StatusError
 */
export async function create(call: WriteCall, object: KubeObject, registry: Registry): Promise<StoredObject> {
  const { info } = call.served;
  if (info.custom?.terminating === true)
    throw forbidden(info, object.metadata.name ?? '', 'create not allowed while custom resource definition is terminating');
  const placed = wiped(inNamespace(object, call.stored.resource.namespaced ? call.namespace : ''));
  const admitted = inNamespace(await admit(call, placed, registry), placed.metadata.namespace ?? '');
  if (!needsName(admitted)) return store(call, admitted, registry);
  for (let attempt = 1; ; attempt++) {
    const named = {
      ...admitted,
      metadata: { ...admitted.metadata, name: generatedName(admitted.metadata.generateName as string, registry.ids) },
    };
    try {
      return await store(call, named, registry);
    } catch (error) {
      if (!(error instanceof StatusError) || error.reason !== 'AlreadyExists' || attempt >= NAME_ATTEMPTS) throw error;
    }
  }
}

/** Mutating admission, with defaults for whatever it added. */
async function admit(call: WriteCall, object: KubeObject, registry: Registry): Promise<KubeObject> {
  if (!registry.admission.handles('CREATE')) return object;
  const changed = await registry.admission.mutate(createAttributes(call, object));
  return changed === undefined || changed === object ? object : applyDefaults(call, changed, registry);
}

async function store(call: WriteCall, admitted: KubeObject, registry: Registry): Promise<StoredObject> {
  const { strategy, layout } = call.stored;
  const context = writeContext(call, registry);
  const prepared = prepare(call, born(admitted, { ids: registry.ids, now: registry.clock.now() }), registry);

  for (let attempt = 1; ; attempt++) {
    const reservation = await strategy.reserve?.({ object: prepared, oldObject: undefined }, context);
    let outcome: 'written' | 'abandoned' | 'lost' = 'abandoned';
    try {
      const judged = ordered(call, await judge(call, reservation?.object ?? prepared, registry));
      if (call.options.dryRun) return await rehearse(call, judged, registry);
      const object = unversioned(judged);
      const result = await put(call, registry, {
        key: keyOf(object),
        ...(await kept(call.stored, object, call.request)),
        expected: 0,
        ...effects(reservation),
      });
      if (result.kind === 'written') {
        outcome = 'written';
        return result.object;
      }
      if (result.kind === 'changed') throw taken(call, object, result.present);
      outcome = 'lost';
      if (attempt >= RESERVATION_ATTEMPTS)
        throw new StatusError('ServerTimeout', 'could not reserve what the object needs, please try again', { retryAfterSeconds: 1 });
    } finally {
      reservation?.finish(outcome);
    }
  }

  async function rehearse(dry: WriteCall, object: KubeObject, registry_: Registry): Promise<StoredObject> {
    const present = await freshCurrent(dry.stored, keyOf(object), registry_, dry.request.signal);
    if (present !== undefined) throw taken(dry, object, present);
    return new StoredObject(layout, keyOf(object), 0, layout.encode(object), object);
  }
}

/** A version that cannot be read as one counts for none. @throws StatusError. Source: etcd3 store.Create, APIObjectVersioner. */
function unversioned(object: KubeObject): KubeObject {
  const { resourceVersion } = object.metadata;
  if (resourceVersion === undefined) return object;
  if (/^\d+$/.test(resourceVersion) && BigInt(resourceVersion) > 0n && BigInt(resourceVersion) <= MAX_UINT64)
    throw new StatusError('', 'resourceVersion should not be set on objects to be created');
  return withMetadata(object, { resourceVersion: undefined });
}

const MAX_UINT64 = 2n ** 64n - 1n;

function prepare(call: WriteCall, object: KubeObject, registry: Registry): KubeObject {
  return call.stored.strategy.prepareForCreate?.(object, writeContext(call, registry)) ?? object;
}

/** Everything that may refuse the complete object. */
async function judge(call: WriteCall, object: KubeObject, registry: Registry): Promise<KubeObject> {
  const { strategy } = call.stored;
  const context = writeContext(call, registry);
  refuseInvalid(call, object, validateNew(call, object, context));
  warnOfNew(call, object);
  const canonical = strategy.canonicalize?.(object) ?? object;
  if (registry.admission.handles('CREATE')) await registry.admission.validate(createAttributes(call, canonical));
  return canonical;
}

export const effects = (reservation: Reservation | undefined): Pick<Reservation, 'conditions' | 'operations'> => ({
  conditions: reservation?.conditions ?? [],
  operations: reservation?.operations ?? [],
});

/** Source: Store.create, CheckGeneratedNameError. */
function taken(call: WriteCall, object: KubeObject, present: StoredObject | undefined): StatusError {
  const { name, generateName = '' } = object.metadata;
  const error = (generateName === '' ? alreadyExists : generateNameConflict)(call.served.info, name);
  if (present?.object.metadata.deletionTimestamp === undefined) return error;
  return new StatusError('AlreadyExists', `object is being deleted: ${error.message}`, error.details);
}

function createAttributes(
  { stored, served, namespace, subresource, options, request }: WriteCall,
  object: KubeObject,
): AdmissionAttributes {
  return {
    operation: 'CREATE',
    name: object.metadata.name ?? '',
    // A namespace is created "in" itself. Source: createHandler.
    namespace: stored.resource.resource === 'namespaces' && stored.resource.group === '' ? (object.metadata.name ?? '') : namespace,
    resource: served.info,
    subresource,
    kind: stored.resource,
    object,
    oldObject: undefined,
    options: optionsOf('CreateOptions', options),
    dryRun: options.dryRun,
    user: request.user,
    request,
  };
}
