// Random values of a type, for stating laws over every type. Never imported outside tests and benchmarks.
import type { Ids } from '#base/ids.ts';
import type { FieldSchema, ObjectSchema, ScalarSchema, TypeSchema } from '#apimachinery/type-schema.ts';
import { apiVersionOf, type GroupVersionKind } from '#apimachinery/resource.ts';
import { decodeValue } from '../decode.ts';
import { setOwn, type JsonObject } from '../json-object.ts';
import type { KubeObject } from '../types.ts';

/** Structs nested deeper than this get required members only. */
const MAX_DEPTH = 9;
const TEXTS = ['a', 'web', 'nginx:1.27', 'Grüße', '日本', '🚀', '"quoted"\n', 'x'.repeat(40), '__proto__', 'kubernetes.io/name', '0'];
const QUANTITIES = ['0', '1', '100m', '1500m', '128Mi', '1Gi', '0.5', '1e3', '-2', '123456789', '2.5Gi'];
const TIMES = ['2026-01-02T03:04:05Z', '1999-12-31T23:59:59Z', '2026-06-30T12:00:00+02:00', '1970-01-01T00:00:00Z'];
const MICRO_TIMES = ['2026-01-02T03:04:05.000006Z', '1999-12-31T23:59:59.999999Z', '2026-06-30T12:00:00.500000-07:00'];
const BYTES = ['', 'YQ==', 'YWI=', 'YWJj', '/+8='];
const INT32S = [0, 1, -1, 80, 65535, 2147483647, -2147483648];
const INT64S = [...INT32S, 2 ** 40, -(2 ** 40), Number.MAX_SAFE_INTEGER, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];
const JSON_VALUES = [{ a: 1 }, { b: { c: [1, 'x', null, true] } }, { d: 1.5, e: '' }, {}];

export class Generator {
  readonly #ids: Ids;

  /** The same ids give the same values. */
  constructor(ids: Ids) {
    this.#ids = ids;
  }

  /** A canonical object of a kind. */
  object(gvk: GroupVersionKind, schema: ObjectSchema): KubeObject {
    const raw = { ...(this.value(schema, 0) as object), kind: gvk.kind, apiVersion: apiVersionOf(gvk) };
    return decodeValue<KubeObject>(raw, schema, { fieldValidation: 'Strict' }).object;
  }

  /** A value the type's decoder takes, not yet canonical. */
  value(schema: TypeSchema, depth: number): unknown {
    switch (schema.shape) {
      case 'scalar':
        return this.#scalar(schema);
      case 'list':
        return Array.from({ length: this.#count(depth) }, () => this.value(schema.items, depth + 1));
      case 'map': {
        const out: JsonObject = {};
        for (let i = this.#count(depth); i > 0; i--) setOwn(out, this.pick(TEXTS), this.value(schema.values, depth + 1));
        return out;
      }
      case 'any':
        return this.#any(schema.name ?? '');
      case 'object': {
        const out: JsonObject = {};
        for (const field of this.#shuffled([...schema.fields.values()])) {
          if (!this.#has(field, depth)) continue;
          const value = this.value(field.type, depth + 1);
          if (field.tellsEmpty && (value as readonly unknown[]).length === 0) continue; // no accepted object has it so
          out[field.name] = value;
        }
        return out;
      }
    }
  }

  pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#ids.fraction() * choices.length)] as T;
  }

  #has(field: FieldSchema, depth: number): boolean {
    if (field.name === 'kind' || field.name === 'apiVersion') return false;
    if (depth >= MAX_DEPTH) return field.required && field.type.shape === 'scalar';
    return this.#ids.fraction() < (depth < 3 ? 0.7 : 0.35);
  }

  #count(depth: number): number {
    return depth >= MAX_DEPTH ? 0 : Math.floor(this.#ids.fraction() * 3);
  }

  /** Documents need not come in declaration order. */
  #shuffled<T>(items: readonly T[]): readonly T[] {
    return items
      .map((item) => ({ item, at: this.#ids.fraction() }))
      .toSorted((a, b) => a.at - b.at)
      .map(({ item }) => item);
  }

  #any(definition: string): unknown {
    if (definition.endsWith('OrBool')) return this.pick([true, false, { type: 'string' }]);
    if (definition.endsWith('OrStringArray')) return this.pick([['a'], { type: 'object' }]);
    if (definition.endsWith('OrArray')) return this.pick([{ type: 'string' }, [{ type: 'object' }, { format: 'int32' }]]);
    if (definition.endsWith('.JSON')) return this.pick([...JSON_VALUES, 1, 'text', true, [1, 2]]);
    return this.pick(JSON_VALUES);
  }

  #scalar(schema: ScalarSchema): unknown {
    switch (schema.scalar) {
      case 'string':
        return schema.enum !== undefined && this.#ids.fraction() < 0.8 ? this.pick(schema.enum) : this.pick(['', ...TEXTS]);
      case 'boolean':
        return this.pick([true, false]);
      case 'int32':
        return this.pick(INT32S);
      case 'int64':
        return this.pick(INT64S);
      case 'number':
        return this.pick([0, 1.5, -2.25, 1e21]);
      case 'bytes':
        return this.pick(BYTES);
      case 'time':
        return this.pick(TIMES);
      case 'microTime':
        return this.pick(MICRO_TIMES);
      case 'duration':
        return this.pick(['0s', '1m30s', '90s', '100ms']);
      case 'quantity':
        return this.pick(QUANTITIES);
      case 'intOrString':
        return this.pick([80, 0, 'http', '25%', '']);
    }
  }
}
