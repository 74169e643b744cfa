// The bytes of a body, in the pieces they arrive in.

/** So many pieces are kept as they are: nearly every body has fewer. */
const AS_THEY_ARE = 16;
/** Of those behind them, pieces shorter than this are copied together: a Buffer by itself takes more than a hundred bytes. */
const SMALL = 1_024;
/** Of what small pieces are copied into, bytes. */
const BLOCK = 16 << 10;

/**
 * Costs about as much memory as it has bytes, however they are cut: a sender may end a chunk of HTTP/1.1, a frame of HTTP/2 or a record
 * of TLS after each byte.
 */
export class GatheredBytes {
  #length = 0;
  #parts: Buffer[] = [];
  /** What small pieces are copied into; how much of it is used. */
  #block: Buffer | undefined;
  #used = 0;

  get length(): number {
    return this.#length;
  }

  add(piece: Buffer): void {
    this.#length += piece.length;
    if (piece.length >= SMALL || this.#parts.length < AS_THEY_ARE) {
      this.#closeBlock();
      this.#parts.push(piece);
      return;
    }
    if (this.#block === undefined || this.#used + piece.length > BLOCK) {
      this.#closeBlock();
      this.#block = Buffer.allocUnsafeSlow(BLOCK);
    }
    this.#used += piece.copy(this.#block, this.#used);
  }

  /** All of them, in one. */
  whole(): Buffer {
    this.#closeBlock();
    const [only] = this.#parts;
    if (only === undefined || this.#parts.length > 1) this.#parts = [Buffer.concat(this.#parts, this.#length)];
    return this.#parts[0] as Buffer;
  }

  #closeBlock(): void {
    if (this.#block !== undefined) this.#parts.push(this.#block.subarray(0, this.#used));
    this.#block = undefined;
    this.#used = 0;
  }
}
