// The four ways to write text in YAML: plain, quoted, literal, folded. Source: YAML 1.1, chapter 9, as libyaml's scanner.c
// reads it.
import { isBlank, isBreak, isSpace, type Cursor, type Mark } from './cursor.ts';

/** What stands between two parts of a text that goes over several lines. */
class Folding {
  private blanks = '';
  private first = '';
  private further = '';
  /** Whether a line has ended since the last part. */
  broken = false;

  /** Everything blank from here on. @param atBlank is told of each blank at the beginning of a line */
  read(cursor: Cursor, atBlank: () => void = () => {}): void {
    for (let char = cursor.peek(); isBlank(char) || isBreak(char); char = cursor.peek()) {
      if (isBreak(char)) {
        if (this.broken) this.further += cursor.takeBreak();
        else this.breakLine(cursor.takeBreak());
      } else {
        if (this.broken) atBlank();
        const blank = cursor.take();
        if (!this.broken) this.blanks += blank;
      }
    }
  }

  /** A line ends; `as` stands for its end. */
  breakLine(as: string): void {
    this.blanks = '';
    this.first = as;
    this.broken = true;
  }

  /** What the next part comes after. */
  take(): string {
    const folded = this.first === '\n' ? this.further || ' ' : this.first + this.further;
    const text = this.broken ? folded : this.blanks;
    this.blanks = this.first = this.further = '';
    this.broken = false;
    return text;
  }
}

const endsPlainInFlow = (char: string): boolean => char !== '' && ',?[]{}'.includes(char);

/** @param indent of the collection it stands in. @returns the text, and whether a line ended after it */
export function readPlain(cursor: Cursor, inFlow: boolean, indent: number): { readonly text: string; readonly broken: boolean } {
  const start = cursor.mark();
  const folding = new Folding();
  const tabIndents = (): void => {
    if (cursor.column <= indent && cursor.peek() === '\t') cursor.fail('found a tab character that violates indentation', start);
  };
  let text = '';
  while (!cursor.atDocumentIndicator() && cursor.peek() !== '#') {
    for (let char = cursor.peek(); !isSpace(char); char = cursor.peek()) {
      if ((char === ':' && isSpace(cursor.peek(1))) || (inFlow && endsPlainInFlow(char))) break;
      text += folding.take() + cursor.take();
    }
    const next = cursor.peek();
    if (!isBlank(next) && !isBreak(next)) break;
    folding.read(cursor, tabIndents);
    if (!inFlow && cursor.column <= indent) break;
  }
  return { text, broken: folding.broken };
}

const ESCAPES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '0': '\0',
    a: '\x07',
    b: '\b',
    t: '\t',
    '\t': '\t',
    n: '\n',
    v: '\v',
    f: '\f',
    r: '\r',
    e: '\x1b',
    ' ': ' ',
    '"': '"',
    "'": "'",
    '\\': '\\',
    N: '\x85',
    _: '\xa0',
    L: '\u2028',
    P: '\u2029',
  }),
);
const HEX_ESCAPES: ReadonlyMap<string, number> = new Map([
  ['x', 2],
  ['u', 4],
  ['U', 8],
]);

