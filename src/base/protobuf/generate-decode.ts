// Source text of a message's decoder: the walk of ./interpret-decode.ts unrolled over one plan.
import type { FieldPlan, ListField, MapField, MessagePlan, Settings, SingleField, ValuePlan } from './plan.ts';
import { DELIMITED } from './reader.ts';
import { zeroKey } from './map-keys.ts';

/**
 * The body of `(r, end, o)`, which reads a message into `o` or a new object. Names it uses: `fields` and `messages`
 * (by place), `Plain`, and the functions of ./compile.ts DECODE_RUNTIME.
 */
export function decoderSource(plan: MessagePlan, settings: Settings): string {
  const unknown = plan.fields.map((field, i) => `case ${field.n}: wrongWireType(r, tag, fields[${i}]);`);
  return [
    'if (++r.depth > r.maxDepth) r.tooDeep();',
    'if (o === undefined) {',
    'o = new Plain();',
    ...(settings.defaults === 'fill' ? defaults(plan, settings) : []),
    '}',
    'const buffer = r.buffer;',
    'while (r.pos < end) {',
    'let tag = buffer[r.pos];',
    'if (tag < 128) r.pos++; else tag = r.uint32();',
    'switch (tag) {',
    ...plan.fields.flatMap((field, i) => cases(field, i, settings)),
    `default: switch (tag >>> 3) { ${unknown.join(' ')} default: r.skip(tag, end); }`,
    '}',
    '}',
    'r.depth--;',
    `if (r.pos !== end) r.fail(${text(`${plan.name} runs past its end`)});`,
    'return o;',
  ].join('\n');
}

const text = JSON.stringify;

function property(key: string): string {
  return `o[${text(key)}]`;
}

function defaults(plan: MessagePlan, settings: Settings): string[] {
  return plan.fields.flatMap((field, i): string[] => {
    switch (field.shape) {
      case 'list':
        return [`${property(field.key)} = [];`];
      case 'map':
        return [`${property(field.key)} = {};`];
      case 'inline':
        return [`fill(fields[${i}].value.type, o);`];
      case 'single':
        return field.filled ? [`${property(field.key)} = ${zero(field.value, settings, `fields[${i}].value`)};`] : [];
    }
  });
}

/** An expression for the zero of a value; `where` is an expression for its plan. */
function zero(value: ValuePlan, settings: Settings, where: string): string {
  if (value.kind === 'scalar' && value.type === 'string') return "''";
  if (value.kind === 'scalar' && value.type === 'bool') return 'false';
  if (value.kind === 'scalar' && (value.type.endsWith('32') || value.type === 'double' || value.type === 'float')) return '0';
  return `zeroOf(${where}, ${text(settings.bytes)}, ${text(settings.enums)})`;
}

/** An expression that reads one value; `where` is an expression for its plan, `into` for what it adds to. */
function read(value: ValuePlan, settings: Settings, where: string, end: string, into = 'undefined'): string {
  switch (value.kind) {
    case 'enum':
      return `getEnum(r, ${where}.type, ${text(settings.enums)})`;
    case 'message':
      return `messages[${value.type.index}].decode(r, r.delimited(${end}), ${into})`;
    case 'scalar':
      return scalar(value, settings, end);
  }
}

function scalar(value: ValuePlan & { kind: 'scalar' }, settings: Settings, end: string): string {
  switch (value.type) {
    case 'string':
      return `r.string(${end})`;
    case 'bytes':
      return `r.bytes(${text(settings.bytes)}, ${end})`;
    case 'int64':
      return value.int64 === 'number' ? 'r.int64Number()' : `r.int64(${text(value.int64)})`;
    case 'uint64':
    case 'sint64':
    case 'fixed64':
    case 'sfixed64':
      return `r.${value.type}(${text(value.int64)})`;
    default:
      return `r.${value.type}()`;
  }
}

function cases(field: FieldPlan, i: number, settings: Settings): string[] {
  switch (field.shape) {
    case 'inline':
      return [`case ${field.tag}: ${read(field.value, settings, '', 'end', 'o')}; break;`];
    case 'single':
      return single(field, i, settings);
    case 'list':
      return list(field, i, settings);
    case 'map':
      return map(field, i, settings);
  }
}

function single(field: SingleField, i: number, settings: Settings): string[] {
  const { value } = field;
  const target = property(field.key);
  const where = `fields[${i}].value`;
  const leave = `if (${target} !== undefined) delete ${target};`;
  const rivals = field.rivals.map((key) => `if (${property(key)} !== undefined) delete ${property(key)};`);
  const expression = read(value, settings, where, 'end', target);
  const store =
    value.kind === 'message' && value.type.hook !== undefined
      ? [`const v = ${expression};`, ...rivals, `if (v !== undefined) ${target} = v; else ${leave}`]
      : value.kind !== 'message' && field.dropZero
        ? [`const v = ${expression};`, ...rivals, `if (!isZero(${where}, v)) ${target} = v; else ${leave}`]
        : [`${target} = ${expression};`, ...rivals];
  return [`case ${field.tag}: {`, ...store, 'break;', '}'];
}

function list(field: ListField, i: number, settings: Settings): string[] {
  const { value } = field;
  const where = `fields[${i}].value`;
  const items = `const items = ${property(field.key)} ??= [];`;
  const element = read(value, settings, where, 'end');
  const hooked = value.kind === 'message' && value.type.hook !== undefined;
  const cases = [`case ${field.elementTag}: {`, items, `items.push(${hooked ? `${element} ?? null` : element});`, 'break;', '}'];
  if (value.wire === DELIMITED) return cases;
  return [
    ...cases,
    `case ${((field.n << 3) | DELIMITED) >>> 0}: {`,
    items,
    'const stop = r.delimited(end);',
    `while (r.pos < stop) items.push(${read(value, settings, where, 'stop')});`,
    `if (r.pos !== stop) r.fail(${text(`${field.label} runs past its end`)});`,
    'break;',
    '}',
  ];
}

function map(field: MapField, i: number, settings: Settings): string[] {
  const { value, mapKey } = field;
  const where = `fields[${i}].value`;
  const keyTag = (1 << 3) | mapKey.wire;
  const valueTag = (2 << 3) | value.wire;
  const empty = value.kind === 'message' ? `messages[${value.type.index}].decode(r, r.pos, undefined)` : zero(value, settings, where);
  return [
    `case ${field.tag}: {`,
    'const stop = r.delimited(end);',
    `let k = ${text(zeroKey(mapKey.type))}, v, seen = false;`,
    'while (r.pos < stop) {',
    'const tag = r.uint32();',
    'switch (tag) {',
    `case ${keyTag}: k = ${mapKey.type === 'string' ? 'r.string(stop)' : `getMapKey(r, ${text(mapKey.type)}, stop)`}; break;`,
    `case ${valueTag}: v = ${read(value, settings, where, 'stop', 'v')}; seen = true; break;`,
    `default: if (tag >>> 3 === 1 || tag >>> 3 === 2) wrongWireType(r, tag, fields[${i}]); r.skip(tag, stop);`,
    '}',
    '}',
    `if (r.pos !== stop) r.fail(${text(`${field.label} runs past its end`)});`,
    `if (!seen) v = ${empty};`,
    `setOwn(${property(field.key)} ??= {}, k, v === undefined ? null : v);`,
    'break;',
    '}',
  ];
}
