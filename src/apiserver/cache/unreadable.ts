// Stored values that cannot be read: of a key service that is away, under a key that nobody has any more, damaged. They keep
// reads of their own resource from being answered, and nothing else.
import { internalError, type StatusError } from '#apimachinery/errors.ts';

export class Unreadable {
  /** Within the resource. */
  readonly key: string;
  readonly revision: number;
  readonly why: string;

  constructor(key: string, revision: number, why: string) {
    this.key = key;
    this.revision = revision;
    this.why = why;
  }
}

/** Those of one resource. */
export class UnreadableValues {
  readonly #prefix: string;
  readonly #values = new Map<string, Unreadable>();

  /** @param prefix of the resource's keys in the store */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  get size(): number {
    return this.#values.size;
  }

  get(key: string): Unreadable | undefined {
    return this.#values.get(key);
  }

  keep(value: Unreadable): void {
    this.#values.set(value.key, value);
  }

  drop(key: string): void {
    this.#values.delete(key);
  }

  clear(): void {
    this.#values.clear();
  }

  /** What a read of one object is refused with. Source: etcd3 store Get, getState. */
  refusalOf(key: string): StatusError | undefined {
    const value = this.#values.get(key);
    return value === undefined ? undefined : internalError(value.why);
  }

  /** What a read of many is refused with, if it would have to show one of these. Source: etcd3 store GetList. */
  refusalWithin(start: string, end: string | undefined): StatusError | undefined {
    for (const { key, why } of this.#values.values()) {
      if (key < start || (end !== undefined && key >= end)) continue;
      return internalError(`unable to transform key ${JSON.stringify(this.#prefix + key)}: ${why}`);
    }
    return undefined;
  }
}