function readEscape(cursor: Cursor, start: Mark): string {
  const kind = cursor.peek(1);
  const digits = HEX_ESCAPES.get(kind);
  const plain = ESCAPES.get(kind);
  if (digits === undefined && plain === undefined) cursor.fail('found unknown escape character', start);
  cursor.skip(2);
  if (digits === undefined) return plain as string;
  let code = '';
  for (let i = 0; i < digits; i++) {
    if (!/^[0-9a-fA-F]$/.test(cursor.peek(i))) cursor.fail('did not find expected hexdecimal number', start);
    code += cursor.peek(i);
  }
  const value = Number.parseInt(code, 16);
  if ((value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff) cursor.fail('found invalid Unicode character escape code', start);
  cursor.skip(digits);
  return String.fromCodePoint(value);
}

/** Stands at the first quote, and behind the last one after it. */
export function readQuoted(cursor: Cursor): string {
  const start = cursor.mark();
  const quote = cursor.take();
  const folding = new Folding();
  let text = '';
  for (;;) {
    if (cursor.atDocumentIndicator()) cursor.fail('found unexpected document indicator', start);
    if (cursor.peek() === '') cursor.fail('found unexpected end of stream', start);
    for (let char = cursor.peek(); !isSpace(char); char = cursor.peek()) {
      if (quote === "'" && char === quote && cursor.peek(1) === quote) {
        text += quote;
        cursor.skip(2);
      } else if (char === quote) break;
      else if (quote === '"' && char === '\\') {
        if (isBreak(cursor.peek(1))) {
          cursor.take();
          cursor.takeBreak();
          folding.breakLine('');
          break;
        }
        text += readEscape(cursor, start);
      } else text += cursor.take();
    }
    if (cursor.peek() === quote) break;
    folding.read(cursor);
    text += folding.take();
  }
  cursor.take();
  return text;
}

type Chomping = 'clip' | 'strip' | 'keep';

/** What stands behind `|` or `>`. */
function readHeader(cursor: Cursor, start: Mark): { readonly chomping: Chomping; readonly increment: number } {
  let chomping: Chomping = 'clip';
  let increment = 0;
  const sign = (): void => {
    const char = cursor.peek();
    if (char !== '+' && char !== '-') return;
    chomping = char === '+' ? 'keep' : 'strip';
    cursor.take();
  };
  sign();
  if (/^[0-9]$/.test(cursor.peek())) {
    if (cursor.peek() === '0') cursor.fail('found an indentation indicator equal to 0', start);
    increment = Number(cursor.take());
    if (chomping === 'clip') sign();
  }
  cursor.skipBlanks();
  cursor.skipComment();
  if (cursor.peek() !== '' && !isBreak(cursor.peek())) cursor.fail('did not find expected comment or line break', start);
  if (isBreak(cursor.peek())) cursor.takeBreak();
  return { chomping, increment };
}

/** Stands at `|` or `>`. @param indent of the collection it stands in */
export function readBlockScalar(cursor: Cursor, indent: number): string {
  const start = cursor.mark();
  const literal = cursor.take() === '|';
  const { chomping, increment } = readHeader(cursor, start);
  let own = increment === 0 ? 0 : Math.max(indent, 0) + increment;
  /** Empty lines, and the indentation where it is still to be found. */
  const emptyLines = (): string => {
    let breaks = '';
    let widest = 0;
    for (;;) {
      while ((own === 0 || cursor.column < own) && cursor.peek() === ' ') cursor.take();
      widest = Math.max(widest, cursor.column);
      if ((own === 0 || cursor.column < own) && cursor.peek() === '\t') {
        cursor.fail('found a tab character where an indentation space is expected', start);
      }
      if (!isBreak(cursor.peek())) break;
      breaks += cursor.takeBreak();
    }
    if (own === 0) own = Math.max(widest, indent + 1, 1);
    return breaks;
  };
  let text = '';
  let lastBreak = '';
  let afterBlank = false;
  let empty = emptyLines();
  while (cursor.column === own && cursor.peek() !== '') {
    const blank = isBlank(cursor.peek());
    const folds = !literal && !afterBlank && !blank && lastBreak === '\n';
    text += folds ? (empty === '' ? ' ' : empty) : lastBreak + empty;
    afterBlank = blank;
    while (cursor.peek() !== '' && !isBreak(cursor.peek())) text += cursor.take();
    lastBreak = cursor.peek() === '' ? '' : cursor.takeBreak();
    empty = emptyLines();
  }
  if (chomping !== 'strip') text += lastBreak;
  if (chomping === 'keep') text += empty;
  return text;
}
