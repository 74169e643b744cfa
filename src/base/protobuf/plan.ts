// Resolves a schema and options into plans: every question that can be answered before there is a value or a byte.
// The interpreter and the code generator both follow these plans, so they cannot read the table differently.
import { DELIMITED, FIXED32, FIXED64, VARINT } from './reader.ts';
import type { CodecOptions, Int64Form, MessageHook, ProtoField, ProtoSchema, ScalarType } from './schema.ts';

const SCALAR_WIRE: Readonly<Record<ScalarType, number>> = {
  double: FIXED64,
  float: FIXED32,
  int32: VARINT,
  int64: VARINT,
  uint32: VARINT,
  uint64: VARINT,
  sint32: VARINT,
  sint64: VARINT,
  fixed32: FIXED32,
  fixed64: FIXED64,
  sfixed32: FIXED32,
  sfixed64: FIXED64,
  bool: VARINT,
  string: DELIMITED,
  bytes: DELIMITED,
};

/** Types a map key may have. Source: protobuf language specification, "Maps". */
const KEY_TYPES: ReadonlySet<string> = new Set(
  Object.keys(SCALAR_WIRE).filter((type) => type !== 'double' && type !== 'float' && type !== 'bytes'),
);

const MAX_FIELD_NUMBER = 2 ** 29 - 1;
const DEFAULT_MAX_DEPTH = 100;
/** Most nesting any codec allows: a call stack holds several times as many, so input never exhausts it. */
const DEEPEST = 1000;

export interface EnumPlan {
  readonly name: string;
  readonly numbers: ReadonlyMap<string, number>;
  readonly names: ReadonlyMap<number, string>;
}

/** What one value is: a field's, a list element's, a map key's or a map value's. */
export type ValuePlan =
  | { readonly kind: 'scalar'; readonly type: ScalarType; readonly int64: Int64Form; readonly wire: number }
  | { readonly kind: 'enum'; readonly type: EnumPlan; readonly wire: typeof VARINT }
  | { readonly kind: 'message'; readonly type: MessagePlan; readonly wire: typeof DELIMITED };

interface FieldBase {
  /** `message.field`, for errors. */
  readonly label: string;
  /** Property name in JavaScript. */
  readonly key: string;
  readonly n: number;
  /** The tag as written. */
  readonly tag: number;
}

export interface SingleField extends FieldBase {
  readonly shape: 'single';
  readonly value: ValuePlan;
  readonly always: boolean;
  /** A zero is not written (proto3 outside a oneof). */
  readonly skipZero: boolean;
  /** A zero read is no value. */
  readonly dropZero: boolean;
  /** `defaults: 'fill'` gives it its zero: no message, no member of a oneof. */
  readonly filled: boolean;
  /** Property names of the other members of its oneof. */
  readonly rivals: readonly string[];
}

/** The fields of `value` are properties of the containing object. */
export interface InlineField extends FieldBase {
  readonly shape: 'inline';
  readonly value: ValuePlan & { readonly kind: 'message' };
  readonly always: boolean;
}

export interface ListField extends FieldBase {
  readonly shape: 'list';
  readonly value: ValuePlan;
  readonly packed: boolean;
  /** The tag of an element when unpacked; `tag` is that of the packed form if `packed`. */
  readonly elementTag: number;
}

export interface MapField extends FieldBase {
  readonly shape: 'map';
  readonly mapKey: ValuePlan & { readonly kind: 'scalar' };
  readonly value: ValuePlan;
}

export type FieldPlan = SingleField | InlineField | ListField | MapField;

export interface MessagePlan {
  readonly name: string;
  /** Its place in `Planner.messages`. */
  readonly index: number;
  readonly hook: MessageHook | undefined;
  /** By ascending number; resolved at first use, so that recursive types end. */
  readonly fields: readonly FieldPlan[];
}

/** Options with their defaults. */
export type Settings = Required<Omit<CodecOptions, 'mode'>> & { readonly syntax: ProtoSchema['syntax'] };

export interface Planner {
  readonly settings: Settings;
  /** @throws RangeError for a name the schema does not have */
  plan(name: string): MessagePlan;
}

