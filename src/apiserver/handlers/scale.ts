// The `scale` subresource: replicas of any workload in one form. Source: pkg/registry/apps/*/storage ScaleREST.
import type { KubeObject } from '#api/types.ts';
import { badRequest, conflict, methodNotSupported, OPTIMISTIC_LOCK_MESSAGE } from '#apimachinery/errors.ts';
import { invalid, toStatusError } from '#apimachinery/field-errors.ts';
import { MAX_BODY_BYTES } from '../http/body.ts';
import { get } from '../registry/get.ts';
import { applyPatch, givenPatch, readPatch, type PatchBody } from '../registry/patch.ts';
import type { ScaleHooks } from '../registry/strategy.ts';
import { update } from '../registry/update.ts';
import { parsePatchOptions, parseWriteOptions } from '../registry/write-options.ts';
import type { WriteOptions } from '../registry/write-call.ts';
import type { Answer } from './answer.ts';
import type { Handlers } from './dispatch.ts';
import { checkInput, checkName, namespaceOf, readObject, storedOf, writeCall, type HandlerDeps, type Operation } from './operation.ts';
import { patchKind } from './patch.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' } as const;

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
    apiVersion: 'autoscaling/v1',
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

const answer = (code: number, object: KubeObject, hooks: ScaleHooks): Answer => ({ kind: 'object', code, object: scaleOf(object, object, hooks) });

async function getScale(operation: Operation, { registry }: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const hooks = hooksFor(operation);
  const resourceVersion = request.query.get('resourceVersion') ?? '';
  const stored = await get({ served, stored: storedOf(operation), request, namespace: namespaceOf(operation), name: request.info.name, resourceVersion }, registry);
  return answer(200, stored.object, hooks);
}

async function updateScale(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  checkInput(operation);
  const options = parseWriteOptions(operation.request.query, 'UpdateOptions');
  const scale = await readObject<Scale>(operation, SCALE, options, deps);
  return write(operation, options, () => scale, deps);
}

async function patchScale(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { body, request } = operation;
  const kind = patchKind(body.contentType);
  const options = parsePatchOptions(request.query, kind);
  if (kind === 'apply') throw badRequest('apply is not supported on scale');
  const patch: PatchBody =
    body.kind === 'value'
      ? givenPatch(kind, body.value, options.fieldValidation)
      : readPatch(kind, (await body.read(MAX_BODY_BYTES)).toString(), options.fieldValidation);
  const schema = deps.schema.kind(SCALE);
  if (schema === undefined) throw badRequest('Scale is not known');
  const target = { schema, version: SCALE.version, fieldValidation: options.fieldValidation, now: deps.registry.clock.now(), warn: (text: string) => request.warnings.add(text) };
  return write(operation, options, (current) => applyPatch(patch, current, target) as Scale, deps);
}

async function write(operation: Operation, options: WriteOptions, next: (current: Scale) => Scale, { registry }: HandlerDeps): Promise<Answer> {
  const hooks = hooksFor(operation);
  const call = writeCall(operation, options);
  const updated = await update(
    call,
    {
      next: (current) => {
        const object = current as KubeObject; // `mayCreate` is false
        const scale = next(scaleOf(object, object, hooks));
        checkScale(operation, scale, object);
        return hooks.withReplicas(object, scale.spec.replicas ?? 0);
      },
      mayCreate: false,
      uid: '',
      hooks: call.stored.strategy,
    },
    registry,
  );
  return answer(200, updated.object.object, hooks);
}

/** Source: autoscaling ValidateScale, scaleUpdatedObjectInfo.UpdatedObject. */
function checkScale(operation: Operation, { metadata, spec }: Scale, current: KubeObject): void {
  const { replicas = 0 } = spec;
  const { info } = operation.served;
  checkName(operation, { kind: 'Scale', apiVersion: 'autoscaling/v1', metadata });
  if (replicas < 0) {
    throw toStatusError(SCALE, metadata.name, [invalid('spec.replicas', replicas, 'must be greater than or equal to 0')]);
  }
  const { uid, resourceVersion } = metadata as Partial<KubeObject['metadata']>;
  if (uid !== undefined && uid !== '' && uid !== current.metadata.uid) {
    throw conflict(info, metadata.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== current.metadata.resourceVersion) {
    throw conflict(info, metadata.name, OPTIMISTIC_LOCK_MESSAGE);
  }
}

export const scaleHandlers: Handlers = { get: getScale, update: updateScale, patch: patchScale };
