// JSON values as YAML: keys in natural order, text plain where it can be. Source: go-yaml v2 encode.go, sorter.go, and libyaml
// emitter.c for how text is written.
import { goFloat } from '../go-format.ts';
import { scalarValue } from './scalar-values.ts';
import { isLineBreak, isPrintable, Writer } from './writer.ts';

const INDENT = 2;
/** What is greater is no whole number to those who read it. */
const MAX_UINT64 = 2 ** 64;
/** Bytes of a key that stands before its colon on one line. */
const SIMPLE_KEY = 128;

/** A JSON value as YAML: keys sorted, lists not indented, as `kubectl get -o yaml` shows it. Source: JSONToYAML. */
export function toYaml(value: unknown): string {
  const writer = new Writer();
  printNode(writer, value, -1, 'root');
  writer.beginLine(0);
  return writer.text;
}

type Place = 'root' | 'sequence' | 'mapping';

/** @param indent of the collection it stands in; -1 for none */
function printNode(writer: Writer, value: unknown, indent: number, place: Place): void {
  if (typeof value !== 'object' || value === null) return printScalar(writer, value, nested(indent, true), false);
  const inner = nested(indent, false);
  if (Array.isArray(value)) {
    if (value.length === 0) return printEmpty(writer, '[', ']');
    // Items of a list stand below its key, not further in.
    const own = place === 'mapping' && !writer.isIndenting ? Math.max(indent, 0) : inner;
    for (const item of value) {
      writer.beginLine(own);
      writer.indicator('-', { indents: true });
      printNode(writer, item, own, 'sequence');
    }
    return;
  }
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  if (members.length === 0) return printEmpty(writer, '{', '}');
  for (const [key, member] of members.toSorted(([a], [b]) => naturalOrder(a, b))) {
    writer.beginLine(inner);
    const simple = Buffer.byteLength(key) <= SIMPLE_KEY && ![...key].some(isLineBreak);
    if (!simple) writer.indicator('?', { indents: true });
    printScalar(writer, key, inner + INDENT, simple);
    if (!simple) writer.beginLine(inner);
    writer.indicator(':', { apart: !simple, indents: !simple });
    printNode(writer, member, inner, 'mapping');
  }
}

const nested = (indent: number, scalar: boolean): number => (indent < 0 ? (scalar ? INDENT : 0) : indent + INDENT);

function printEmpty(writer: Writer, open: string, close: string): void {
  writer.indicator(open, { spaced: true });
  writer.indicator(close, { apart: false });
}

/** @param key whether it stands before a colon, on one line */
function printScalar(writer: Writer, value: unknown, indent: number, key: boolean): void {
  if (typeof value !== 'string') return writer.plain(numberText(value), !key, indent);
  const may = waysOf(value);
  const known = typeof scalarValue(value, true, '') !== 'string' && value !== '<<';
  if (value.includes('\n') && may.literal && !key) writer.literal(value, indent);
  else if (value.includes('\n') || known || looksLikeTime(value)) writer.escaped(value, !key, indent);
  else if (may.plain && !(value === '' && key)) writer.plain(value, !key, indent);
  else if (may.quoted) writer.quoted(value, !key, indent);
  else writer.escaped(value, !key, indent);
}

function numberText(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value !== 'number') return String(value);
  return Number.isInteger(value) && Math.abs(value) < MAX_UINT64 ? String(value) : goFloat(value);
}

/** Times, and numbers to the base of 60, which older readers take for more than text. Source: parseTimestamp, isBase60Float. */
const looksLikeTime = (text: string): boolean => TIMES.some((form) => form.test(text)) || SEXAGESIMAL.test(text);
const TIMES: readonly RegExp[] = [
  /^\d{4}-\d{1,2}-\d{1,2}$/,
  /^\d{4}-\d{1,2}-\d{1,2}[Tt]\d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?(?:Z|[-+]\d{2}:\d{2})$/,
  /^\d{4}-\d{1,2}-\d{1,2} \d{1,2}:\d{1,2}:\d{1,2}(?:\.\d+)?$/,
];
const SEXAGESIMAL = /^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$/;

interface Ways {
  readonly plain: boolean;
  readonly quoted: boolean;
  readonly literal: boolean;
}

/** Indicators that text may not begin with, and those that it may, with more than a blank behind them. */
const FIRST = '#,[]{}&*!|>\'"%@`';
const FIRST_ALONE = '?:-';

/** How text may be written without escapes. Source: yaml_emitter_analyze_scalar. */
function waysOf(text: string): Ways {
  if (text === '') return { plain: true, quoted: true, literal: false };
  const chars = [...text];
  const ends = (char: string | undefined): boolean => char === undefined || char === ' ' || char === '\t' || isLineBreak(char);
  let indicators = text.startsWith('---') || text.startsWith('...');
  let special = false;
  let spaceThenBreak = false;
  let breakThenSpace = false;
  chars.forEach((char, i) => {
    const before = chars[i - 1];
    const alone = ends(chars[i + 1]);
    if (i === 0) indicators ||= FIRST.includes(char) || (FIRST_ALONE.includes(char) && alone);
    else indicators ||= (char === ':' && alone) || (char === '#' && ends(before));
    special ||= !isPrintable(char);
    spaceThenBreak ||= isLineBreak(char) && before === ' ';
    breakThenSpace ||= char === ' ' && before !== undefined && isLineBreak(before);
  });
  const [first, last] = [chars[0] as string, chars.at(-1) as string];
  const loose = [first, last].some((char) => char === ' ' || isLineBreak(char));
  const broken = spaceThenBreak || special;
  return {
    plain: !indicators && !loose && !breakThenSpace && !broken && !chars.some(isLineBreak),
    quoted: !breakThenSpace && !broken,
    literal: last !== ' ' && !broken,
  };
}

const isLetter = (char: string): boolean => /^\p{L}$/u.test(char);
const isDigit = (char: string): boolean => /^\p{Nd}$/u.test(char);

/** `a2` before `a10`; letters after everything else. Source: keyList.Less. */
function naturalOrder(a: string, b: string): number {
  const [left, right] = [[...a], [...b]];
  const shorter = Math.min(left.length, right.length);
  let digits = false;
  for (let i = 0; i < shorter; i++) {
    const [x, y] = [left[i] as string, right[i] as string];
    if (x === y) {
      digits = isDigit(x);
      continue;
    }
    const [xLetter, yLetter] = [isLetter(x), isLetter(y)];
    if (xLetter && yLetter) return x < y ? -1 : 1;
    if (xLetter || yLetter) return (digits ? xLetter : yLetter) ? -1 : 1;
    return numberAt(left, right, i) || (x < y ? -1 : 1);
  }
  return left.length - right.length;
}

/** Compares the numbers that differ from `at` on; 0 where none are there. A zero counts where digits stand before it. */
function numberAt(left: readonly string[], right: readonly string[], at: number): number {
  let before = 0;
  if (left[at] === '0' || right[at] === '0') {
    for (let j = at - 1; j >= 0 && isDigit(left[j] as string); j--) if (left[j] !== '0') before = 1;
  }
  const read = (chars: readonly string[]): readonly [value: number, end: number] => {
    let value = before;
    let end = at;
    for (; end < chars.length && isDigit(chars[end] as string); end++) value = value * 10 + Number(chars[end]);
    return [value, end];
  };
  const [[x, xEnd], [y, yEnd]] = [read(left), read(right)];
  return x === y ? xEnd - yEnd : x - y;
}
