// compileCodec: from a schema to codecs of its messages. Chooses between generated and interpreted code, owns the
// write buffer that successive encodes share.
import { type EncodeMessage, interpretingEncoder } from './interpret-encode.ts';
import { type DecodeMessage, interpretingDecoder } from './interpret-decode.ts';
import { createPlanner, type MessagePlan, type Settings } from './plan.ts';
import { ProtoReader, type ReaderOptions } from './reader.ts';
import type { CodecOptions, MessageCodec, ProtoCodec, ProtoSchema } from './schema.ts';
import { ProtoWriter } from './writer.ts';

/**
 * Codecs for the messages of `schema`, straight from and to JSON-shaped objects.
 * @throws RangeError later, from `message`, where the schema names a type it does not have
 */
export function compileCodec(schema: ProtoSchema, options: CodecOptions = {}): ProtoCodec {
  const { settings, plan } = createPlanner(schema, options);
  const mode = 'interpreted';
  const decode = interpretingDecoder(settings);
  const encode = interpretingEncoder(settings);
  const codecs = new Map<string, MessageCodec>();
  return {
    mode,
    message<T>(name: string): MessageCodec<T> {
      let codec = codecs.get(name);
      if (codec === undefined) codecs.set(name, (codec = messageCodec(plan(name), settings, encode, decode)));
      return codec as MessageCodec<T>;
    },
  };
}

function messageCodec(plan: MessagePlan, settings: Settings, encode: EncodeMessage, decode: DecodeMessage): MessageCodec {
  const readerOptions: ReaderOptions = { maxDepth: settings.maxDepth, strictUtf8: settings.syntax === 'proto3' };
  return {
    name: plan.name,
    encode(value) {
      const writer = takeWriter();
      encode(writer, plan, value);
      const bytes = writer.finish();
      spare = writer;
      return bytes;
    },
    decode(bytes) {
      return decode(new ProtoReader(bytes, readerOptions), bytes.length, plan);
    },
    write: (writer, value) => encode(writer, plan, value),
    read: (reader, end) => decode(reader, end, plan),
  };
}

/** The writer of the last encode. A hook that encodes finds none and gets its own; one that threw is dropped. */
let spare: ProtoWriter | undefined;

function takeWriter(): ProtoWriter {
  const writer = spare ?? new ProtoWriter();
  spare = undefined;
  return writer;
}
