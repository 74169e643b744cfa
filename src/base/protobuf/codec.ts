// compileCodec: from a schema to codecs of its messages. Chooses between generated and interpreted code and owns the
// write buffer that successive encodes share.
import { canCompile, createCompiler, type MessageProgram } from './compile.ts';
import { interpretingDecoder } from './interpret-decode.ts';
import { interpretingEncoder } from './interpret-encode.ts';
import { createPlanner, type MessagePlan, type Settings } from './plan.ts';
import { ProtoReader, type ReaderOptions } from './reader.ts';
import type { CodecOptions, MessageCodec, ProtoCodec, ProtoSchema } from './schema.ts';
import { ProtoWriter } from './writer.ts';

/**
 * Codecs for the messages of `schema`, straight from and to JSON-shaped objects.
 * @throws RangeError here or at the first use of a message, where the schema names a type it does not have
 */
export function compileCodec(schema: ProtoSchema, options: CodecOptions = {}): ProtoCodec {
  const planner = createPlanner(schema, options);
  const mode = options.mode === 'compiled' || (options.mode !== 'interpreted' && canCompile()) ? 'compiled' : 'interpreted';
  const programOf = mode === 'compiled' ? createCompiler(planner) : interpreter(planner.settings);
  const codecs = new Map<string, MessageCodec>();
  return {
    mode,
    message<T>(name: string): MessageCodec<T> {
      let codec = codecs.get(name);
      if (codec === undefined) {
        codec = messageCodec(name, programOf(planner.plan(name)), planner.settings);
        codecs.set(name, codec);
      }
      return codec as MessageCodec<T>;
    },
  };
}

function interpreter(settings: Settings): (plan: MessagePlan) => MessageProgram {
  const encode = interpretingEncoder(settings);
  const decode = interpretingDecoder(settings);
  return (plan) => ({
    encode: (writer, value) => encode(writer, plan, value),
    decode: (reader, end, into) => decode(reader, end, plan, into),
  });
}

function messageCodec(name: string, program: MessageProgram, settings: Settings): MessageCodec {
  const readerOptions: ReaderOptions = { maxDepth: settings.maxDepth, strictUtf8: settings.syntax === 'proto3' };
  return {
    name,
    encode(value) {
      const writer = spare ?? new ProtoWriter();
      spare = undefined;
      program.encode(writer, value);
      const bytes = writer.finish();
      spare = writer;
      return bytes;
    },
    decode: (bytes) => program.decode(new ProtoReader(bytes, readerOptions), bytes.length, undefined),
    write: (writer, value) => program.encode(writer, value),
    read: (reader, end) => program.decode(reader, end, undefined),
  };
}

/** The writer of the last encode. A hook that encodes finds none and gets its own; one that threw is dropped. */
let spare: ProtoWriter | undefined;
