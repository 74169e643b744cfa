// The `scale` subresource: replicas of any workload in one form. Source: pkg/registry/apps/*/storage ScaleREST.
import type { KubeObject } from '#api/types.ts';
import { badRequest, conflict, internalError, methodNotSupported, OPTIMISTIC_LOCK_MESSAGE } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { invalid, toStatusError } from '#apimachinery/field-errors.ts';
import type { ManagedFieldsEntry } from '#apimachinery/apply/owners.ts';
import { parentManagedFields, scaleManagedFields } from '#apimachinery/apply/scale.ts';
import type { FieldChange } from '../registry/field-manager.ts';
import type { PrintedKind } from '../negotiation/table.ts';
import { get } from '../registry/get.ts';
import type { ScaleHooks } from '../registry/strategy.ts';
import { shown } from '../registry/storage-form.ts';
import { update } from '../registry/update.ts';
import { parsePatchOptions, parseWriteOptions } from '../registry/write-options.ts';
import { fieldChange, type AdmissionLens, type WriteOptions } from '../registry/write-call.ts';
import type { Answer } from './answer.ts';
import type { Handlers } from './dispatch.ts';
import { checkInput, checkName, namespaceOf, readObject, storedOf, writeCall, type HandlerDeps, type Operation } from './operation.ts';
import { patchKind, readChange } from './patch.ts';

const SCALE_VERSION = 'autoscaling/v1';
const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const;
/** In tables too it is of its own kind, whatever is scaled. */
const FORM: PrintedKind = { info: { ...SCALE, listKind: '', origin: 'builtin' } };

interface Scale extends KubeObject {
  readonly spec: { readonly replicas?: number };
  readonly status: { readonly replicas: number; readonly selector?: string };
}

function scaleOf({ metadata }: KubeObject, object: KubeObject, hooks: ScaleHooks): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const replicas = hooks.specReplicas(object);
  const selector = hooks.selector(object);
  return {
    kind: 'Scale',
    apiVersion: SCALE_VERSION,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }), uid, resourceVersion, creationTimestamp },
    spec: replicas === 0 ? {} : { replicas },
    status: { replicas: hooks.statusReplicas(object), ...(selector === '' ? {} : { selector }) },
  };
}

function hooksFor(operation: Operation): ScaleHooks {
  const hooks = storedOf(operation).strategy.scale;
  if (hooks === undefined) throw methodNotSupported(operation.served.info, operation.request.info.verb);
  return hooks;
}

const answer = (code: number, object: KubeObject, hooks: ScaleHooks): Answer => ({
  kind: 'object',
  code,
  object: scaleOf(object, object, hooks),
  form: FORM,
});

async function getScale(operation: Operation, { registry }: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const hooks = hooksFor(operation);
  const resourceVersion = request.query.get('resourceVersion') ?? '';
  const stored = await get(
    { served, stored: storedOf(operation), request, namespace: namespaceOf(operation), name: request.info.name, resourceVersion },
    registry,
  );
  const { object } = await shown(storedOf(operation), stored, request);
  const missing = hooks.missingReplicas?.(object);
  if (missing !== undefined) throw internalError(new Error(`the spec replicas field ${goQuote(missing)} does not exist`));
  return answer(200, object, hooks);
}

async function updateScale(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  checkInput(operation);
  const options = parseWriteOptions(operation.request.query, 'UpdateOptions');
  const given = await readObject<Scale>(operation, SCALE, options, deps);
  const change = scaleChange(operation, options, deps);
  const next = (current: KubeObject) => deps.registry.fieldManager.update(current, given, change);
  return write(operation, options, { next, uid: (given.metadata.uid as string | undefined) ?? '' }, deps);
}

async function patchScale(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const kind = patchKind(operation.body.contentType, operation.served);
  const options = parsePatchOptions(operation.request.query, kind);
  const next = await readChange(operation, kind, options, scaleChange(operation, options, deps), {
    owners: deps.registry.fieldManager,
    kinds: deps.schema,
  });
  return write(operation, options, { next, uid: '' }, deps);
}

/** Owners of a Scale are found in it, not in the object behind. */
function scaleChange(operation: Operation, options: WriteOptions, { registry, schema }: HandlerDeps): FieldChange {
  const type = schema.kind(SCALE);
  if (type === undefined) throw badRequest('Scale is not known');
  return { ...fieldChange(writeCall(operation, options), registry), as: { schema: type, apiVersion: SCALE_VERSION, kind: SCALE.kind } };
}

interface ScaleWrite {
  next(current: KubeObject): KubeObject | Promise<KubeObject>;
  /** The uid the object must have; empty for any. */
  readonly uid: string;
}

async function write(operation: Operation, options: WriteOptions, { next, uid }: ScaleWrite, { registry }: HandlerDeps): Promise<Answer> {
  const hooks = hooksFor(operation);
  const call = { ...writeCall(operation, options), lens: lensOf(hooks) };
  const { apiVersion } = operation.served;
  const paths = { ...hooks.versions, [apiVersion]: hooks.replicasPath.map((name) => `f:${name}`) };
  const updated = await update(
    call,
    {
      next: async (current) => {
        const object = current as KubeObject; // `mayCreate` is false
        const scale = (await next(
          owned(scaleOf(object, object, hooks), scaleManagedFields(object.metadata.managedFields, paths)),
        )) as Scale;
        const missing = hooks.missingReplicas?.(object);
        if (missing !== undefined && options.kind === 'PatchOptions' && scale.spec.replicas === undefined)
          throw badRequest(`the spec replicas field ${goQuote(missing)} cannot be empty`);
        checkScale(operation, scale, object);
        const owners = parentManagedFields(object.metadata.managedFields, scale.metadata.managedFields, { paths, apiVersion });
        return owned(hooks.withReplicas(object, scale.spec.replicas ?? 0), owners);
      },
      mayCreate: false,
      uid,
      hooks: call.stored.strategy,
    },
    registry,
  );
  const { object } = await shown(call.stored, updated.object, call.request);
  return answer(200, object, hooks);
}

/** Source: toScaleCreateValidation, toScaleUpdateValidation. */
const lensOf = (hooks: ScaleHooks): AdmissionLens => ({
  kind: SCALE,
  seen: (object) => scaleOf(object, object, hooks),
  withSeen: (object, scale) => hooks.withReplicas(object, (scale as Scale).spec.replicas ?? 0),
});

function owned<T extends KubeObject>(object: T, managedFields: readonly ManagedFieldsEntry[] | undefined): T {
  const { managedFields: _before, ...metadata } = object.metadata;
  return { ...object, metadata: managedFields === undefined ? metadata : { ...metadata, managedFields } };
}

/** Custom resources judge their replicas themselves. Source: autoscaling ValidateScale, scaleUpdatedObjectInfo.UpdatedObject. */
function checkScale(operation: Operation, { metadata, spec }: Scale, current: KubeObject): void {
  const { replicas = 0 } = spec;
  const { info } = operation.served;
  checkName(operation, { kind: 'Scale', apiVersion: SCALE_VERSION, metadata });
  const builtIn = info.custom === undefined;
  if (builtIn && replicas < 0) {
    throw toStatusError(SCALE, metadata.name, [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
  }
  const { uid = '', resourceVersion } = metadata as Partial<KubeObject['metadata']>;
  if (builtIn && uid !== '' && uid !== current.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
    throw conflict({ group: info.group, resource: `${info.resource}/scale` }, metadata.name, why);
  }
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(info, metadata.name, OPTIMISTIC_LOCK_MESSAGE);
  }
}

export const scaleHandlers: Handlers = { get: getScale, update: updateScale, patch: patchScale };
