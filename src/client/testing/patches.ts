// Patches of the fake API server. Server-side apply is done as a strategic merge: owners of fields are not kept.
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { applyJsonPatch } from '#apimachinery/json-patch.ts';
import { decodeJsonPatch, JsonPatchError } from '#apimachinery/json-patch-decode.ts';
import { mergePatch, MergePatchError } from '#apimachinery/merge-patch.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { strategicMergePatch, StrategicPatchError } from '#apimachinery/strategic-merge-patch.ts';
import { PATCH_CONTENT_TYPE } from '../api-request.ts';
import type { FakeObject } from './fake-store.ts';
import { schemaOf } from './known-types.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** @throws StatusError UnsupportedMediaType for a content type that is no patch, BadRequest or Invalid for one that does not fit */
export function applyPatch(target: FakeObject, kind: GroupVersionKind, contentType: string, patch: unknown): FakeObject {
  try {
    return patched(target as unknown as JsonObject, kind, contentType, patch) as FakeObject;
  } catch (error) {
    if (error instanceof JsonPatchError && error.stage === 'apply') {
      throw new StatusError('Invalid', 'the server rejected our request due to an error in our request', {
        causes: [{ message: error.message }],
      });
    }
    if (error instanceof JsonPatchError || error instanceof MergePatchError || error instanceof StrategicPatchError)
      throw badRequest(error.message);
    throw error;
  }
}

function patched(target: JsonObject, kind: GroupVersionKind, contentType: string, patch: unknown): unknown {
  const schema = schemaOf(kind);
  switch (contentType) {
    case PATCH_CONTENT_TYPE.json:
      return applyJsonPatch(target, decodeJsonPatch(patch));
    case PATCH_CONTENT_TYPE.merge:
      return mergePatch(target, patch);
    case PATCH_CONTENT_TYPE.apply:
      return schema === undefined ? mergePatch(target, patch) : strategicMergePatch(target, patch as JsonObject, schema);
    case PATCH_CONTENT_TYPE.strategic:
      if (schema !== undefined) return strategicMergePatch(target, patch as JsonObject, schema);
      break;
  }
  const accepted = Object.values(PATCH_CONTENT_TYPE).join(', ');
  throw new StatusError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted}`,
  );
}