/** `pod_sandbox_id` becomes `podSandboxId`. Source: protobuf specification, "JSON Mapping" (lowerCamelCase). */
export function camelCase(name: string): string {
  return name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A planner over `schema`; each message is resolved once, when it is first asked for. */
export function createPlanner(schema: ProtoSchema, options: CodecOptions): Planner {
  const settings: Settings = {
    syntax: schema.syntax,
    int64: options.int64 ?? 'number',
    bytes: options.bytes ?? 'view',
    enums: options.enums ?? 'name',
    names: options.names ?? 'proto',
    defaults: options.defaults ?? 'omit',
    hooks: options.hooks ?? {},
    maxDepth: Math.min(options.maxDepth ?? DEFAULT_MAX_DEPTH, DEEPEST),
  };
  const messages = new Map<string, MessagePlan>();
  const enums = new Map<string, EnumPlan>();

  const plan = (name: string): MessagePlan => {
    const known = messages.get(name);
    if (known !== undefined) return known;
    const message = Object.hasOwn(schema.messages, name) ? schema.messages[name] : undefined;
    const hook = Object.hasOwn(settings.hooks, name) ? settings.hooks[name] : undefined;
    if (message === undefined && hook === undefined) throw new RangeError(`no message ${name} in the schema`);
    let fields: readonly FieldPlan[] | undefined;
    const made: MessagePlan = {
      name,
      index: messages.size,
      hook,
      get fields() {
        return (fields ??= message === undefined ? [] : planFields(name, message.fields, settings, value));
      },
    };
    messages.set(name, made);
    return made;
  };

  const value = (type: string, int64: Int64Form | undefined, where: string): ValuePlan => {
    if (isScalar(type)) return { kind: 'scalar', type, int64: int64 ?? settings.int64, wire: SCALAR_WIRE[type] };
    const values = schema.enums !== undefined && Object.hasOwn(schema.enums, type) ? schema.enums[type] : undefined;
    if (values !== undefined) return { kind: 'enum', type: enumPlan(type, values), wire: VARINT };
    try {
      return { kind: 'message', type: plan(type), wire: DELIMITED };
    } catch (error) {
      throw new RangeError(`${where} has unknown type ${type}`, { cause: error });
    }
  };

  const enumPlan = (name: string, values: Readonly<Record<string, number>>): EnumPlan => {
    const known = enums.get(name);
    if (known !== undefined) return known;
    const entries = Object.entries(values);
    // Reversed, so that of aliases the first name stands.
    const names = new Map(entries.toReversed().map(([text, number]) => [number, text]));
    const made = { name, numbers: new Map(entries), names };
    enums.set(name, made);
    return made;
  };

  return { settings, plan };
}

type ResolveValue = (type: string, int64: Int64Form | undefined, where: string) => ValuePlan;

function planFields(
  message: string,
  fields: Readonly<Record<string, ProtoField>>,
  settings: Settings,
  resolve: ResolveValue,
): readonly FieldPlan[] {
  const keyOf = (name: string, field: ProtoField): string => field.json ?? (settings.names === 'camel' ? camelCase(name) : name);
  const rivalsOf = (name: string, oneof: string | undefined): string[] =>
    oneof === undefined
      ? []
      : Object.entries(fields)
          .filter(([other, field]) => field.oneof === oneof && other !== name)
          .map(([other, field]) => keyOf(other, field));

  const planned = Object.entries(fields).map(([name, field]): FieldPlan => {
    const label = `${message}.${name}`;
    if (!Number.isInteger(field.n) || field.n < 1 || field.n > MAX_FIELD_NUMBER) throw new RangeError(`${label} has number ${field.n}`);
    const base = { label, key: keyOf(name, field), n: field.n };
    if (field.label === 'map') {
      const mapKey = resolve(field.key ?? 'string', 'string', label);
      if (mapKey.kind !== 'scalar' || !KEY_TYPES.has(mapKey.type)) throw new RangeError(`${label} has key type ${field.key}`);
      const value = resolve(field.value ?? '', field.int64, label);
      return { ...base, shape: 'map', tag: tagOf(field.n, DELIMITED), mapKey, value };
    }
    const value = resolve(field.type, field.int64, label);
    const tag = tagOf(field.n, value.wire);
    if (field.label === 'repeated') {
      const packed = settings.syntax === 'proto3' && value.wire !== DELIMITED;
      return { ...base, shape: 'list', tag: packed ? tagOf(field.n, DELIMITED) : tag, elementTag: tag, packed, value };
    }
    if (field.inline === true) {
      if (value.kind !== 'message' || value.type.hook !== undefined) throw new RangeError(`${label} is inlined but no plain message`);
      return { ...base, shape: 'inline', tag, value, always: field.always === true };
    }
    const explicit = settings.syntax === 'proto2' || field.oneof !== undefined || value.kind === 'message';
    return {
      ...base,
      shape: 'single',
      tag,
      value,
      always: field.always === true,
      skipZero: !explicit && field.always !== true,
      dropZero: field.zero === 'absent',
      filled: value.kind !== 'message' && field.oneof === undefined,
      rivals: rivalsOf(name, field.oneof),
    };
  });
  const sorted = planned.toSorted((a, b) => a.n - b.n);
  for (const [i, { label, key, n }] of sorted.entries()) {
    if (key === '__proto__') throw new RangeError(`${label} would be a property named __proto__`);
    if (sorted[i + 1]?.n === n) throw new RangeError(`${label} shares number ${n}`);
  }
  return sorted;
}

function tagOf(n: number, wire: number): number {
  return ((n << 3) | wire) >>> 0;
}

function isScalar(type: string): type is ScalarType {
  return Object.hasOwn(SCALAR_WIRE, type);
}
