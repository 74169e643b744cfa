// pure
// Flow control: how much may be under way on each stream and on the connection.
// Source: SPDY protocol draft 3.1, section 2.6.8.

/** Bytes, until the other side says otherwise. */
export const INITIAL_WINDOW = 64 << 10;

const CONNECTION = 0;

interface Waiting {
  readonly streamId: number;
  readonly most: number;
  readonly granted: (bytes: number) => void;
}

/** What this side may send. */
export class SendWindows {
  readonly #left = new Map<number, number>([[CONNECTION, INITIAL_WINDOW]]);
  #initial = INITIAL_WINDOW;
  /** One a stream at most: a stream writes one chunk at a time. */
  #waiting: readonly Waiting[] = [];

  /** Calls `granted` with 1 … `most` bytes, now or when the other side has made room; with 0 when the stream is forgotten. */
  take(streamId: number, most: number, granted: (bytes: number) => void): void {
    const bytes = Math.min(most, this.#of(streamId), this.#of(CONNECTION));
    if (bytes <= 0) {
      this.#waiting = [...this.#waiting, { streamId, most, granted }];
      return;
    }
    this.#left.set(streamId, this.#of(streamId) - bytes);
    this.#left.set(CONNECTION, this.#of(CONNECTION) - bytes);
    granted(bytes);
  }

  give(streamId: number, bytes: number): void {
    this.#left.set(streamId, this.#of(streamId) + bytes);
    this.#retry();
  }

  /** Applies to open streams too. */
  setInitial(bytes: number): void {
    const change = bytes - this.#initial;
    this.#initial = bytes;
    for (const [streamId, left] of this.#left) if (streamId !== CONNECTION) this.#left.set(streamId, left + change);
    this.#retry();
  }

  forget(streamId: number): void {
    this.#left.delete(streamId);
    const given = this.#waiting.filter((each) => each.streamId === streamId);
    this.#waiting = this.#waiting.filter((each) => each.streamId !== streamId);
    for (const { granted } of given) granted(0);
  }

  #of(streamId: number): number {
    return this.#left.get(streamId) ?? this.#initial;
  }

  #retry(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { streamId, most, granted } of waiting) this.take(streamId, most, granted);
  }
}

/** What the other side may send on one stream. */
export class ReceiveWindow {
  #left = INITIAL_WINDOW;

  received(bytes: number): 'within' | 'exceeded' {
    this.#left -= bytes;
    return this.#left < 0 ? 'exceeded' : 'within';
  }

  /** How much to give back now. */
  consumed(bytes: number): number {
    this.#left += bytes;
    return bytes;
  }
}
