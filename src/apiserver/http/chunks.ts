// Buffers in which answers are put together, used again once they are sent: memory outside of the heap that is asked for and let
// go of by the megabyte makes the collector run for nothing.

export class Chunks {
  /** Bytes of each. */
  readonly size: number;
  readonly #most: number;
  readonly #free: Buffer[] = [];

  /** @param most kept at a time */
  constructor(size: number, most: number) {
    this.size = size;
    this.#most = most;
  }

  /** Of `size` bytes, whatever they are. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.size);
  }

  /** Takes a chunk back, or what was cut from its beginning; nobody reads it any more. Buffers of other sizes are let go. */
  give({ buffer, byteOffset }: Buffer): void {
    if (buffer.byteLength !== this.size || byteOffset !== 0 || this.#free.length >= this.#most) return;
    this.#free.push(Buffer.from(buffer));
  }
}
