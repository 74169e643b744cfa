// The text of an expression, and problems shown at their place in it.
// Source: cel-go common/error.go ToDisplayString.
import type { Issue } from './contract.ts';

interface Problem {
  readonly offset: number;
  readonly message: string;
}

/** Most problems reported one by one. Source: maxErrorsToReport. */
const MAX_PROBLEMS = 100;
/** Longest line that is shown. Source: maxSnippetLength. */
const MAX_SNIPPET = 16_384;

/** Problems of one expression, in the order they were found. Offsets are indexes into the text; -1 is nowhere. */
export class Problems {
  readonly text: string;
  readonly #found: Problem[] = [];

  constructor(text: string) {
    this.text = text;
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  add(offset: number, message: string): void {
    this.#found.push({ offset, message });
  }

  /** By place, and at one place as they were found. */
  issues(): readonly Issue[] {
    const shown = this.#found.slice(0, MAX_PROBLEMS).map((problem) => this.#show(problem));
    shown.sort((a, b) => a.line - b.line || a.column - b.column);
    const left = this.#found.length - shown.length;
    if (left === 0) return shown;
    const message = `${left} more errors were truncated`;
    return [...shown, { message, line: 0, column: 0, text: message }];
  }

  #show({ offset, message }: Problem): Issue {
    if (offset < 0) return { message, line: -1, column: 0, text: `ERROR: <input>:-1:0: ${message}` };
    const before = this.text.slice(0, offset);
    const start = before.lastIndexOf('\n') + 1;
    const line = before.split('\n').length;
    const column = Array.from(before.slice(start)).length;
    const end = this.text.indexOf('\n', start);
    const snippet = this.text.slice(start, end < 0 ? undefined : end);
    const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
    const text =
      Buffer.byteLength(snippet) > MAX_SNIPPET ? head : `${head}\n | ${snippet.replaceAll('\t', ' ')}\n | ${pointer(snippet, column)}`;
    return { message, line, column: column + 1, text };
  }
}

/** Dots up to the column and a caret; wide ones below characters that are not ASCII. */
function pointer(snippet: string, column: number): string {
  const characters = Array.from(snippet);
  const wide = (character: string | undefined): boolean => character !== undefined && (character.codePointAt(0) ?? 0) > 127;
  const dots = characters.slice(0, column).map((character) => (wide(character) ? '．' : '.'));
  return `${dots.join('')}${wide(characters[column]) ? '＾' : '^'}`;
}
