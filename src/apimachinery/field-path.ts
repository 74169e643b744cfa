// The path of a field inside an object: `spec.containers[0].image`.

/**
 * Source: field.Path. Immutable; the text is made only when an error needs it, for every write makes hundreds of paths and hardly
 * one of them is ever shown.
 */
export class Path {
  readonly #step: string | number;
  /** What stands before the step and behind it. */
  readonly #form: Form;
  readonly #parent: Path | undefined;

  private constructor(step: string | number, form: Form, parent: Path | undefined) {
    this.#step = step;
    this.#form = form;
    this.#parent = parent;
  }

  /** Starts a path: `Path.of('spec', 'template')`. Source: field.NewPath. */
  static of(name: string, ...more: readonly string[]): Path {
    let path = new Path(name, 'root', undefined);
    for (const each of more) path = new Path(each, 'child', path);
    return path;
  }

  child(name: string, ...more: readonly string[]): Path {
    let path = new Path(name, 'child', this);
    for (const each of more) path = new Path(each, 'child', path);
    return path;
  }

  index(index: number): Path {
    return new Path(index, 'key', this);
  }

  key(key: string): Path {
    return new Path(key, 'key', this);
  }

  toString(): string {
    const parent = this.#parent?.toString() ?? '';
    switch (this.#form) {
      case 'root':
        return `${this.#step}`;
      case 'child':
        return `${parent}.${this.#step}`;
      case 'key':
        return `${parent}[${this.#step}]`;
    }
  }
}

type Form = 'root' | 'child' | 'key';

/** What upstream prints for a path that was never given. Source: Path.String of nil. */
export const NO_PATH = '<nil>';
