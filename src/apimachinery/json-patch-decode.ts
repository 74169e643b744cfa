// A body as a JSON patch: what a patch may look like, before anything is applied.
// Source: evanphx/json-patch v4 patch.go; apiserver handlers patch.go.
import { goKind, goQuote } from './go-format.ts';
import { isObject, type JsonObject } from './json-value.ts';

/** Most operations of one patch. Source: maxJSONPatchOperations. */
export const MAX_JSON_PATCH_OPERATIONS = 10_000;

/** `decode`: not a patch at all. `apply`: does not fit the document. */
export class JsonPatchError extends Error {
  override readonly name = 'JsonPatchError';
  readonly stage: 'decode' | 'apply';

  constructor(stage: 'decode' | 'apply', message: string) {
    super(message);
    this.stage = stage;
  }
}

export type JsonPatch = readonly JsonObject[];

/** What Go calls a patch and its operations: the library, and who decodes them strictly. Source: applyJSPatch. */
const LENIENT_NAMES = { patch: 'jsonpatch.Patch', operation: 'jsonpatch.Operation' } as const;
export const STRICT_NAMES = { patch: '[]handlers.jsonPatchOp', operation: 'handlers.jsonPatchOp' } as const;

/** A parsed patch body as a list of operations. @throws JsonPatchError */
export function decodeJsonPatch(value: unknown, names: { readonly patch: string; readonly operation: string } = LENIENT_NAMES): JsonPatch {
  if (value === null) return [];
  if (!Array.isArray(value))
    throw new JsonPatchError('decode', `json: cannot unmarshal ${goKind(value)} into Go value of type ${names.patch}`);
  for (const item of value) {
    if (!isObject(item) && item !== null) {
      throw new JsonPatchError('decode', `json: cannot unmarshal ${goKind(item)} into Go value of type ${names.operation}`);
    }
  }
  const operations = value.map((item: unknown) => (item ?? {}) as JsonObject);
  if (names === STRICT_NAMES) for (const operation of operations) refuseNoText(operation);
  return operations;
}

/** Only strict decoding looks at members before they are needed. Source: handlers jsonPatchOp. */
function refuseNoText(operation: JsonObject): void {
  for (const name of ['op', 'path', 'from']) {
    const member = operation[name];
    if (member === undefined || member === null || typeof member === 'string') continue;
    const message = `json: cannot unmarshal ${goKind(member)} into Go struct field jsonPatchOp.${name} of type string`;
    throw new JsonPatchError('decode', message);
  }
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set(['op', 'path', 'from', 'value']);

/** What strict field validation says: `json patch unknown field "[0].x"`. */
export function strictJsonPatchErrors(patch: JsonPatch): readonly string[] {
  return patch.flatMap((operation, i) =>
    Object.keys(operation)
      .filter((key) => !KNOWN_FIELDS.has(key))
      .map((key) => `json patch unknown field ${goQuote(`[${i}].${key}`)}`),
  );
}
