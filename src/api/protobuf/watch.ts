// Watches over protobuf: frames of a length (four bytes, big-endian) and a WatchEvent whose object is a whole envelope.
// Source: apimachinery pkg/util/framer, serializer/protobuf RawSerializer, metav1.WatchEvent.
import { ProtobufDecodeError } from '#base/protobuf/errors.ts';
import { ProtoReader } from '#base/protobuf/reader.ts';
import { ProtoWriter } from '#base/protobuf/writer.ts';
import { eachField } from './hooks.ts';

const LENGTH_BYTES = 4;
const DELIMITED = 2;
const FIRST = (1 << 3) | DELIMITED;
const SECOND = (2 << 3) | DELIMITED;

/** Used within one call only; a new one would take 8 KiB each time. */
const writer = new ProtoWriter();

/** One frame. `object`: an envelope, as encodeProtobuf makes it. */
export function encodeWatchFrame(type: string, object: Uint8Array): Buffer {
  // RawExtension is a message of one bytes field.
  writer.bytes(object);
  writer.byte(FIRST);
  writer.uint32(writer.size);
  writer.byte(SECOND);
  writer.string(type);
  writer.byte(FIRST);
  const event = writer.finish();
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + event.length);
  frame.writeUInt32BE(event.length);
  frame.set(event, LENGTH_BYTES);
  return frame;
}

export interface WatchFrame {
  readonly type: string;
  /** An envelope; empty when the event had no object. */
  readonly object: Uint8Array;
}

/** Cuts a byte stream into frames. Holds at most one unfinished frame, and refuses one longer than `maxBytes`. */
export class WatchFrameReader {
  readonly #maxBytes: number;
  #pending: Buffer = Buffer.alloc(0);

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Frames completed by `chunk`. @throws ProtobufDecodeError for a frame that is too long or no WatchEvent */
  push(chunk: Uint8Array): readonly WatchFrame[] {
    let pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    const frames: WatchFrame[] = [];
    while (pending.length >= LENGTH_BYTES) {
      const length = pending.readUInt32BE();
      if (length > this.#maxBytes) throw new ProtobufDecodeError(`watch frame of ${length} bytes`, 0);
      const end = LENGTH_BYTES + length;
      if (pending.length < end) break;
      frames.push(readEvent(pending.subarray(LENGTH_BYTES, end)));
      pending = pending.subarray(end);
    }
    this.#pending = pending;
    return frames;
  }
}

function readEvent(bytes: Buffer): WatchFrame {
  const reader = new ProtoReader(bytes, { maxDepth: 10, strictUtf8: false });
  let type = '';
  let object: Uint8Array = new Uint8Array();
  eachField(reader, bytes.length, (number, wireType) => {
    if (wireType !== DELIMITED || number > 2) return false;
    if (number === 1) type = reader.string(bytes.length);
    else object = readRaw(reader, reader.delimited(bytes.length));
    return true;
  });
  return { type, object };
}

function readRaw(reader: ProtoReader, end: number): Uint8Array {
  let raw: Uint8Array = new Uint8Array();
  eachField(reader, end, (number, wireType) => {
    if (number !== 1 || wireType !== DELIMITED) return false;
    raw = reader.bytes('view', end) as Uint8Array;
    return true;
  });
  return raw;
}
