// PATCH of an object or of a subresource that is the whole object. Source: handlers/patch.go.
import { foreignKind } from '#api/decode-body.ts';
import { jsonKind } from '#api/decode/go-errors.ts';
import type { Schema } from '#api/schema.ts';
import type { KubeObject } from '#api/types.ts';
import { badRequest } from '#apimachinery/errors.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { parseApiVersion } from '#apimachinery/resource.ts';
import { duplicateYamlKeys, parseYaml, repeatedYamlKeysText, YAML_TO_JSON_PREFIX, YamlError } from '#apimachinery/yaml.ts';
import { MAX_BODY_BYTES } from '../http/body.ts';
import { unsupportedMediaType } from '../negotiation/input.ts';
import { noRouteConsumes } from '../negotiation/route-media.ts';
import { inNamespace } from '../registry/metadata.ts';
import type { ServedResource } from '../registry/catalog.ts';
import { applyPatch, givenPatch, readPatch, type PatchBody, type PatchTarget } from '../registry/patch.ts';
import { update } from '../registry/update.ts';
import type { FieldChange, FieldManager } from '../registry/field-manager.ts';
import { fieldChange, toServed, toStored, type WriteCall } from '../registry/write-call.ts';
import { parsePatchOptions, type PatchKind, type PatchOptions } from '../registry/write-options.ts';
import type { Answer } from './answer.ts';
import { hooksOf } from './hooks.ts';
import { checkName, writeCall, type HandlerDeps, type Operation } from './operation.ts';
import { withUniqueOwners } from '../registry/owner-references.ts';

const PATCH_KINDS: Readonly<Record<string, PatchKind>> = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
};

const PATCH_TYPES = Object.keys(PATCH_KINDS);
/** Custom resources have no strategic merge, nor have their parts. Source: crdHandler supportedTypes. */
const CUSTOM_PATCH_TYPES = PATCH_TYPES.filter((type) => PATCH_KINDS[type] !== 'strategic');

const patchTypes = ({ info }: ServedResource): readonly string[] => (info.origin === 'custom' ? CUSTOM_PATCH_TYPES : PATCH_TYPES);

/** @throws StatusError UnsupportedMediaType. Source: PatchResource; routes of built-in resources refuse before that */
export function patchKind(contentType: string, served: ServedResource): PatchKind {
  const type = (contentType.split(';')[0] as string).trim();
  const kind = PATCH_KINDS[type];
  const supported = patchTypes(served);
  if (kind !== undefined && supported.includes(type)) return kind;
  throw served.info.origin === 'builtin' ? noRouteConsumes() : unsupportedMediaType(supported);
}

export async function handlePatch(operation: Operation, deps: HandlerDeps): Promise<Answer> {
  const { served, request } = operation;
  const kind = patchKind(operation.body.contentType, served);
  if (request.info.name === '') throw badRequest('name must be provided');
  const options = parsePatchOptions(request.query, kind);
  const call: WriteCall = { ...writeCall(operation, options), applies: kind === 'apply' };
  const { registry } = deps;
  const change = fieldChange(call, registry);
  const next = await readChange(operation, kind, options, change, { owners: registry.fieldManager, kinds: deps.schema });
  const updated = await update(
    call,
    {
      next: async (current) => toStored(call, placed(operation, await next(toServed(call, current)))),
      mayCreate: kind === 'apply' && call.subresource === '',
      uid: '',
      hooks: hooksOf(call),
    },
    registry,
  );
  return { kind: 'stored', code: updated.created ? 201 : 200, served, object: updated.object };
}

export interface PatchDeps {
  readonly owners: FieldManager;
  readonly kinds: Schema;
}

type Next = (current: KubeObject | undefined) => KubeObject | Promise<KubeObject>;

/**
 * The body as what it makes of a current object, ownership included; only an apply makes something of none.
 * @throws StatusError
 */
export async function readChange(
  operation: Operation,
  kind: PatchKind,
  options: PatchOptions,
  change: FieldChange,
  deps: PatchDeps,
): Promise<Next> {
  if (kind === 'apply') return applied(operation, await readConfiguration(operation), options, change, deps.owners);
  return patched(operation, await readPatchBody(operation, kind, options.fieldValidation), options.fieldValidation, change, deps);
}

function patched(
  { served, request }: Operation,
  body: PatchBody,
  fieldValidation: PatchTarget['fieldValidation'],
  change: FieldChange,
  { owners, kinds }: PatchDeps,
): Next {
  const { schema, apiVersion, kind } = change.as ?? { schema: served.info.schema, apiVersion: served.apiVersion, kind: served.info.kind };
  const expected = { ...parseApiVersion(apiVersion), kind };
  const target: PatchTarget = {
    schema,
    kind: expected,
    foreign: (actual) => foreignKind(actual, expected, kinds),
    fieldValidation,
    now: change.now,
    warn: (text) => request.warnings.add(text),
  };
  // `mayCreate` is false for these kinds, so there always is a current object.
  return (current) => owners.update(current, applyPatch(body, current as KubeObject, target), change);
}

/** A configuration that cannot be applied is refused for that before it is for keys given twice. Source: applyPatcher. */
function applied(
  { request }: Operation,
  { configuration, repeated }: Configuration,
  { fieldValidation, force }: PatchOptions,
  change: FieldChange,
  owners: FieldManager,
): Next {
  return async (current) => {
    const object = await owners.apply(current, configuration, { ...change, force });
    const found = fieldValidation === 'Ignore' ? [] : repeated();
    if (found.length > 0 && fieldValidation === 'Strict')
      throw badRequest(`error strict decoding YAML: ${YAML_TO_JSON_PREFIX}${repeatedYamlKeysText(found)}`);
    for (const warning of found) request.warnings.add(warning);
    return object;
  };
}

/** What holds for every patched object. Source: patcher.applyPatch. */
function placed(operation: Operation, object: KubeObject): KubeObject {
  const { served, request } = operation;
  const inPlace = inNamespace(object, served.info.namespaced ? request.info.namespace : '');
  checkName(operation, inPlace);
  return withUniqueOwners(inPlace, request);
}

async function readPatchBody(
  { body }: Operation,
  kind: PatchBody['kind'],
  fieldValidation: PatchTarget['fieldValidation'],
): Promise<PatchBody> {
  if (body.kind === 'value') return givenPatch(kind, body.value, fieldValidation);
  return readPatch(kind, (await body.read(MAX_BODY_BYTES)).toString(), fieldValidation);
}

interface Configuration {
  readonly configuration: KubeObject;
  /** What strict decoding has against the body. */
  repeated(): readonly string[];
}

/** The body of a server-side apply: YAML, of which JSON is a part. @throws StatusError BadRequest */
async function readConfiguration({ body }: Operation): Promise<Configuration> {
  if (body.kind === 'value') return { configuration: body.value as KubeObject, repeated: () => [] };
  const text = (await body.read(MAX_BODY_BYTES)).toString();
  try {
    const value = parseYaml(text) ?? {}; // Go takes null for an empty map
    if (!isObject(value)) {
      const why = `json: cannot unmarshal ${jsonKind(value)} into Go value of type map[string]interface {}`;
      throw badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: ${why}`);
    }
    return { configuration: value as unknown as KubeObject, repeated: () => duplicateYamlKeys(text) };
  } catch (error) {
    if (error instanceof YamlError) throw badRequest(`error decoding YAML: ${YAML_TO_JSON_PREFIX}${error.message}`);
    throw error;
  }
}
