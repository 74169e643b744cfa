// What the rules of one object find, and what they may cost together.
import { RUNTIME_BUDGET } from '#apimachinery/cel/limits.ts';
import { errorText, type FieldError } from '#apimachinery/field-errors.ts';
import { NO_PATH } from '#apimachinery/field-path.ts';

export class RuleRun {
  readonly errors: FieldError[] = [];
  /** What is wrong as it was before. */
  readonly warnings: string[] = [];
  /** No rule is evaluated any more. */
  stopped = false;
  #budget = RUNTIME_BUDGET;
  readonly #root: string;
  readonly #steps: string[] = [];

  /** @param root where the value is: empty for the object itself */
  constructor(root = '') {
    this.#root = root;
  }

  /** @param step as paths have it: `.name`, `[0]` */
  enter(step: string): void {
    this.#steps.push(step);
  }

  leave(): void {
    this.#steps.pop();
  }

  /** Path of the value at hand, or of what is `below` it. */
  field(below = ''): string {
    const path = `${this.#root}${this.#steps.join('')}${below}`;
    return path === '' ? NO_PATH : path.replace(/^\./, '');
  }

  get exhausted(): boolean {
    return this.#budget <= 0;
  }

  /** False when there is not as much left. */
  spend(cost: number): boolean {
    if (cost > this.#budget) return false;
    this.#budget -= cost;
    return true;
  }

  stop(error: FieldError): void {
    this.errors.push(error);
    this.stopped = true;
  }

  warn(error: FieldError): void {
    this.warnings.push(errorText(error));
  }
}
