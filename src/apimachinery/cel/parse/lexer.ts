// Text to tokens, by the longest match. Source: cel-go parser/gen/CEL.g4.
import type { Problems } from '../source.ts';

export type TokenKind = 'NUM_FLOAT' | 'NUM_INT' | 'NUM_UINT' | 'STRING' | 'BYTES' | 'IDENTIFIER' | 'ESC_IDENTIFIER' | 'EOF' | 'symbol';

export interface Token {
  /** `symbol`: operators, brackets and the words true, false, null and in; `text` says which. */
  readonly kind: TokenKind;
  readonly text: string;
  readonly offset: number;
}

const ESCAPE = String.raw`\\(?:[abfnrtv"'\\?` + '`' + String.raw`]|[0-3][0-7][0-7]|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})`;
const STRING = [
  String.raw`[rR]"""[^]*?"""`,
  String.raw`[rR]'''[^]*?'''`,
  String.raw`[rR]"[^"\n\r]*"`,
  String.raw`[rR]'[^'\n\r]*'`,
  String.raw`"""(?:${ESCAPE}|[^\\])*?"""`,
  String.raw`'''(?:${ESCAPE}|[^\\])*?'''`,
  String.raw`"(?:${ESCAPE}|[^\\"\n\r])*"`,
  String.raw`'(?:${ESCAPE}|[^\\'\n\r])*'`,
].join('|');

const SKIPPED = /(?:[\t \r\n\f]+|\/\/[^\n]*)+/y;
/** Alternatives where one never is the beginning of a longer match of a later one. */
const RULES: readonly (readonly [TokenKind, RegExp])[] = [
  ['BYTES', new RegExp(`[bB](?:${STRING})`, 'y')],
  ['STRING', new RegExp(STRING, 'y')],
  ['IDENTIFIER', /[A-Za-z_]\w*/y],
  ['ESC_IDENTIFIER', /`[\w./ -]+`/y],
  ['NUM_FLOAT', /\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?/y],
  ['NUM_UINT', /(?:0x[0-9a-fA-F]+|\d+)[uU]/y],
  ['NUM_INT', /0x[0-9a-fA-F]+|\d+/y],
  ['symbol', /==|!=|<=|>=|&&|\|\||[<>[\]{}().,\-!?:+*/%]/y],
];
const WORDS: ReadonlySet<string> = new Set(['true', 'false', 'null', 'in']);
/** As far as a string goes before the character that cannot be part of it. */
const BROKEN_STRING = new RegExp(`"(?:${ESCAPE}|[^\\\\"\\n\\r])*(?:\\\\(?:[0-3][0-7]?|[xX][0-9a-fA-F]?|[uU][0-9a-fA-F]*)?)?`, 'y');
const BROKEN_QUOTE = new RegExp(BROKEN_STRING.source.replace('"', "'").replace('\\\\"', "\\\\'"), 'y');

/** Ends with EOF. What is no token is reported and skipped. */
export function tokenize(text: string, problems: Problems): readonly Token[] {
  const tokens: Token[] = [];
  let offset = 0;
  for (;;) {
    offset += match(SKIPPED, text, offset).length;
    if (offset >= text.length) break;
    const token = tokenAt(text, offset);
    if (token !== undefined) {
      tokens.push(token);
      offset += token.text.length;
      continue;
    }
    const broken = brokenAt(text, offset);
    problems.add(offset, `Syntax error: token recognition error at: '${escapeSpace(broken)}'`);
    offset += broken.length;
  }
  tokens.push({ kind: 'EOF', text: '<EOF>', offset: text.length });
  return tokens;
}

function tokenAt(text: string, offset: number): Token | undefined {
  for (const [kind, rule] of RULES) {
    const found = match(rule, text, offset);
    if (found !== '') return { kind: WORDS.has(found) ? 'symbol' : kind, text: found, offset };
  }
  return undefined;
}

function match(rule: RegExp, text: string, offset: number): string {
  rule.lastIndex = offset;
  return rule.exec(text)?.[0] ?? '';
}

/** From a token's first character to the one that spoilt it. */
function brokenAt(text: string, offset: number): string {
  const first = String.fromCodePoint(text.codePointAt(offset) ?? 0);
  const begun = first === '"' ? match(BROKEN_STRING, text, offset) : first === "'" ? match(BROKEN_QUOTE, text, offset) : first;
  const spoils = '"\'|&='.includes(first) ? text.codePointAt(offset + begun.length) : undefined;
  return spoils === undefined ? begun : begun + String.fromCodePoint(spoils);
}

function escapeSpace(text: string): string {
  return text.replaceAll('\n', '\\n').replaceAll('\t', '\\t').replaceAll('\r', '\\r');
}
