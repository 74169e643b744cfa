// Frames out of the bytes of a socket. Payloads of data frames are handed on as they come; control frames when whole.
import { type ControlFrame, type FrameHead, HEAD_LENGTH, readControl, readHead, SpdyError } from './frames.ts';

/** Most bytes of a control frame: headers of one stream. */
const MOST_CONTROL = 64 << 10;

export type FramePart =
  | ControlFrame
  /** `last`: nothing of this frame follows. */
  | { readonly kind: 'data'; readonly streamId: number; readonly payload: Buffer; readonly last: boolean; readonly fin: boolean };

export class FrameReader {
  #kept: Buffer = Buffer.alloc(0);
  #data: { readonly head: FrameHead & { readonly kind: 'data' }; left: number } | undefined;

  /** What `bytes` completes. @throws SpdyError */
  *read(bytes: Buffer): Generator<FramePart, void, undefined> {
    let rest = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    for (;;) {
      if (this.#data !== undefined) {
        const { head, left } = this.#data;
        const payload = rest.subarray(0, left);
        if (payload.length === 0 && left > 0) break;
        rest = rest.subarray(payload.length);
        const last = payload.length === left;
        if (last) this.#data = undefined;
        else this.#data.left -= payload.length;
        yield { kind: 'data', streamId: head.streamId, payload, last, fin: last && head.fin };
        continue;
      }
      if (rest.length < HEAD_LENGTH) break;
      const head = readHead(rest);
      if (head.kind === 'data') {
        this.#data = { head, left: head.length };
        rest = rest.subarray(HEAD_LENGTH);
        continue;
      }
      if (head.length > MOST_CONTROL) throw new SpdyError(`control frame of ${head.length} bytes`);
      const end = HEAD_LENGTH + head.length;
      if (rest.length < end) break;
      const payload = rest.subarray(HEAD_LENGTH, end);
      rest = rest.subarray(end);
      yield readControl(head, payload);
    }
    this.#kept = rest;
  }
}
