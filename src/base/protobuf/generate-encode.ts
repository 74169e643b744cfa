// Source text of a message's encoder: the walk of ./interpret-encode.ts unrolled over one plan.
import { hooked } from './interpret-encode.ts';
import type { FieldPlan, InlineField, ListField, MapField, MessagePlan, Settings, SingleField, ValuePlan } from './plan.ts';
import type { ScalarType } from './schema.ts';

/**
 * The body of `(w, o)`, which prepends the message `o`. Names it uses: `fields` and `messages` (by place), and the
 * functions of ./compile.ts ENCODE_RUNTIME.
 */
export function encoderSource(plan: MessagePlan, settings: Settings): string {
  return [
    `enter(w, ${settings.maxDepth});`,
    `properties(o, ${text(plan.name)});`,
    ...plan.fields
      .flatMap((field, i) => statements(field, i, settings))
      .toReversed()
      .flat(),
    'w.depth--;',
  ].join('\n');
}

const text = JSON.stringify;

/** The function of ./values.ts that prepends a scalar. */
export function putName(type: ScalarType): string {
  return `put${type.charAt(0).toUpperCase()}${type.slice(1)}`;
}

/** Prepends a tag, known here, without a loop. */
function tag(value: number): string {
  return value < 0x80 ? `w.tag(${value});` : value < 0x4000 ? `w.tag2(${(value & 0x7f) | 0x80}, ${value >>> 7});` : `w.uint32(${value});`;
}

/** Prepends one value of `expression`; `where` is an expression for its plan. */
function put(value: ValuePlan, expression: string, label: string, where: string): string {
  switch (value.kind) {
    case 'scalar':
      return `${putName(value.type)}(w, ${expression}, ${text(label)});`;
    case 'enum':
      return `putEnum(w, ${expression}, ${text(label)}, ${where}.type);`;
    case 'message':
      return `{ const before = w.size; messages[${value.type.index}].encode(w, ${expression}); w.uint32(w.size - before); }`;
  }
}

function statements(field: FieldPlan, i: number, settings: Settings): string[][] {
  switch (field.shape) {
    case 'inline':
      return [inline(field)];
    case 'single':
      return [single(field, i, settings)];
    case 'list':
      return [list(field, i)];
    case 'map':
      return [map(field, i)];
  }
}

function inline(field: InlineField): string[] {
  return [
    '{',
    'const before = w.size;',
    `messages[${field.value.type.index}].encode(w, o);`,
    'const length = w.size - before;',
    `if (${field.always ? 'true' : 'length !== 0'}) { w.uint32(length); ${tag(field.tag)} }`,
    '}',
  ];
}

function single(field: SingleField, i: number, settings: Settings): string[] {
  const { value } = field;
  const where = `fields[${i}].value`;
  const alone = field.rivals.length > 0 ? [`alone(o, fields[${i}].rivals, ${text(field.label)});`] : [];
  const write = [put(value, 'v', field.label, where), tag(field.tag)];
  const present = field.skipZero ? [`if (!${isZero(value, where)}) {`, ...write, '}'] : write;
  const absent =
    value.kind === 'message'
      ? put(value, hooked(value) ? 'undefined' : 'EMPTY', field.label, where)
      : put(value, zero(value, settings, where), field.label, where);
  return [
    '{',
    `const v = o[${text(field.key)}];`,
    'if (v !== undefined && v !== null) {',
    ...alone,
    ...present,
    '}',
    ...(field.always ? ['else {', absent, tag(field.tag), '}'] : []),
    '}',
  ];
}

function isZero(value: ValuePlan, where: string): string {
  if (value.kind === 'scalar' && value.type === 'string') return "(v === '')";
  if (value.kind === 'scalar' && value.type === 'bool') return '(v === false)';
  if (value.kind === 'scalar' && value.type.endsWith('32')) return '(v === 0)';
  return `isZero(${where}, v)`;
}

/** An expression for the zero that an absent `always` field is written as. */
function zero(value: Exclude<ValuePlan, { kind: 'message' }>, settings: Settings, where: string): string {
  if (value.kind === 'scalar' && value.type === 'string') return "''";
  if (value.kind === 'scalar' && value.type === 'bool') return 'false';
  if (value.kind === 'scalar' && value.type !== 'bytes') return '0';
  return `zeroOf(${where}, ${text(settings.bytes)}, 'number')`;
}

/** An expression for a list element or map value. */
function given({ value }: ListField | MapField, expression: string): string {
  return hooked(value) ? `${expression} ?? undefined` : expression;
}

function list(field: ListField, i: number): string[] {
  const element = put(field.value, given(field, 'items[i]'), field.label, `fields[${i}].value`);
  return [
    '{',
    `const v = o[${text(field.key)}];`,
    'if (v !== undefined && v !== null) {',
    `const items = list(v, ${text(field.label)});`,
    ...(field.packed ? ['if (items.length > 0) {', 'const start = w.size;'] : []),
    'for (let i = items.length - 1; i >= 0; i--) {',
    element,
    field.packed ? '' : tag(field.tag),
    '}',
    ...(field.packed ? ['w.uint32(w.size - start);', tag(field.tag), '}'] : []),
    '}',
    '}',
  ];
}

function map(field: MapField, i: number): string[] {
  const { value, mapKey } = field;
  return [
    '{',
    `const v = o[${text(field.key)}];`,
    'if (v !== undefined && v !== null) {',
    `const map = properties(v, ${text(field.label)});`,
    `const keys = sortedKeys(map, ${text(mapKey.type)});`,
    'for (let i = keys.length - 1; i >= 0; i--) {',
    'const key = keys[i];',
    'const start = w.size;',
    put(value, given(field, 'map[key]'), field.label, `fields[${i}].value`),
    tag((2 << 3) | value.wire),
    mapKey.type === 'string' ? 'w.string(key);' : `putMapKey(w, key, ${text(mapKey.type)}, ${text(field.label)});`,
    tag((1 << 3) | mapKey.wire),
    'w.uint32(w.size - start);',
    tag(field.tag),
    '}',
    '}',
    '}',
  ];
}
