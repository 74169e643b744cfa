// What one validation finds on its walk through a value.
import { errorText, invalid, required, type FieldError } from '#apimachinery/field-errors.ts';
import { NO_PATH } from '#apimachinery/field-path.ts';

type Step = string | number;

/** A value that has no counterpart in the object before the update. */
export const NO_OLD: unique symbol = Symbol('no old value');

export class Run {
  readonly #errors: FieldError[] = [];
  readonly #texts = new Set<string>();
  /** Checks made, and types that fitted: of several alternatives that fail, the one with most is told about. */
  matches = 0;
  readonly #steps: Step[];
  /** Where the value is in its object: `status` for the status alone. */
  readonly #root: string;

  constructor(root = '', steps: Step[] = []) {
    this.#root = root;
    this.#steps = steps;
  }

  get errors(): readonly FieldError[] {
    return this.#errors;
  }

  get valid(): boolean {
    return this.#errors.length === 0;
  }

  /** Path of the value at hand, as messages name it: `spec.parts[0].name`. */
  get path(): string {
    let text = '';
    for (const step of this.#steps) text += typeof step === 'number' ? `[${step}]` : text === '' ? step : `.${step}`;
    return text;
  }

  get field(): string {
    return this.#named(this.path);
  }

  #named(path: string): string {
    if (path === '') return this.#root === '' ? NO_PATH : this.#root;
    return this.#root === '' ? path : `${this.#root}.${path}`; // also where an index follows, as upstream
  }

  enter(step: Step): void {
    this.#steps.push(step);
  }

  leave(): void {
    this.#steps.pop();
  }

  /** A run of its own at the same place: for alternatives. */
  aside(): Run {
    return new Run(this.#root, this.#steps);
  }

  /** What another run at this place found. Each text is told once. */
  merge(other: Run): void {
    this.matches += other.matches;
    for (const error of other.errors) this.add(error);
  }

  add(error: FieldError): void {
    const text = errorText(error);
    if (this.#texts.has(text)) return;
    this.#texts.add(text);
    this.#errors.push(error);
  }

  missing(name: string): void {
    const { path } = this;
    this.add(required(this.#named(path === '' ? name : `${path}.${name}`), ''));
  }

  /** What is said of the object as a whole: upstream gives it no path. */
  whole(message: string): void {
    this.add(invalid(this.#root === '' ? NO_PATH : this.#root, '', message));
  }

  get mark(): number {
    return this.#errors.length;
  }

  /** Forgets errors found since `mark`. */
  reset(mark: number): void {
    for (const error of this.#errors.splice(mark)) this.#texts.delete(errorText(error));
  }
}
