// Reads decoded JSON of any kind into what it should be, noting each fault with its path instead of stopping at the first.
import { DurationError, parseDuration } from './duration.ts';
import { type FieldError, invalid, typeInvalid } from './field-errors.ts';
import { Path } from './field-path.ts';

/** Where what is wrong is noted. */
export interface Faults {
  add(error: FieldError): void;
  /** `at`: the path of a field that is not known. */
  addUnknown(at: string): void;
}

type JsonObject = Readonly<Record<string, unknown>>;

export class Reader {
  readonly value: unknown;
  readonly path: Path | undefined;
  readonly #faults: Faults;

  constructor(value: unknown, faults: Faults, path?: Path) {
    this.value = value;
    this.#faults = faults;
    this.path = path;
  }

  get isAbsent(): boolean {
    return this.value === undefined || this.value === null;
  }

  fault(error: FieldError): void {
    this.#faults.add(error);
  }

  get at(): Path | string {
    return this.path ?? '<nil>';
  }

  /** Members by name, each read by `read`; none when absent. */
  members<T>(read: (member: Reader) => T): Readonly<Record<string, T>> {
    return Object.fromEntries(Object.keys(this.#object()).map((name) => [name, read(this.field(name))]));
  }

  /** Notes members other than `known`. */
  object(...known: readonly string[]): this {
    const object = this.#object();
    for (const name of Object.keys(object)) {
      if (!known.includes(name)) this.#faults.addUnknown(this.#child(name).toString());
    }
    return this;
  }

  field(name: string): Reader {
    const object = this.#object();
    return new Reader(Object.hasOwn(object, name) ? object[name] : undefined, this.#faults, this.#child(name));
  }

  list<T>(read: (item: Reader) => T): readonly T[] {
    if (this.isAbsent) return [];
    if (!Array.isArray(this.value)) {
      this.fault(typeInvalid(this.at, this.value, 'must be a list'));
      return [];
    }
    return this.value.map((item, i) => read(new Reader(item, this.#faults, this.path?.index(i))));
  }

  text(fallback: string): string {
    if (this.isAbsent) return fallback;
    if (typeof this.value === 'string') return this.value;
    this.fault(typeInvalid(this.at, this.value, 'must be a string'));
    return fallback;
  }

  flag(fallback: boolean): boolean {
    if (this.isAbsent) return fallback;
    if (typeof this.value === 'boolean') return this.value;
    this.fault(typeInvalid(this.at, this.value, 'must be a boolean'));
    return fallback;
  }

  integer(fallback: number): number {
    if (this.isAbsent) return fallback;
    if (typeof this.value === 'number' && Number.isInteger(this.value)) return this.value;
    this.fault(typeInvalid(this.at, this.value, 'must be an integer'));
    return fallback;
  }

  /** An integer in a range, told as `detail` otherwise. */
  within(fallback: number, [min, max]: readonly [number, number], detail: string): number {
    const value = this.integer(fallback);
    if (value < min || value > max) this.fault(invalid(this.at, value, detail));
    return value;
  }

  /** Milliseconds of a duration such as `10s`. */
  duration(fallback: number): number {
    if (this.isAbsent) return fallback;
    try {
      return parseDuration(this.text(''));
    } catch (error) {
      if (!(error instanceof DurationError)) throw error;
      this.fault(invalid(this.at, this.value, error.message));
      return fallback;
    }
  }

  #object(): JsonObject {
    if (this.isAbsent) return {};
    if (typeof this.value === 'object' && !Array.isArray(this.value)) return this.value as JsonObject;
    this.fault(typeInvalid(this.at, this.value, 'must be an object'));
    return {};
  }

  #child(name: string): Path {
    return this.path === undefined ? Path.of(name) : this.path.child(name);
  }
}
