// pure
// SPDY/3.1 frames as bytes. Header blocks are opaque here; ./header-block.ts reads them.
// Source: SPDY protocol draft 3.1, section 2.2.

export const FLAG_FIN = 0x01;
export const FLAG_UNIDIRECTIONAL = 0x02;

/** Bytes before a frame's payload. */
export const HEAD_LENGTH = 8;

const VERSION = 3;
const CONTROL = 0x8000;

export const TYPES = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

/** Source: section 2.6.3, RST_STREAM. */
export const RESET_STATUS = {
  protocolError: 1,
  invalidStream: 2,
  refusedStream: 3,
  unsupportedVersion: 4,
  cancel: 5,
  internalError: 6,
  flowControlError: 7,
  streamInUse: 8,
  streamAlreadyClosed: 9,
} as const;

/** Setting ids. Source: section 2.6.4. */
export const SETTING_INITIAL_WINDOW = 7;

/** The other side broke the protocol; the connection is of no use any more. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

export type FrameHead =
  | { readonly kind: 'data'; readonly streamId: number; readonly fin: boolean; readonly length: number }
  | { readonly kind: 'control'; readonly type: number; readonly flags: number; readonly length: number };

/** @param bytes at least HEAD_LENGTH. @throws SpdyError for another version of the protocol */
export function readHead(bytes: Buffer): FrameHead {
  const first = bytes.readUInt16BE(0);
  const flags = bytes.readUInt8(4);
  const length = bytes.readUIntBE(5, 3);
  if ((first & CONTROL) === 0) return { kind: 'data', streamId: bytes.readUInt32BE(0), fin: (flags & FLAG_FIN) !== 0, length };
  const version = first & ~CONTROL;
  if (version !== VERSION) throw new SpdyError(`SPDY version ${version} is not spoken here`);
  return { kind: 'control', type: bytes.readUInt16BE(2), flags, length };
}

export type ControlFrame =
  | {
      readonly kind: 'syn-stream';
      readonly streamId: number;
      readonly fin: boolean;
      readonly unidirectional: boolean;
      readonly block: Buffer;
    }
  | { readonly kind: 'syn-reply' | 'headers'; readonly streamId: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'rst-stream'; readonly streamId: number; readonly status: number }
  | { readonly kind: 'settings'; readonly entries: readonly { readonly id: number; readonly value: number }[] }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'go-away'; readonly lastStreamId: number; readonly status: number }
  | { readonly kind: 'window-update'; readonly streamId: number; readonly delta: number }
  /** Of a type that is not known: to be passed over. */
  | { readonly kind: 'other' };

const ID = 0x7fff_ffff;

/** @throws SpdyError when the payload does not fit the type */
export function readControl({ type, flags }: { readonly type: number; readonly flags: number }, payload: Buffer): ControlFrame {
  const fin = (flags & FLAG_FIN) !== 0;
  const need = (length: number): void => {
    if (payload.length < length) throw new SpdyError(`frame of type ${type} has ${payload.length} bytes, not ${length}`);
  };
  switch (type) {
    case TYPES.synStream:
      need(10);
      return {
        kind: 'syn-stream',
        streamId: payload.readUInt32BE(0) & ID,
        fin,
        unidirectional: (flags & FLAG_UNIDIRECTIONAL) !== 0,
        block: payload.subarray(10),
      };
    case TYPES.synReply:
    case TYPES.headers:
      need(4);
      return {
        kind: type === TYPES.headers ? 'headers' : 'syn-reply',
        streamId: payload.readUInt32BE(0) & ID,
        fin,
        block: payload.subarray(4),
      };
    case TYPES.rstStream:
      need(8);
      return { kind: 'rst-stream', streamId: payload.readUInt32BE(0) & ID, status: payload.readUInt32BE(4) };
    case TYPES.settings: {
      need(4);
      const count = payload.readUInt32BE(0);
      need(4 + count * 8);
      const entries = Array.from({ length: count }, (_, i) => ({
        id: payload.readUIntBE(5 + i * 8, 3),
        value: payload.readUInt32BE(8 + i * 8),
      }));
      return { kind: 'settings', entries };
    }
    case TYPES.ping:
      need(4);
      return { kind: 'ping', id: payload.readUInt32BE(0) };
    case TYPES.goAway:
      need(8);
      return { kind: 'go-away', lastStreamId: payload.readUInt32BE(0) & ID, status: payload.readUInt32BE(4) };
    case TYPES.windowUpdate:
      need(8);
      return { kind: 'window-update', streamId: payload.readUInt32BE(0) & ID, delta: payload.readUInt32BE(4) & ID };
    default:
      return { kind: 'other' };
  }
}

function control(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_LENGTH);
  head.writeUInt16BE(CONTROL | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(payload.length, 4);
  head.writeUInt8(flags, 4);
  return Buffer.concat([head, payload]);
}

function words(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  values.forEach((value, i) => out.writeUInt32BE(value, i * 4));
  return out;
}

/** Head of a data frame; its payload follows. */
export function dataHead(streamId: number, length: number, fin: boolean): Buffer {
  const head = words(streamId, length);
  head.writeUInt8(fin ? FLAG_FIN : 0, 4);
  return head;
}

/** At the lowest urgency, as all streams of one connection are equal here. */
const PRIORITY = Buffer.from([0, 0]);

export const synStreamFrame = (streamId: number, fin: boolean, block: Buffer): Buffer =>
  control(TYPES.synStream, fin ? FLAG_FIN : 0, Buffer.concat([words(streamId, 0), PRIORITY, block]));

export const synReplyFrame = (streamId: number, block: Buffer): Buffer =>
  control(TYPES.synReply, 0, Buffer.concat([words(streamId), block]));

export const resetFrame = (streamId: number, status: number): Buffer => control(TYPES.rstStream, 0, words(streamId, status));

export const settingsFrame = (entries: readonly { readonly id: number; readonly value: number }[]): Buffer =>
  control(TYPES.settings, 0, words(entries.length, ...entries.flatMap(({ id, value }) => [id, value])));

export const pingFrame = (id: number): Buffer => control(TYPES.ping, 0, words(id));

export const goAwayFrame = (lastStreamId: number, status: number): Buffer => control(TYPES.goAway, 0, words(lastStreamId, status));

export const windowUpdateFrame = (streamId: number, delta: number): Buffer => control(TYPES.windowUpdate, 0, words(streamId, delta));
