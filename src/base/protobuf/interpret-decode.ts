// Decodes by walking the plans: the form that needs no code generation, and the reference the generated code is held to.
import { getMapKey, zeroKey } from './map-keys.ts';
import type { FieldPlan, ListField, MapField, MessagePlan, Settings, SingleField, ValuePlan } from './plan.ts';
import { DELIMITED, type ProtoReader } from './reader.ts';
import { getEnum, getScalar, isZero, type Properties, setOwn, zeroOf } from './values.ts';

/** Field plans by number, for one message. */
type Table = ReadonlyMap<number, FieldPlan>;

/** Key and value of a map entry. Source: protobuf encoding specification, "Maps". */
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;

/** Reads a message's body from `reader.pos` to `end`; `into` is what an earlier part of the same message gave. */
export type DecodeMessage = (reader: ProtoReader, end: number, plan: MessagePlan, into?: unknown) => unknown;

export function interpretingDecoder(settings: Settings): DecodeMessage {
  const tables = new Map<MessagePlan, Table>();

  const tableOf = (plan: MessagePlan): Table => {
    let table = tables.get(plan);
    if (table === undefined) tables.set(plan, (table = new Map(plan.fields.map((field) => [field.n, field]))));
    return table;
  };

  const message: DecodeMessage = (reader, end, plan, into) => {
    reader.enter();
    let result: unknown;
    if (plan.hook !== undefined) result = plan.hook.decode(reader, end);
    else {
      result = into ?? (settings.defaults === 'fill' ? filled(plan, settings) : {});
      fields(reader, end, plan, result as Properties);
    }
    reader.leave();
    if (reader.pos !== end) reader.fail(`${plan.name} runs past its end`);
    return result;
  };

  const fields = (reader: ProtoReader, end: number, plan: MessagePlan, into: Properties): void => {
    const table = tableOf(plan);
    while (reader.pos < end) {
      const tag = reader.uint32();
      const field = table.get(tag >>> 3);
      if (field === undefined) reader.skip(tag, end);
      else one(reader, end, tag, field, into);
    }
  };

  const one = (reader: ProtoReader, end: number, tag: number, field: FieldPlan, into: Properties): void => {
    if (field.shape === 'list') return element(reader, end, tag, field, into);
    if (tag !== field.tag) wrongWireType(reader, tag, field);
    switch (field.shape) {
      case 'inline': {
        const stop = reader.delimited(end);
        message(reader, stop, field.value.type, into);
        return;
      }
      case 'map':
        entry(reader, reader.delimited(end), field, into);
        return;
      case 'single':
        single(reader, end, field, into);
    }
  };

  const value = (reader: ProtoReader, end: number, plan: ValuePlan, into?: unknown): unknown => {
    switch (plan.kind) {
      case 'scalar':
        return getScalar(reader, plan.type, plan.int64, settings.bytes, end);
      case 'enum':
        return getEnum(reader, plan.type, settings.enums);
      case 'message':
        return message(reader, reader.delimited(end), plan.type, into);
    }
  };

  const single = (reader: ProtoReader, end: number, field: SingleField, into: Properties): void => {
    const { key } = field;
    const read = value(reader, end, field.value, into[key]);
    for (const rival of field.rivals) if (into[rival] !== undefined) delete into[rival];
    const dropped = field.dropZero && field.value.kind !== 'message' && isZero(field.value, read);
    if (read !== undefined && !dropped) into[key] = read;
    else if (into[key] !== undefined) delete into[key];
  };

  const element = (reader: ProtoReader, end: number, tag: number, field: ListField, into: Properties): void => {
    const items = (into[field.key] ??= []) as unknown[];
    if (tag === field.elementTag) {
      const read = value(reader, end, field.value);
      items.push(read === undefined ? null : read);
    } else if ((tag & 7) === DELIMITED && field.value.wire !== DELIMITED) {
      const stop = reader.delimited(end);
      while (reader.pos < stop) items.push(value(reader, stop, field.value));
      if (reader.pos !== stop) reader.fail(`${field.label} runs past its end`);
    } else wrongWireType(reader, tag, field);
  };

  const entry = (reader: ProtoReader, end: number, field: MapField, into: Properties): void => {
    let key = zeroKey(field.mapKey.type);
    let read: unknown;
    let seen = false;
    while (reader.pos < end) {
      const tag = reader.uint32();
      const number = tag >>> 3;
      const expected = number === ENTRY_KEY ? field.mapKey.wire : number === ENTRY_VALUE ? field.value.wire : undefined;
      if (expected === undefined) reader.skip(tag, end);
      else if (expected !== (tag & 7)) wrongWireType(reader, tag, field);
      else if (number === ENTRY_KEY) key = getMapKey(reader, field.mapKey.type, end);
      else {
        read = value(reader, end, field.value, read);
        seen = true;
      }
    }
    if (reader.pos !== end) reader.fail(`${field.label} runs past its end`);
    if (!seen) read = emptyValue(field.value, reader, settings, message);
    setOwn((into[field.key] ??= {}) as Properties, key, read === undefined ? null : read);
  };

  return message;
}

/** The value of a map entry that carries none. */
export function emptyValue(value: ValuePlan, reader: ProtoReader, settings: Settings, message: DecodeMessage): unknown {
  if (value.kind === 'message') return message(reader, reader.pos, value.type);
  return zeroOf(value, settings.bytes, settings.enums);
}

/** @throws ProtobufDecodeError always */
export function wrongWireType(reader: ProtoReader, tag: number, field: { readonly label: string }): never {
  return reader.fail(`${field.label} has wire type ${tag & 7}`);
}

/** An object with every default of `plan`: see `defaults: 'fill'`. */
export function filled(plan: MessagePlan, settings: Settings, into: Properties = {}): Properties {
  for (const field of plan.fields) {
    switch (field.shape) {
      case 'list':
        into[field.key] = [];
        break;
      case 'map':
        into[field.key] = {};
        break;
      case 'inline':
        filled(field.value.type, settings, into);
        break;
      case 'single':
        if (field.filled && field.value.kind !== 'message') into[field.key] = zeroOf(field.value, settings.bytes, settings.enums);
    }
  }
  return into;
}
