// Turns generated source into functions. A message is generated when it is first encoded or decoded: a table of a
// thousand messages costs nothing until its messages are used.
import { decoderSource } from './generate-decode.ts';
import { encoderSource, putName } from './generate-encode.ts';
import { filled, wrongWireType } from './interpret-decode.ts';
import { EMPTY, enter } from './interpret-encode.ts';
import { getMapKey, putMapKey, sortedKeys } from './map-keys.ts';
import type { MessagePlan, Planner, Settings } from './plan.ts';
import type { ProtoReader } from './reader.ts';
import type { ScalarType } from './schema.ts';
import { alone, getEnum, isZero, list, type Properties, properties, PUT_SCALAR, putEnum, setOwn, zeroOf } from './values.ts';
import type { ProtoWriter } from './writer.ts';

/** Both ways of one message; generated code finds the messages it contains as these. */
export interface MessageProgram {
  encode(writer: ProtoWriter, value: unknown): void;
  decode(reader: ProtoReader, end: number, into: unknown): unknown;
}

/** An object of its own hidden-class family, with no other difference from `{}`. */
function plainConstructor(): new () => Properties {
  const Plain = function () {} as unknown as new () => Properties;
  Plain.prototype = Object.prototype;
  return Plain;
}

const PUT_BY_NAME = Object.fromEntries(Object.entries(PUT_SCALAR).map(([type, put]) => [putName(type as ScalarType), put]));
const ENCODE_RUNTIME = { ...PUT_BY_NAME, EMPTY, alone, enter, isZero, list, properties, putEnum, putMapKey, sortedKeys, zeroOf };
const DECODE_RUNTIME = { getEnum, getMapKey, isZero, setOwn, wrongWireType, zeroOf };

/** False where the process forbids code generation from strings. */
export function canCompile(): boolean {
  try {
    // oxlint-disable-next-line typescript/no-implied-eval -- asks whether it is allowed
    return (new Function('return true') as () => boolean)();
  } catch (error) {
    if (error instanceof EvalError) return false;
    throw error;
  }
}

/** Programs by message, generated on first use. */
export function createCompiler(planner: Planner): (plan: MessagePlan) => MessageProgram {
  const { settings } = planner;
  const programs: MessageProgram[] = [];

  const programOf = (plan: MessagePlan): MessageProgram => (programs[plan.index] ??= program(plan));

  const program = (plan: MessagePlan): MessageProgram => {
    const { hook } = plan;
    if (hook !== undefined) return hookProgram(plan, settings);
    const made: MessageProgram = {
      encode(writer, value) {
        made.encode = build(plan, encoderSource(plan, settings), ['w', 'o'], ENCODE_RUNTIME) as MessageProgram['encode'];
        made.encode(writer, value);
      },
      decode(reader, end, into) {
        const runtime = {
          ...DECODE_RUNTIME,
          Plain: plainConstructor(),
          fill: (inner: MessagePlan, o: Properties) => filled(inner, settings, o),
        };
        made.decode = build(plan, decoderSource(plan, settings), ['r', 'end', 'o'], runtime) as MessageProgram['decode'];
        return made.decode(reader, end, into);
      },
    };
    return made;
  };

  const build = (plan: MessagePlan, body: string, parameters: readonly string[], runtime: Readonly<Record<string, unknown>>): unknown => {
    for (const field of plan.fields) if (field.value.kind === 'message') programOf(field.value.type);
    const names = Object.keys(runtime);
    const source = `'use strict'; const {${names.join(', ')}} = runtime; return function (${parameters.join(', ')}) {\n${body}\n};`;
    // oxlint-disable-next-line typescript/no-implied-eval -- the source is made from the table; names from it are quoted
    const make = new Function('runtime', 'fields', 'messages', source) as (...constants: unknown[]) => unknown;
    return make(runtime, plan.fields, programs);
  };

  return programOf;
}

function hookProgram({ name, hook }: MessagePlan, { maxDepth }: Settings): MessageProgram {
  if (hook === undefined) throw new RangeError(`${name} has no hook`);
  return {
    encode(writer, value) {
      enter(writer, maxDepth);
      hook.encode(writer, value);
      writer.depth--;
    },
    decode(reader, end) {
      reader.enter();
      const value = hook.decode(reader, end);
      reader.leave();
      if (reader.pos !== end) reader.fail(`${name} runs past its end`);
      return value;
    },
  };
}
