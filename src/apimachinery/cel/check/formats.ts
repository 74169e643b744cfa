// Formats that are constant, with the list of what they show: `'%s is %d'.format([a, b])`.
// Source: cel-go ext/formatting.go stringFormatValidator, version 1.
import { typeName, type Type } from '../types.ts';
import type { CallNode, ListNode, Node } from './node.ts';
import type { Problems } from '../source.ts';

type Kind = Type['kind'];

interface Clause {
  readonly kinds: ReadonlySet<Kind>;
  readonly refusal: string;
}

const clause = (refusal: string, ...kinds: readonly Kind[]): Clause => ({ kinds: new Set(kinds), refusal });

const HEXADECIMAL = clause('only integers, byte buffers, and strings can be formatted as hex', 'int', 'uint', 'string', 'bytes');
const CLAUSES: Readonly<Record<string, Clause>> = {
  s: clause(
    'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps',
    ...(['list', 'map', 'int', 'uint', 'double', 'bool', 'string', 'timestamp', 'bytes', 'duration', 'type', 'null_type'] as const),
  ),
  d: clause('decimal clause can only be used on integers', 'int', 'uint'),
  f: clause('fixed-point clause can only be used on doubles', 'double', 'string'),
  e: clause('scientific clause can only be used on doubles', 'double', 'string'),
  b: clause('only integers and bools can be formatted as binary', 'int', 'uint', 'bool'),
  o: clause('octal clause can only be used on integers', 'int', 'uint'),
  x: HEXADECIMAL,
  X: HEXADECIMAL,
};

const NEXT = /%(?:%|(?:\.(?<precision>\d*))?(?<verb>[^]?))/g;
const MOST_PRECISE = 2n ** 63n - 1n;

/** Tells of the first clause that is wrong, or of arguments that are too many. */
export function checkFormat(call: CallNode, problems: Problems): void {
  const [args] = call.args;
  if (call.name !== 'format' || call.target?.kind !== 'literal' || args?.kind !== 'list' || call.args.length !== 1) return;
  if (typeof call.target.value !== 'string') return;
  const wrong = wrongIn(call.target.value, args);
  if (wrong !== undefined) problems.add((wrong.at ?? call).offset ?? 0, wrong.message);
}

function wrongIn(text: string, { elements }: ListNode): { readonly message: string; readonly at?: Node } | undefined {
  let shown = 0;
  // Byte by byte, as it is read.
  const bytes = Buffer.from(text).toString('latin1');
  for (const { 0: all, index, groups } of bytes.matchAll(NEXT)) {
    if (all === '%%') continue;
    if (index + 1 === bytes.length) return { message: 'unexpected end of string' };
    const element = elements[shown];
    if (element === undefined) return { message: `index ${shown} out of range` };
    shown++;
    const verb = groups?.['verb'] ?? '';
    const misread = imprecise(groups?.['precision'], verb);
    if (misread !== undefined) return { message: `could not parse formatting clause: error while parsing precision: ${misread}` };
    const wanted = Object.hasOwn(CLAUSES, verb) ? CLAUSES[verb] : undefined;
    if (wanted === undefined) return { message: `could not parse formatting clause: unrecognized formatting clause "${verb}"` };
    const at = misfit(element, wanted.kinds, verb === 's');
    if (at !== undefined) return { at, message: `error during formatting: ${wanted.refusal}, was given ${typeName(at.type)}` };
  }
  if (elements.length <= shown) return undefined;
  return { message: `too many arguments supplied to string.format (expected ${shown}, got ${elements.length})` };
}

function imprecise(precision: string | undefined, verb: string): string | undefined {
  if (precision === undefined) return undefined;
  if (verb === '') return 'could not find end of precision specifier';
  const why = precision === '' ? 'invalid syntax' : BigInt(precision) > MOST_PRECISE ? 'value out of range' : undefined;
  return why && `error while converting precision to integer: strconv.Atoi: parsing "${precision}": ${why}`;
}

/** The first part that cannot be shown so. @param deep elements of a literal are looked at too */
function misfit(node: Node, kinds: ReadonlySet<Kind>, deep: boolean): Node | undefined {
  if (node.type.kind !== 'dyn' && !kinds.has(node.type.kind)) return node;
  const parts = !deep
    ? []
    : node.kind === 'list'
      ? node.elements
      : node.kind === 'map'
        ? node.entries.flatMap(({ key, value }) => [key, value])
        : [];
  for (const part of parts) {
    const wrong = misfit(part, kinds, deep);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}
