// Encodes by walking the plans, last field first (see ./writer.ts): the form that needs no code generation, and the
// reference the generated code is held to.
import { ProtobufEncodeError } from './errors.ts';
import { putMapKey, sortedKeys } from './map-keys.ts';
import type { FieldPlan, ListField, MapField, MessagePlan, Settings, SingleField, ValuePlan } from './plan.ts';
import { alone, isZero, list, type Properties, properties, PUT_SCALAR, putEnum, zeroOf } from './values.ts';
import type { ProtoWriter } from './writer.ts';

/** Tags of a map entry: key is field 1, value field 2. Source: protobuf encoding specification, "Maps". */
const ENTRY_KEY = 1 << 3;
const ENTRY_VALUE = 2 << 3;

/** Prepends a message's body. */
export type EncodeMessage = (writer: ProtoWriter, plan: MessagePlan, value: unknown) => void;

export const EMPTY: Properties = Object.freeze({});

/** Counts one more level of nesting. @throws ProtobufEncodeError when there are too many: a cycle, perhaps */
export function enter(writer: ProtoWriter, maxDepth: number): void {
  if (++writer.depth > maxDepth) throw new ProtobufEncodeError(`nested deeper than ${maxDepth}`);
}

export function interpretingEncoder(settings: Settings): EncodeMessage {
  const message: EncodeMessage = (writer, plan, given) => {
    enter(writer, settings.maxDepth);
    if (plan.hook !== undefined) plan.hook.encode(writer, given);
    else {
      const object = properties(given, plan.name);
      for (let i = plan.fields.length - 1; i >= 0; i--) field(writer, plan.fields[i] as FieldPlan, object);
    }
    writer.depth--;
  };

  const field = (writer: ProtoWriter, plan: FieldPlan, object: Properties): void => {
    if (plan.shape === 'inline') return inline(writer, plan, object);
    const given = object[plan.key];
    const absent = given === undefined || given === null;
    if (plan.shape === 'single') {
      if (!absent) single(writer, plan, object, given);
      else if (plan.always) zero(writer, plan);
    } else if (!absent) {
      if (plan.shape === 'list') elements(writer, plan, list(given, plan.label));
      else entries(writer, plan, properties(given, plan.label));
    }
  };

  const inline = (writer: ProtoWriter, plan: FieldPlan & { shape: 'inline' }, object: Properties): void => {
    const before = writer.size;
    message(writer, plan.value.type, object);
    const length = writer.size - before;
    if (length === 0 && !plan.always) return;
    writer.uint32(length);
    writer.uint32(plan.tag);
  };

  const single = (writer: ProtoWriter, plan: SingleField, object: Properties, given: unknown): void => {
    if (plan.rivals.length > 0) alone(object, plan.rivals, plan.label);
    if (plan.skipZero && plan.value.kind !== 'message' && isZero(plan.value, given)) return;
    value(writer, plan.value, given, plan.label);
    writer.uint32(plan.tag);
  };

  const zero = (writer: ProtoWriter, plan: SingleField): void => {
    value(writer, plan.value, absent(plan.value, settings), plan.label);
    writer.uint32(plan.tag);
  };

  const value = (writer: ProtoWriter, plan: ValuePlan, given: unknown, label: string): void => {
    switch (plan.kind) {
      case 'scalar':
        PUT_SCALAR[plan.type](writer, given, label);
        return;
      case 'enum':
        putEnum(writer, given, label, plan.type);
        return;
      case 'message': {
        const before = writer.size;
        message(writer, plan.type, given);
        writer.uint32(writer.size - before);
      }
    }
  };

  const elements = (writer: ProtoWriter, plan: ListField, items: readonly unknown[]): void => {
    if (items.length === 0) return;
    const before = writer.size;
    for (let i = items.length - 1; i >= 0; i--) {
      value(writer, plan.value, hooked(plan.value) ? (items[i] ?? undefined) : items[i], plan.label);
      if (!plan.packed) writer.uint32(plan.tag);
    }
    if (plan.packed) {
      writer.uint32(writer.size - before);
      writer.uint32(plan.tag);
    }
  };

  const entries = (writer: ProtoWriter, plan: MapField, map: Properties): void => {
    const keys = sortedKeys(map, plan.mapKey.type);
    for (let i = keys.length - 1; i >= 0; i--) {
      const key = keys[i] as string;
      const before = writer.size;
      value(writer, plan.value, hooked(plan.value) ? (map[key] ?? undefined) : map[key], plan.label);
      writer.uint32(ENTRY_VALUE | plan.value.wire);
      putMapKey(writer, key, plan.mapKey.type, plan.label);
      writer.uint32(ENTRY_KEY | plan.mapKey.wire);
      writer.uint32(writer.size - before);
      writer.uint32(plan.tag);
    }
  };

  return message;
}

/** A hook may give a missing list element or map value a meaning; it gets undefined for null, too. */
export function hooked(value: ValuePlan): boolean {
  return value.kind === 'message' && value.type.hook !== undefined;
}

/** What an absent `always` field is written as. */
function absent(value: ValuePlan, settings: Settings): unknown {
  if (value.kind === 'message') return value.type.hook === undefined ? EMPTY : undefined;
  return zeroOf(value, settings.bytes, 'number');
}
