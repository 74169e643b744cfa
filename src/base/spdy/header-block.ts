// Header blocks: names and values, in one zlib stream a direction that lasts as long as the connection.
// Source: SPDY protocol draft 3.1, section 2.6.10.
import { constants, createInflate, type Inflate } from 'node:zlib';
import { DICTIONARY, DICTIONARY_ID } from './dictionary.ts';
import { SpdyError } from './frames.ts';

/** Names in lower case. */
export type SpdyHeaders = Readonly<Record<string, string>>;

/** Most bytes of one block, unpacked. */
const MOST_BYTES = 64 << 10;
const MOST_HEADERS = 256;

/** @throws RangeError when it is larger than a reader has to take */
export function encodeHeaders(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const parts = [uint32(entries.length)];
  for (const [name, value] of entries)
    for (const text of [name.toLowerCase(), value]) parts.push(uint32(Buffer.byteLength(text)), Buffer.from(text));
  const out = Buffer.concat(parts);
  if (out.length > MOST_BYTES) throw new RangeError(`headers of ${out.length} bytes`);
  return out;
}

/** @throws SpdyError */
export function decodeHeaders(block: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new SpdyError('header block ends too early');
    at += 4;
    return block.readUInt32BE(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (length > block.length - at) throw new SpdyError('header block ends too early');
    at += length;
    return block.toString('utf8', at - length, at);
  };
  const count = number();
  if (count > MOST_HEADERS) throw new SpdyError(`${count} headers in one block`);
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let i = 0; i < count; i++) {
    const name = text().toLowerCase();
    headers[name] = text();
  }
  return headers;
}

function uint32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value);
  return out;
}

/** A stored block of deflate says its length in 16 bits. Source: RFC 1951, section 3.2.4. */
const MOST_STORED = 0xffff;

/**
 * Packs blocks without compressing them: a stream's few words do not repay it, and stored blocks can be made at once,
 * in the order in which streams are opened.
 */
export class HeaderPacker {
  #begun = false;

  pack(headers: SpdyHeaders): Buffer {
    const block = encodeHeaders(headers);
    const parts = this.#begun ? [] : [zlibHead()];
    this.#begun = true;
    for (let at = 0; at < block.length; at += MOST_STORED) {
      const piece = block.subarray(at, at + MOST_STORED);
      const head = Buffer.alloc(5);
      head.writeUInt16LE(piece.length, 1);
      head.writeUInt16LE(~piece.length & 0xffff, 3);
      parts.push(head, piece);
    }
    // An empty stored block ends each header block, as a synchronising flush of zlib does: some readers wait for it.
    parts.push(Buffer.from([0, 0, 0, 0xff, 0xff]));
    return Buffer.concat(parts);
  }
}

/** Deflate with a window of 32 KiB and a preset dictionary. Source: RFC 1950. */
function zlibHead(): Buffer {
  const head = Buffer.from([0x78, 0x20, 0, 0, 0, 0]);
  head.writeUInt32BE(DICTIONARY_ID, 2);
  return head;
}

/** Unpacks blocks; they must be given one after the other. */
export class HeaderUnpacker {
  readonly #inflate: Inflate = createInflate({
    dictionary: DICTIONARY,
    flush: constants.Z_SYNC_FLUSH,
    finishFlush: constants.Z_SYNC_FLUSH,
  });
  #failure: Error | undefined;

  constructor() {
    this.#inflate.on('error', (error) => {
      this.#failure = error;
    });
  }

  /** @throws SpdyError when it is not what zlib or SPDY allow, or too large */
  async unpack(block: Buffer): Promise<SpdyHeaders> {
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= MOST_BYTES) return void chunks.push(chunk);
      this.#failure = new SpdyError(`header block of more than ${MOST_BYTES} bytes`);
      this.#inflate.destroy();
    };
    this.#inflate.on('data', take);
    try {
      await this.#write(block);
      if (this.#failure !== undefined) throw this.#failure;
    } catch (error) {
      throw error instanceof SpdyError ? error : new SpdyError('header block cannot be unpacked', { cause: error });
    } finally {
      this.#inflate.off('data', take);
    }
    return decodeHeaders(Buffer.concat(chunks));
  }

  close(): void {
    this.#inflate.destroy();
  }

  #write(block: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined || this.#inflate.destroyed) return reject(this.#failure ?? new SpdyError('the connection is closed'));
      const closed = (): void => reject(this.#failure ?? new SpdyError('the connection is closed'));
      this.#inflate.once('close', closed);
      this.#inflate.write(block, (error) => {
        this.#inflate.off('close', closed);
        if (error === null || error === undefined) resolve();
        else reject(error);
      });
    });
  }
}
