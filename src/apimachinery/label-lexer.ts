// Splits the string syntax of a label selector into tokens. Source: apimachinery pkg/labels Lexer.

const SYMBOLS = [')', ',', '!', '==', '=', '>', '<', '!=', '('] as const;
const KEYWORDS = ['in', 'notin'] as const;

export type SelectorToken = (typeof SYMBOLS)[number] | (typeof KEYWORDS)[number] | 'identifier' | 'end' | 'error';

export interface Token {
  readonly kind: SelectorToken;
  readonly text: string;
}

const SPECIAL = '=!(),><';
const SPACE = ' \t\r\n';

const symbolOf = (text: string): SelectorToken | undefined => SYMBOLS.find((s) => s === text);

/** The last token is always `end`. A NUL ends the text, as upstream's reader takes it. */
export function lexSelector(source: string): readonly Token[] {
  const tokens: Token[] = [];
  const nul = source.indexOf('\0');
  const end = nul === -1 ? source.length : nul;
  let pos = 0;
  for (;;) {
    while (pos < end && SPACE.includes(source[pos] as string)) pos++;
    if (pos >= end) return [...tokens, { kind: 'end', text: '' }];
    const start = pos;
    if (SPECIAL.includes(source[pos] as string)) {
      pos = symbolEnd(source, pos, end);
      const text = source.slice(start, pos);
      const kind = symbolOf(text);
      tokens.push(kind === undefined ? { kind: 'error', text: `error expected: keyword found '${text}'` } : { kind, text });
    } else {
      while (pos < end && !SPECIAL.includes(source[pos] as string) && !SPACE.includes(source[pos] as string)) pos++;
      const text = source.slice(start, pos);
      tokens.push({ kind: KEYWORDS.find((k) => k === text) ?? 'identifier', text });
    }
  }
}

/** Symbols are taken greedily: `==` before `=`. */
function symbolEnd(source: string, start: number, end: number): number {
  let pos = start + 1;
  while (pos < end && symbolOf(source.slice(start, pos + 1)) !== undefined) pos++;
  return pos;
}
