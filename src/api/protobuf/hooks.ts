// Kubernetes' own scalars: messages in protobuf, one value in JSON. Fields are written last first, as the writer goes.
import { parseExactly } from '#apimachinery/json.ts';
import { formatDurationNs, parseDurationNs } from '#apimachinery/duration.ts';
import { fieldsText } from '../fields-text.ts';
import { goJson } from '#apimachinery/go-format.ts';
import { formatMicroTime, formatTime, parseTime } from '#apimachinery/time.ts';
import type { ProtoReader } from '#base/protobuf/reader.ts';
import type { MessageHook } from '#base/protobuf/schema.ts';
import type { ProtoWriter } from '#base/protobuf/writer.ts';

const VARINT = 0;
const DELIMITED = 2;
const tag = (field: number, wireType: number): number => (field << 3) | wireType;

/** Calls `field` with each field's number; it reads the value, or answers false to have it skipped. */
export function eachField(reader: ProtoReader, end: number, field: (number: number, wireType: number) => boolean): void {
  while (reader.pos < end) {
    const read = reader.uint32();
    if (!field(read >>> 3, read & 7)) reader.skip(read, end);
  }
}

const NANOS_A_MICRO = 1000;
/** Go's zero time, seconds since the epoch. */
const ZERO_TIME_SECONDS = -62_135_596_800;

/** Seconds and nanoseconds; empty for the zero time. Source: Time.ProtoTime, MicroTime.ProtoMicroTime. */
function timeHook(format: (ms: number) => string, precise: boolean): MessageHook {
  return {
    encode(writer, value) {
      if (typeof value !== 'string') return;
      const seconds = Math.floor(parseTime(value) / 1000);
      const micros = precise ? Number(/\.(\d{6})Z$/.exec(value)?.[1] ?? 0) : 0;
      writer.int32(micros * NANOS_A_MICRO);
      writer.byte(tag(2, VARINT));
      writer.int64(seconds);
      writer.byte(tag(1, VARINT));
    },
    decode(reader, end) {
      if (reader.pos === end) return null;
      let seconds = 0;
      let nanos = 0;
      eachField(reader, end, (number, wireType) => {
        if (wireType !== VARINT) return false;
        if (number === 1) seconds = reader.int64Number();
        else if (number === 2) nanos = reader.int32();
        else return false;
        return true;
      });
      if (Math.abs(seconds) > -ZERO_TIME_SECONDS * 5) reader.fail(`time of ${seconds} seconds`);
      const micros = precise ? Math.trunc(nanos / NANOS_A_MICRO) : 0;
      return seconds === ZERO_TIME_SECONDS && micros === 0 ? null : withMicros(format(seconds * 1000), micros);
    },
  };
}

/** `format` has written whole seconds; doubles do not hold microseconds of every year. */
function withMicros(text: string, micros: number): string {
  return micros === 0 ? text : `${text.slice(0, -'000000Z'.length)}${String(micros).padStart(6, '0')}Z`;
}

/** `{string}`, in canonical form. */
const quantity: MessageHook = {
  encode(writer, value) {
    writer.string(value === undefined || value === null ? '0' : String(value));
    writer.byte(tag(1, DELIMITED));
  },
  decode(reader, end) {
    let text = '0';
    eachField(reader, end, (number, wireType) => {
      if (number !== 1 || wireType !== DELIMITED) return false;
      text = reader.string(end);
      return true;
    });
    return text === '' ? '0' : text;
  },
};

/** `{type, intVal, strVal}`; type 0 is a number. */
const intOrString: MessageHook = {
  encode(writer, value) {
    writer.string(typeof value === 'string' ? value : '');
    writer.byte(tag(3, DELIMITED));
    writer.int32(typeof value === 'number' ? value : 0);
    writer.byte(tag(2, VARINT));
    writer.int64(typeof value === 'string' ? 1 : 0);
    writer.byte(tag(1, VARINT));
  },
  decode(reader, end) {
    let isString = false;
    let int = 0;
    let text = '';
    eachField(reader, end, (number, wireType) => {
      if (number === 1 && wireType === VARINT) isString = reader.int64Number() === 1;
      else if (number === 2 && wireType === VARINT) int = reader.int32();
      else if (number === 3 && wireType === DELIMITED) text = reader.string(end);
      else return false;
      return true;
    });
    return isString ? text : int;
  },
};

/** Free-form values are JSON text in a bytes field, as Go writes it: clients compare the bytes of revisions with their own. */
const json: MessageHook = {
  encode(writer, value) {
    if (value === undefined || value === null) return;
    writer.string(goJson(value));
    writer.byte(tag(1, DELIMITED));
  },
  decode(reader, end) {
    let value: unknown = null;
    eachField(reader, end, (number, wireType) => {
      if (number !== 1 || wireType !== DELIMITED) return false;
      const stop = reader.delimited(end);
      value = parse(reader, reader.utf8(reader.pos, stop));
      reader.pos = stop;
      return true;
    });
    return value;
  },
};

/** As json. */
const fieldsV1: MessageHook = {
  ...json,
  encode(writer, value) {
    if (!isObject(value)) return;
    writer.string(fieldsText(value as object));
    writer.byte(tag(1, DELIMITED));
  },
};

