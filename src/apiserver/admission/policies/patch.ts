// What a mutation makes of an object: an apply configuration merged into it, or a JSON patch.
// Source: apiserver pkg/admission/plugin/policy/mutating/patch.
import type { KubeObject } from '#api/types.ts';
import { checkTyped } from '#apimachinery/apply/check.ts';
import { isAtomic, shapeOf, TypedError } from '#apimachinery/apply/list-items.ts';
import { merge } from '#apimachinery/apply/merge.ts';
import type { Value } from '#apimachinery/cel/contract.ts';
import { EvaluationError } from '#apimachinery/cel/errors.ts';
import { misnamed, StructValue } from '#apimachinery/cel/library/mutation.ts';
import { toJson } from '#apimachinery/cel/values/to-json.ts';
import { itemsOf } from '#apimachinery/cel/values/values.ts';
import { applyJsonPatch } from '#apimachinery/json-patch.ts';
import { JsonPatchError, type JsonPatch } from '#apimachinery/json-patch-decode.ts';
import { isObject, type JsonObject } from '#apimachinery/json-value.ts';
import { memberSchema, type TypeSchema } from '#apimachinery/type-schema.ts';

/** The policy's fault; its failure policy says what that means. */
export class MutationError extends Error {
  override readonly name = 'MutationError';
}

/** @throws MutationError */
export function applyConfiguration(object: KubeObject, configuration: Value, schema: TypeSchema): unknown {
  const wrong = misnamed(configuration);
  if (wrong.length > 0) throw new MutationError(`type mismatch: ${wrong.join('\n')}`);
  const { apiVersion, kind } = object;
  const config = { ...(jsonOf(configuration) as JsonObject), apiVersion, kind };
  return attempt('error applying patch: failed to convert patch object to typed object', () => {
    checkTyped(schema, config);
    const atomics = atomicsIn(config, schema, '');
    if (atomics.length > 0) {
      const why = `may not mutate atomic arrays, maps or structs: ${atomics.join(', ')}`;
      throw new MutationError(`error applying patch: invalid ApplyConfiguration: ${why}`);
    }
    return merge(schema, object, config);
  });
}

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof TypedError) throw new MutationError(`${what}: ${error.message}`);
    throw error;
  }
}

/** Places of values that can only be replaced as a whole: a part of one would remove the rest unseen. */
function atomicsIn(value: unknown, schema: TypeSchema, path: string): readonly string[] {
  const shape = shapeOf(schema, value);
  if (shape === 'scalar' || !(isObject(value) || Array.isArray(value))) return [];
  const own = isAtomic(schema, shape) ? [path] : [];
  if (Array.isArray(value)) {
    const items = schema.shape === 'list' ? schema.items : schema;
    return [...own, ...value.flatMap((item, i) => atomicsIn(item, items, `${path}[${i}]`))];
  }
  const nested = Object.entries(value as JsonObject).flatMap(([name, member]) => {
    const type = memberSchema(schema, name);
    return type === undefined ? [] : atomicsIn(member, type, `${path}.${name}`);
  });
  return [...own, ...nested];
}

/** The same object where a `test` of the patch fails. @throws MutationError */
export function applyPatch(object: KubeObject, operations: Value): unknown {
  const patch = (itemsOf(operations) ?? []).map(operationOf);
  try {
    return applyJsonPatch(object, patch);
  } catch (error) {
    if (!(error instanceof JsonPatchError)) throw error;
    if (/test failed$/.test(error.message)) return object;
    throw new MutationError(`JSON Patch: ${error.message}`);
  }
}

function operationOf(value: Value): JsonPatch[number] {
  if (!(value instanceof StructValue))
    throw new MutationError('type mismatch: JSONPatchType.expression should evaluate to array of JSONPatch');
  const [op, path, from, content] = ['op', 'path', 'from', 'value'].map((name) => value.get(name));
  if (content instanceof StructValue) {
    const wrong = misnamed(content);
    if (wrong.length > 0) throw new MutationError(`type mismatch: ${wrong.join('\n')}`);
  }
  return {
    op: op ?? '',
    path: path ?? '',
    ...(typeof from === 'string' && from !== '' && { from }),
    ...(content !== undefined && { value: jsonOf(content) }),
  };
}

function jsonOf(value: Value): unknown {
  try {
    return toJson(value);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    throw new MutationError(`JSONPath valueExpression evaluated to a type that could not marshal to JSON: ${error.message}`);
  }
}
