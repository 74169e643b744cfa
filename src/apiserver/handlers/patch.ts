// PATCH of an object or of a subresource that is the whole object. Source: handlers/patch.go.
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { duplicateYamlKeys, parseYaml, YamlError } from '#apimachinery/yaml.ts';
import { MAX_BODY_BYTES } from '../http/body.ts';
import { unsupportedMediaType } from '../negotiation/input.ts';
import { inNamespace } from '../registry/metadata.ts';
import { applyPatch, givenPatch, readPatch, type PatchBody, type PatchTarget } from '../registry/patch.ts';
import { update } from '../registry/update.ts';
import { managerName } from '../registry/manager-name.ts';
import { parsePatchOptions, type PatchKind } from '../registry/write-options.ts';
import type { Answer } from './answer.ts';
import { hooksOf } from './hooks.ts';
import { checkName, writeCall, type HandlerDeps, type Operation } from './operation.ts';
import { withUniqueOwners } from './owner-references.ts';

const PATCH_KINDS: Readonly<Record<string, PatchKind>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

/** @throws StatusError UnsupportedMediaType */
export function patchKind(contentType: string): PatchKind {
  const kind = PATCH_KINDS[(contentType.split(';')[0] as string).trim()];
  if (kind === undefined) throw unsupportedMediaType(Object.keys(PATCH_KINDS));
  return kind;
}

export async function handlePatch(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const kind = patchKind(operation.body.contentType);
  const options = parsePatchOptions(request.query, kind);
  const call = writeCall(operation, options);
  const { conversion } = served;
  const next =
    kind === 'apply'
      ? applied(operation, await readConfiguration(operation, options.fieldValidation), options, deps)
      : patched(operation, await readPatchBody(operation, kind, options.fieldValidation), options, deps);
  const updated = await update(
    call,
    {
      next: (current) => {
        const object = next(current === undefined || conversion === undefined ? current : conversion.toServed(current));
        return conversion === undefined ? object : conversion.toStored(object);
      },
      mayCreate: kind === 'apply' && call.subresource === '',
      uid: '',
      hooks: hooksOf(call),
    },
    deps.registry,
  );
  return { kind: 'stored', code: updated.created ? 201 : 200, served, object: updated.object };
}

type Next = (current: KubeObject | undefined) => KubeObject;

function patched(operation: Operation, body: PatchBody, { fieldValidation }: { readonly fieldValidation: PatchTarget['fieldValidation'] }, { registry }: HandlerDeps): Next {
  const { served, request } = operation;
  const target: PatchTarget = {
    schema: served.info.schema,
    version: served.info.version,
    fieldValidation,
    now: registry.clock.now(),
    warn: (text) => request.warnings.add(text),
  };
  // `mayCreate` is false for these kinds, so there always is a current object.
  return (current) => finish(operation, applyPatch(body, current as KubeObject, target));
}

function applied(
  operation: Operation,
  configuration: KubeObject,
  options: { readonly fieldManager: string; readonly force: boolean },
  { registry }: HandlerDeps,
): Next {
  const { served, request, subresource } = operation;
  const change = {
    served,
    subresource: subresource?.name ?? '',
    manager: managerName(options.fieldManager, request.userAgent),
    now: registry.clock.now(),
    force: options.force,
  };
  return (current) => finish(operation, registry.fieldManager.apply(current, configuration, change));
}

/** What holds for every patched object. Source: patcher.applyPatch. */
function finish(operation: Operation, object: KubeObject): KubeObject {
  const { served, request } = operation;
  const placed = inNamespace(object, served.info.namespaced ? request.info.namespace : '');
  checkName(operation, placed);
  return withUniqueOwners(placed, request);
}

async function readPatchBody({ body }: Operation, kind: PatchBody['kind'], fieldValidation: PatchTarget['fieldValidation']): Promise<PatchBody> {
  if (body.kind === 'value') return givenPatch(kind, body.value, fieldValidation);
  return readPatch(kind, (await body.read(MAX_BODY_BYTES)).toString(), fieldValidation);
}

/** The body of a server-side apply: YAML, of which JSON is a part. */
async function readConfiguration({ body, request }: Operation, fieldValidation: PatchTarget['fieldValidation']): Promise<KubeObject> {
  if (body.kind === 'value') return body.value as KubeObject;
  const text = (await body.read(MAX_BODY_BYTES)).toString();
  try {
    const value = parseYaml(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw badRequest('error decoding patch: the body is no object');
    const repeated = fieldValidation === 'Ignore' ? undefined : duplicateYamlKeys(text);
    if (repeated !== undefined && fieldValidation === 'Strict') throw badRequest(`error strict decoding patch: error converting YAML to JSON: ${repeated}`);
    if (repeated !== undefined) request.warnings.add(repeated);
    return value as KubeObject;
  } catch (error) {
    if (error instanceof YamlError) throw badRequest(`error decoding patch: ${error.message}`);
    throw error;
  }
}
