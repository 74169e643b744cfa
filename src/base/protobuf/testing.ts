// For tests: objects of any message of a schema, and the laws every codec over a schema must keep.
import assert from 'node:assert/strict';
import type { Ids } from '../ids.ts';
import { compileCodec } from './codec.ts';
import { ProtobufDecodeError } from './errors.ts';
import { createPlanner, type EnumPlan, type FieldPlan, type MessagePlan, type Planner, type SingleField, type ValuePlan } from './plan.ts';
import type { CodecOptions, Int64Form, ProtoCodec, ProtoSchema, ScalarType } from './schema.ts';
import { isZero } from './values.ts';

/** Values for hooked messages, by full name: each must survive its hook's encode and decode. */
export type HookValues = Readonly<Record<string, (ids: Ids) => unknown>>;

/** Deeper than this only `always` messages are generated. */
const DEPTH = 4;

/** A random object of `plan` which `decode` gives back as it was encoded, with `defaults: 'omit'`. */
export function arbitrary(plan: MessagePlan, planner: Planner, ids: Ids, hookValues: HookValues = {}): unknown {
  const { settings } = planner;

  const message = (of: MessagePlan, depth: number, into: Record<string, unknown> = {}): unknown => {
    const hookValue = hookValues[of.name];
    if (of.hook !== undefined) {
      assert.ok(hookValue !== undefined, `no values for the hook of ${of.name}`);
      return hookValue(ids);
    }
    const chosen = new Map<string, boolean>();
    for (const field of of.fields) fill(field, depth, into, chosen);
    return into;
  };

  const fill = (field: FieldPlan, depth: number, into: Record<string, unknown>, chosen: Map<string, boolean>): void => {
    const wanted = ids.fraction() < (depth < DEPTH ? 0.4 : 0) || (depth >= DEPTH && field.value.kind !== 'message' && ids.fraction() < 0.2);
    switch (field.shape) {
      case 'inline':
        if (depth < DEPTH + 2) message(field.value.type, depth + 1, into);
        return;
      case 'list':
        if (wanted) into[field.key] = some(ids, () => value(field.value, depth + 1));
        return;
      case 'map':
        if (wanted) into[field.key] = Object.fromEntries(some(ids, () => [mapKey(field.mapKey.type), value(field.value, depth + 1)]));
        return;
      case 'single':
        single(field, wanted, depth, into, chosen);
    }
  };

  const single = (
    field: SingleField,
    wanted: boolean,
    depth: number,
    into: Record<string, unknown>,
    chosen: Map<string, boolean>,
  ): void => {
    const always = field.always && !field.dropZero && !(field.value.kind === 'message' && field.value.type.hook !== undefined);
    if (!wanted && !always) return;
    if (field.rivals.some((rival) => chosen.has(rival))) return;
    const given = value(field.value, depth + 1);
    if (field.value.kind !== 'message' && (field.skipZero || field.dropZero) && isZero(field.value, given)) return;
    into[field.key] = given;
    chosen.set(field.key, true);
  };

  const value = (of: ValuePlan, depth: number): unknown => {
    switch (of.kind) {
      case 'message':
        return message(of.type, depth);
      case 'enum':
        return enumValue(of.type);
      case 'scalar':
        return scalar(of.type, of.int64);
    }
  };

  const enumValue = (of: EnumPlan): unknown => {
    const numbers = [...of.names.keys(), 77_777];
    const number = pick(ids, numbers);
    return settings.enums === 'number' ? number : (of.names.get(number) ?? number);
  };

  const scalar = (type: ScalarType, form: Int64Form): unknown => {
    switch (type) {
      case 'string':
        return pick(ids, STRINGS)(ids);
      case 'bytes': {
        const bytes = Buffer.from(ids.bytes(Math.floor(ids.fraction() * 40)));
        return settings.bytes === 'base64' ? bytes.toString('base64') : bytes;
      }
      case 'bool':
        return ids.fraction() < 0.7;
      case 'double':
        return pick(ids, [0, -0, 1.5, -1e300, Infinity, ids.fraction()]);
      case 'float':
        return pick(ids, [0, -0, 1.5, Math.fround(ids.fraction()), -Infinity]);
      case 'uint32':
      case 'fixed32':
        return pick(ids, [0, 1, 127, 128, 16384, 2 ** 32 - 1]);
      case 'int32':
      case 'sint32':
      case 'sfixed32':
        return pick(ids, [0, 1, -1, 300, 2 ** 31 - 1, -(2 ** 31)]);
      case 'uint64':
      case 'fixed64':
        return wide(pick(ids, [0n, 1n, 2n ** 32n, 2n ** 53n - 1n, 2n ** 63n, 2n ** 64n - 1n]), form);
      default:
        return wide(pick(ids, [0n, 1n, -1n, 2n ** 35n, 1n - 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]), form);
    }
  };

  const mapKey = (type: ScalarType): string => {
    const key = scalar(type, 'string');
    return String(Object.is(key, -0) ? 0 : key);
  };

  return message(plan, 0);
}

