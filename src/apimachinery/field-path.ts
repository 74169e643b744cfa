// The path of a field inside an object: `spec.containers[0].image`.

/** Source: field.Path. Immutable; the text is made only when an error needs it. */
export class Path {
  readonly #segment: string;
  readonly #parent: Path | undefined;

  private constructor(segment: string, parent: Path | undefined) {
    this.#segment = segment;
    this.#parent = parent;
  }

  /** Starts a path: `Path.of('spec', 'template')`. Source: field.NewPath. */
  static of(name: string, ...more: readonly string[]): Path {
    const root = new Path(name, undefined);
    return more.length === 0 ? root : root.child(...more);
  }

  child(...names: readonly string[]): Path {
    return names.reduce<Path>((path, name) => new Path(`.${name}`, path), this);
  }

  index(index: number): Path {
    return new Path(`[${index}]`, this);
  }

  key(key: string): Path {
    return new Path(`[${key}]`, this);
  }

  toString(): string {
    return this.#parent === undefined ? this.#segment : this.#parent.toString() + this.#segment;
  }
}

/** What upstream prints for a path that was never given. Source: Path.String of nil. */
export const NO_PATH = '<nil>';
