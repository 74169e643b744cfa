// What one test file said and did, for people to read.
import { AssertionError } from 'node:assert/strict';
import { relative } from 'node:path';
import { inspect } from 'node:util';
import { ROOT } from '../node.mjs';

/** The part of node's pass and fail events that is used. */
interface Outcome {
  readonly name: string;
  /** Where it is defined: the file that ran, or one that it imports. */
  readonly file?: string | undefined;
  readonly nesting: number;
  readonly line?: number | undefined;
  readonly skip?: string | boolean | undefined;
  readonly todo?: string | boolean | undefined;
  readonly details: { readonly error?: unknown; readonly type?: string | undefined };
}

/** Characters of a failed file's output that are shown, counted from the end. */
const OUTPUT_KEPT = 20_000;

/** A parent test fails by its children; they say why themselves. Source: node:test ERR_TEST_FAILURE failureType. */
const BY_CHILDREN = 'subtestsFailed';
const OF_HOOK = 'hookFailed';

export class FileReport {
  readonly #file: string;
  readonly #problems: { readonly title: string; readonly detail: string }[] = [];
  #output = '';
  #hollow = false;
  #hookFailures = 0;

  constructor(file: string) {
    this.#file = file;
  }

  outcome(type: 'test:pass' | 'test:fail', { name, file, line, skip, todo, details }: Outcome): void {
    // A hook of a whole file fails as a test that bears the name of the file where it is defined.
    const isHook = name === file && failureType(details.error) === OF_HOOK;
    if (isHook) this.#hookFailures += 1;
    const title = `${this.#placeOf(file, line)} ${isHook ? 'hook of the file' : name}`;
    if (isMarked(skip)) this.#problems.push({ title: `${title} (skipped)`, detail: '' });
    else if (isMarked(todo)) this.#problems.push({ title: `${title} (todo)`, detail: '' });
    else if (type === 'test:fail' && failureType(details.error) !== BY_CHILDREN) {
      this.#problems.push({ title, detail: described(cause(details.error)) });
    }
  }

  #placeOf(file: string | undefined, line: number | undefined): string {
    const at = line === undefined ? '' : `:${line}`;
    const defined = file === undefined ? this.#file : relative(ROOT, file);
    return defined === this.#file ? `${this.#file}${at}` : `${this.#file} (${defined}${at})`;
  }

  /** For a file that ran and held no test: it would look like success and prove nothing. */
  hollow(): void {
    this.#hollow = true;
    this.#problems.push({ title: `${this.#file} has no test`, detail: '' });
  }

  output(text: string): void {
    this.#output = `${this.#output}${text}`.slice(-OUTPUT_KEPT);
  }

  get isHollow(): boolean {
    return this.#hollow;
  }

  /** Node counts them as failed tests of a whole run, and not among those of their file. */
  get hookFailures(): number {
    return this.#hookFailures;
  }

  /** One line a test that did not pass: file, line, name. */
  get failures(): string[] {
    return this.#problems.map(({ title }) => title);
  }

  /** One line for a file that passed; for another also every error and what the file wrote. */
  lines(tests: number, durationMs: number): string[] {
    const passed = this.#problems.length === 0;
    const head = `${passed ? '✔' : '✖'} ${this.#file} (${tests} tests, ${Math.round(durationMs)} ms)`;
    if (passed) return [head];
    const details = this.#problems.flatMap(({ title, detail }) => [`  ✖ ${title}`, ...indented(detail)]);
    return this.#output === '' ? [head, ...details] : [head, ...details, '  output of the file:', ...indented(this.#output.trimEnd())];
  }
}

function isMarked(mark: string | boolean | undefined): boolean {
  return mark !== undefined && mark !== false;
}

function failureType(error: unknown): unknown {
  return error instanceof Error && 'failureType' in error ? error.failureType : undefined;
}

/** node:test wraps what a test threw; what it threw is of interest. */
function cause(error: unknown): unknown {
  return error instanceof Error && 'failureType' in error && error.cause !== undefined ? error.cause : error;
}

/** The error as node prints it, without what node's own frames and the diff's raw material add. */
function described(error: unknown): string {
  const raw = error instanceof AssertionError && error.stack !== undefined;
  const text = raw ? String(error.stack) : inspect(error, { depth: 8, maxStringLength: 4_000, breakLength: 140 });
  return text
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:internal\//.test(line))
    .join('\n');
}

function indented(text: string): string[] {
  return text === '' ? [] : text.split('\n').map((line) => `    ${line}`);
}