function wide(value: bigint, form: Int64Form): unknown {
  const safe = value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
  if (form === 'string') return value.toString();
  return form === 'number' || (form === 'exact' && safe) ? Number(value) : value;
}

const STRINGS: readonly ((ids: Ids) => string)[] = [
  () => '',
  (ids) => ids.suffix(1 + Math.floor(ids.fraction() * 10)),
  (ids) => ids.uuid(),
  (ids) => `ä${ids.suffix(3)}€𝒳`,
  () => '\u0000\u007f\ufffd',
  () => '__proto__',
  (ids) => 'long '.repeat(5 + Math.floor(ids.fraction() * 60)),
];

function pick<T>(ids: Ids, from: readonly T[]): T {
  return from[Math.floor(ids.fraction() * from.length)] as T;
}

function some<T>(ids: Ids, make: () => T): T[] {
  return Array.from({ length: 1 + Math.floor(ids.fraction() * 3) }, make);
}

export interface LawOptions extends Omit<CodecOptions, 'defaults' | 'mode'> {
  readonly ids: Ids;
  /** Objects tried of each message. */
  readonly rounds: number;
  readonly hookValues?: HookValues;
}

/**
 * Every message of `schema`, over generated objects: decode gives back what was encoded, generated and interpreted
 * code write and read the same, and no damage to the bytes does more than raise ProtobufDecodeError, alike in both.
 */
export function assertCodecLaws(schema: ProtoSchema, { ids, rounds, hookValues, ...options }: LawOptions): void {
  const planner = createPlanner(schema, options);
  const compiledFilled = compileCodec(schema, { ...options, defaults: 'fill', mode: 'compiled' });
  const interpretedFilled = compileCodec(schema, { ...options, defaults: 'fill', mode: 'interpreted' });
  const compiled = compileCodec(schema, { ...options, mode: 'compiled' });
  const interpreted = compileCodec(schema, { ...options, mode: 'interpreted' });
  for (const name of Object.keys(schema.messages)) {
    for (let round = 0; round < rounds; round++) {
      const given = arbitrary(planner.plan(name), planner, ids, hookValues);
      const bytes = compiled.message(name).encode(given);
      const again = interpreted.message(name).encode(given);
      assert.equal(Buffer.from(again).toString('hex'), Buffer.from(bytes).toString('hex'), name);
      assert.deepEqual(compiled.message(name).decode(bytes), given, name);
      assert.deepEqual(interpreted.message(name).decode(bytes), given, name);
      assert.deepEqual(compiledFilled.message(name).decode(bytes), interpretedFilled.message(name).decode(bytes), name);
      const damaged = damage(bytes, ids);
      assert.deepEqual(outcome(compiled, name, damaged), outcome(interpreted, name, damaged), name);
    }
  }
}

/** `bytes` with a part changed, cut off or repeated. */
export function damage(bytes: Uint8Array, ids: Ids): Uint8Array {
  const at = Math.floor(ids.fraction() * bytes.length);
  const kind = Math.floor(ids.fraction() * 4);
  if (kind === 0) return bytes.slice(0, at);
  if (kind === 1) return Buffer.concat([bytes.subarray(0, at), ids.bytes(1 + Math.floor(ids.fraction() * 4)), bytes.subarray(at)]);
  if (kind === 2) return Buffer.concat([bytes, bytes.subarray(at)]);
  const changed = bytes.slice();
  if (changed.length > 0) changed[at] = Math.floor(ids.fraction() * 256);
  return changed;
}

/** What decoding gives: the object, or the decode error. Any other error is a bug and flies. */
export function outcome(codec: ProtoCodec, name: string, bytes: Uint8Array): unknown {
  try {
    return { value: codec.message(name).decode(bytes) };
  } catch (error) {
    if (!(error instanceof ProtobufDecodeError)) throw error;
    return { refused: error.message, offset: error.offset };
  }
}
