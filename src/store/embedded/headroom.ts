// Zeros written ahead of the last record. A write into bytes that the file already has needs no change of its
// metadata, which a sync would otherwise have to commit as well: small commits become nearly twice as quick.
import type { DiskFile } from './disk.ts';
import { isDiskError } from './errors.ts';

/** They are written when less than this part of a step is left. */
const LOW_PART = 1 / 4;
/** Larger commits, as a part of a step, gain nothing: they pay for their bytes, not for their metadata. */
const SMALL_COMMIT_PART = 1 / 16;

export class Headroom {
  readonly #file: DiskFile;
  readonly #step: number;
  /** Where the file ends, or will when `#writing` is done. */
  #end: number;
  #writing: { readonly from: number; readonly done: Promise<void> } | undefined;

  /** `stepBytes` zeros are written at once. */
  constructor(file: DiskFile, end: number, stepBytes: number) {
    this.#file = file;
    this.#step = stepBytes;
    this.#end = end;
  }

  /** To be awaited before bytes up to `end` are written: zeros must not come after them. */
  async clear(end: number): Promise<void> {
    if (this.#writing !== undefined && end > this.#writing.from) await this.#writing.done;
    this.#end = Math.max(this.#end, end);
  }

  /** To be called when a commit of `bytes` is durable, up to `end`; the next one may begin at once. */
  refill(end: number, bytes: number): void {
    if (bytes > this.#step * SMALL_COMMIT_PART || this.#writing !== undefined || this.#end - end > this.#step * LOW_PART) return;
    const from = this.#end;
    this.#end += this.#step;
    this.#writing = { from, done: this.#write(from) };
  }

  /** Cuts the file off at `end`, durably, whatever lies behind it. */
  async truncate(end: number): Promise<void> {
    await this.settled();
    await this.#file.truncate(end);
    await this.#file.sync();
    this.#end = end;
  }

  /** Takes the zeros away again: the last record ends at `end`. */
  async cut(end: number): Promise<void> {
    await this.settled();
    if (this.#end > end) await this.truncate(end);
  }

  /** Resolves when nothing is being written here. */
  async settled(): Promise<void> {
    await this.#writing?.done;
  }

  async #write(from: number): Promise<void> {
    try {
      await this.#file.write(Buffer.alloc(this.#step), from);
      // A durable write makes no bytes durable but its own, and what has no place on the disk yet gains nothing.
      await this.#file.sync();
    } catch (error) {
      // Headroom is a convenience; whether there is room for records, the next commit will say.
      if (!isDiskError(error)) throw error;
    }
    this.#writing = undefined;
  }
}