function parse(reader: ProtoReader, text: string): unknown {
  if (text === '') return null;
  try {
    return parseExactly(text);
  } catch (error) {
    if (error instanceof SyntaxError) return reader.fail('embedded value is not JSON');
    throw error;
  }
}

/** `{items}`: a list of strings that is a value of its own in a map. */
const strings: MessageHook = {
  encode(writer, value) {
    for (const item of (Array.isArray(value) ? value : []).toReversed()) {
      writer.string(String(item));
      writer.byte(tag(1, DELIMITED));
    }
  },
  decode(reader, end) {
    const items: string[] = [];
    eachField(reader, end, (number, wireType) => {
      if (number !== 1 || wireType !== DELIMITED) return false;
      items.push(reader.string(end));
      return true;
    });
    return items;
  },
};

/** Nanoseconds. */
const duration: MessageHook = {
  encode(writer, value) {
    writer.int64(typeof value === 'string' ? parseDurationNs(value) : 0n);
    writer.byte(tag(1, VARINT));
  },
  decode(reader, end) {
    let nanoseconds = 0n;
    eachField(reader, end, (number, wireType) => {
      if (number !== 1 || wireType !== VARINT) return false;
      nanoseconds = reader.int64('bigint') as bigint;
      return true;
    });
    return formatDurationNs(nanoseconds);
  },
};

const META = 'k8s.io.apimachinery.pkg.apis.meta.v1.';
const EXTENSIONS = 'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.';

export const SCALAR_HOOKS: Readonly<Record<string, MessageHook>> = {
  [`${META}Time`]: timeHook(formatTime, false),
  [`${META}MicroTime`]: timeHook(formatMicroTime, true),
  [`${META}Duration`]: duration,
  [`${META}FieldsV1`]: fieldsV1,
  [`${META}Verbs`]: strings,
  'k8s.io.apimachinery.pkg.api.resource.Quantity': quantity,
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString': intOrString,
  'k8s.io.apimachinery.pkg.runtime.RawExtension': json,
  'k8s.io.api.authentication.v1.ExtraValue': strings,
  'k8s.io.api.authorization.v1.ExtraValue': strings,
  'k8s.io.api.certificates.v1.ExtraValue': strings,
  [`${EXTENSIONS}JSON`]: json,
};

/** The codec of one message, as the hooks for JSON schemas need it. */
interface Nested {
  write(writer: ProtoWriter, value: unknown): void;
  read(reader: ProtoReader, end: number): unknown;
}

/** Members of a JSON schema that are a schema or something else. Source: apiextensions v1 JSONSchemaPropsOr*. */
export function schemaHooks(props: () => Nested): Readonly<Record<string, MessageHook>> {
  const writeProps = (writer: ProtoWriter, value: unknown, field: number): void => {
    const before = writer.size;
    props().write(writer, value);
    writer.uint32(writer.size - before);
    writer.byte(tag(field, DELIMITED));
  };
  const readProps = (reader: ProtoReader, end: number): unknown => {
    const stop = reader.delimited(end);
    reader.enter();
    const value = props().read(reader, stop);
    reader.leave();
    return value;
  };
  return {
    [`${EXTENSIONS}JSONSchemaPropsOrArray`]: {
      encode(writer, value) {
        if (Array.isArray(value)) for (const item of value.toReversed()) writeProps(writer, item, 2);
        else if (isObject(value)) writeProps(writer, value, 1);
      },
      decode(reader, end) {
        let one: unknown = null;
        const many: unknown[] = [];
        eachField(reader, end, (number, wireType) => {
          if (wireType !== DELIMITED || number > 2) return false;
          if (number === 1) one = readProps(reader, end);
          else many.push(readProps(reader, end));
          return true;
        });
        return many.length > 0 ? many : one;
      },
    },
    [`${EXTENSIONS}JSONSchemaPropsOrBool`]: {
      encode(writer, value) {
        if (isObject(value)) writeProps(writer, value, 2);
        writer.bool(value === true || isObject(value));
        writer.byte(tag(1, VARINT));
      },
      decode(reader, end) {
        let allows = false;
        let schema: unknown;
        eachField(reader, end, (number, wireType) => {
          if (number === 1 && wireType === VARINT) allows = reader.bool();
          else if (number === 2 && wireType === DELIMITED) schema = readProps(reader, end);
          else return false;
          return true;
        });
        return schema ?? allows;
      },
    },
    [`${EXTENSIONS}JSONSchemaPropsOrStringArray`]: {
      encode(writer, value) {
        if (Array.isArray(value)) {
          for (const item of value.toReversed()) {
            writer.string(String(item));
            writer.byte(tag(2, DELIMITED));
          }
        } else if (isObject(value)) writeProps(writer, value, 1);
      },
      decode(reader, end) {
        let schema: unknown = null;
        const names: string[] = [];
        eachField(reader, end, (number, wireType) => {
          if (wireType !== DELIMITED || number > 2) return false;
          if (number === 1) schema = readProps(reader, end);
          else names.push(reader.string(end));
          return true;
        });
        return names.length > 0 ? names : schema;
      },
    },
  };
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);
