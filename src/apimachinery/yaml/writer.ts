// Characters of YAML that is written: where a line begins, and how far it is indented. Source: libyaml emitter.c.

/** Lines are broken at the first space behind so many columns. */
const WIDTH = 80;

/** Of text that is written as it is; what is not has to be escaped. */
const UNPRINTABLE = /[^\n\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]/u;
export const isPrintable = (char: string): boolean => !UNPRINTABLE.test(char);
export const isLineBreak = (char: string): boolean => /^[\r\n\x85\u2028\u2029]$/.test(char);

export class Writer {
  text = '';
  private column = 0;
  /** Whether the last character was a space, or none is needed after it. */
  private spaced = true;
  /** Whether nothing but indicators stands on this line. */
  private indents = true;

  get isIndenting(): boolean {
    return this.indents;
  }

  /** A new line, unless this one has nothing but indicators up to `indent`. */
  beginLine(indent: number): void {
    const at = Math.max(indent, 0);
    if (!this.indents || this.column > at || (this.column === at && !this.spaced)) this.breakLine();
    if (this.column < at) this.text += ' '.repeat(at - this.column);
    this.column = Math.max(this.column, at);
    this.spaced = true;
    this.indents = true;
  }

  indicator(text: string, { apart = true, spaced = false, indents = false } = {}): void {
    if (apart && !this.spaced) this.put(' ');
    this.put(text);
    this.spaced = spaced;
    this.indents &&= indents;
  }

  put(text: string): void {
    this.text += text;
    this.column += text.length;
  }

  breakLine(as = '\n'): void {
    this.text += as;
    this.column = 0;
    this.spaced = true;
    this.indents = true;
  }

  /** Text without a line break. @param folds whether a long line may go on in the next one, so far in */
  plain(text: string, folds: boolean, indent: number): void {
    if (text !== '' && !this.spaced) this.put(' ');
    this.folded(text, folds, indent, 0, (char) => this.put(char));
    this.end();
  }

  quoted(text: string, folds: boolean, indent: number): void {
    this.indicator("'");
    let broken = false;
    this.folded(text, folds, indent, 1, (char) => {
      if (isLineBreak(char)) {
        if (!broken && char === '\n') this.breakLine();
        this.breakLine(char);
        broken = true;
        return;
      }
      if (broken) this.beginLine(indent);
      broken = false;
      this.put(char === "'" ? "''" : char);
    });
    this.indicator("'", { apart: false });
    this.end();
  }

  escaped(text: string, folds: boolean, indent: number): void {
    this.indicator('"');
    const chars = [...text];
    let space = false;
    chars.forEach((char, i) => {
      if (char !== ' ') {
        this.put(escapeOf(char));
        space = false;
        return;
      }
      if (folds && !space && this.column > WIDTH && i > 0 && i < chars.length - 1) {
        this.beginLine(indent);
        if (chars[i + 1] === ' ') this.put('\\');
      } else this.put(char);
      space = true;
    });
    this.indicator('"', { apart: false });
    this.end();
  }

  literal(text: string, indent: number): void {
    const breaks = isLineBreak(text.at(-1) as string);
    const keeps = breaks && (text.length === 1 || isLineBreak(text.at(-2) as string));
    this.indicator(`|${text.startsWith(' ') || isLineBreak(text[0] as string) ? '2' : ''}${!breaks ? '-' : keeps ? '+' : ''}`);
    this.breakLine();
    let broken = true;
    for (const char of text) {
      if (isLineBreak(char)) {
        this.breakLine(char);
        broken = true;
        continue;
      }
      if (broken) this.beginLine(indent);
      this.put(char);
      this.indents = false;
      broken = false;
    }
  }

  /** @param margin characters at both ends where no line is broken */
  private folded(text: string, folds: boolean, indent: number, margin: number, write: (char: string) => void): void {
    const chars = [...text];
    let space = false;
    chars.forEach((char, i) => {
      const inside = i >= margin && i < chars.length - margin;
      if (char === ' ' && folds && !space && this.column > WIDTH && inside && chars[i + 1] !== ' ') this.beginLine(indent);
      else write(char);
      space = char === ' ';
    });
  }

  private end(): void {
    this.spaced = false;
    this.indents = false;
  }
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\0', '\\0'],
  ['\x07', '\\a'],
  ['\b', '\\b'],
  ['\t', '\\t'],
  ['\n', '\\n'],
  ['\v', '\\v'],
  ['\f', '\\f'],
  ['\r', '\\r'],
  ['\x1b', '\\e'],
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\x85', '\\N'],
  ['\xa0', '\\_'],
  ['\u2028', '\\L'],
  ['\u2029', '\\P'],
]);

function escapeOf(char: string): string {
  if (isPrintable(char) && !isLineBreak(char) && char !== '"' && char !== '\\') return char;
  const short = ESCAPES.get(char);
  if (short !== undefined) return short;
  const code = (char.codePointAt(0) as number).toString(16).toUpperCase();
  return code.length <= 2
    ? `\\x${code.padStart(2, '0')}`
    : code.length <= 4
      ? `\\u${code.padStart(4, '0')}`
      : `\\U${code.padStart(8, '0')}`;
}
