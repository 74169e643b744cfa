// Where reading of a YAML text stands, and how what is wrong with it is told.
// Source: libyaml reader.c, go-yaml v2 parser.fail.

/** Text that is no YAML, or YAML that JSON cannot say; the message is upstream's: `yaml: line 3: …`. */
export class YamlError extends Error {
  override readonly name = 'YamlError';
}

/** A place in the text; line and column count from 0. */
export interface Mark {
  readonly index: number;
  readonly line: number;
  readonly column: number;
}

/** Where nothing is: a problem without a context has this one, and lines of 0 are not told. */
export const NOWHERE: Mark = { index: 0, line: 0, column: 0 };

// oxlint-disable-next-line no-control-regex -- these are what it looks for
const NOT_ALLOWED = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\u{e000}-\ufffd\u{10000}-\u{10ffff}]/u;
const CONTROL_CHARACTERS = 'yaml: control characters are not allowed';

/** Bytes that are looked at together: what may not be in a text is told when reading comes to its piece. */
const PIECE = 512;

/** The index of the piece that holds the first character that may not be there; beyond the end for none. */
function refusedFrom(text: string): number {
  const found = NOT_ALLOWED.exec(text);
  if (found === null) return Infinity;
  let over = Buffer.byteLength(text.slice(0, found.index)) % PIECE;
  let index = found.index;
  while (over > 0 && index > 0) over -= Buffer.byteLength(text[--index] as string);
  return index;
}

export const isBreak = (char: string): boolean =>
  char === '\n' || char === '\r' || char === '\x85' || char === '\u2028' || char === '\u2029';
export const isBlank = (char: string): boolean => char === ' ' || char === '\t';
/** A blank, a line break or the end, which is the empty string. */
export const isSpace = (char: string): boolean => char === '' || isBlank(char) || isBreak(char);
/** What names of anchors, handles and directives are made of. */
export const isWord = (char: string): boolean => /^[0-9A-Za-z_-]$/.test(char);

export class Cursor {
  readonly text: string;
  index = 0;
  line = 0;
  column = 0;
  private readonly refusedFrom: number;

  constructor(text: string) {
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text;
    this.refusedFrom = refusedFrom(this.text);
  }

  mark(): Mark {
    return { index: this.index, line: this.line, column: this.column };
  }

  /** The character `ahead` of this one; empty at the end. @throws YamlError for one that no text may hold */
  peek(ahead = 0): string {
    if (this.index + ahead >= this.refusedFrom) throw new YamlError(CONTROL_CHARACTERS);
    return this.text[this.index + ahead] ?? '';
  }

  /** Goes on by one that is no line break, and gives it. */
  take(): string {
    const char = this.peek();
    this.index++;
    if (char < '\udc00' || char > '\udfff') this.column++; // the second half of a character is none
    return char;
  }

  skip(count: number): void {
    for (let i = 0; i < count; i++) this.take();
  }

  /** Goes on by a line break, and gives it as it is read. */
  takeBreak(): string {
    const char = this.peek();
    this.index += char === '\r' && this.peek(1) === '\n' ? 2 : 1;
    this.line++;
    this.column = 0;
    return char === '\u2028' || char === '\u2029' ? char : '\n';
  }

  skipBlanks(): void {
    while (isBlank(this.peek())) this.take();
  }

  /** A comment, up to the end of its line. */
  skipComment(): void {
    if (this.peek() !== '#') return;
    while (this.peek() !== '' && !isBreak(this.peek())) this.take();
  }

  /** `---` or `...` alone at the beginning of a line. */
  atDocumentIndicator(indicator?: '---' | '...'): boolean {
    if (this.column !== 0) return false;
    const found = this.text.slice(this.index, this.index + 3);
    return (indicator === undefined ? found === '---' || found === '...' : found === indicator) && isSpace(this.peek(3));
  }

  /** What is wrong with characters. @param context where what they belong to begins */
  fail(problem: string, context: Mark): never {
    const line = this.line !== 0 ? this.line : context.line;
    throw problemAt(line === 0 ? 0 : line + 1, problem);
  }
}

/** What is wrong with tokens, which are told to be a line too early. @param context where what holds them begins */
export function misplaced(problem: string, at: Mark, context: Mark = NOWHERE): never {
  throw problemAt(at.line !== 0 ? at.line : context.line, problem);
}

const problemAt = (line: number, problem: string): YamlError =>
  new YamlError(line === 0 ? `yaml: ${problem}` : `yaml: line ${line}: ${problem}`);
