// What can be known to be wrong without running: elements of different types in one literal, constants that are no
// duration, time, pattern or format. Source: cel-go cel/validator.go.
import { EvaluationError } from '../errors.ts';
import { pattern } from '../library/regex.ts';
import type { Problems } from '../source.ts';
import { isOptional, typeName, typeParams, type Type } from '../types.ts';
import { parseGoDuration, parseTimestamp } from '../values/times.ts';
import { formatType } from './format-type.ts';
import { checkFormat } from './formats.ts';
import type { CallNode, ListNode, MapNode, Node } from './node.ts';

/** @param mixedLiterals elements of one literal may be of several types */
export function checkLiterals(root: Node, problems: Problems, mixedLiterals: boolean): void {
  visit(root, mixedLiterals);

  /** `mixed` is so below a call of `format` as well. */
  function visit(node: Node, mixed: boolean): void {
    if (node.kind === 'call') {
      checkCall(node, problems);
      checkFormat(node, problems);
    }
    if (!mixed && node.kind === 'list') checkList(node, problems);
    if (!mixed && node.kind === 'map') checkMap(node, problems);
    const below = mixed || (node.kind === 'call' && node.name === 'format');
    for (const part of partsOf(node)) visit(part, below);
  }
}

export function partsOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'literal':
    case 'ident':
      return [];
    case 'select':
      return [node.operand];
    case 'call':
      return node.target === undefined ? node.args : [node.target, ...node.args];
    case 'list':
      return node.elements;
    case 'map':
      return node.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return node.fields.map(({ value }) => value);
    case 'loop':
      return [node.range, node.init, node.condition, node.step, node.result];
  }
}

const VALID: Readonly<Record<string, (text: string) => boolean>> = {
  duration: (text) => parseGoDuration(text) !== undefined,
  timestamp: isTime,
  matches: (text) => pattern(text) !== undefined,
};

function isTime(text: string): boolean {
  try {
    return parseTimestamp(text) !== undefined;
  } catch (error) {
    if (error instanceof EvaluationError) return false;
    throw error;
  }
}

function checkCall({ name, args }: CallNode, problems: Problems): void {
  const [argument] = args;
  const valid = Object.hasOwn(VALID, name) ? VALID[name] : undefined;
  if (valid === undefined || argument?.kind !== 'literal' || typeof argument.value !== 'string') return;
  if (!valid(argument.value)) problems.add(argument.offset ?? 0, `invalid ${name} argument`);
}

function checkList({ elements, optional }: ListNode, problems: Problems): void {
  const types = elements.map(({ type }, i) => (optional.has(i) ? unwrapped(type) : type));
  const [first] = types;
  const wrong = types.findIndex((type) => first !== undefined && !equivalent(first, type));
  if (wrong > 0) mismatch(problems, elements[wrong] as Node, first as Type, types[wrong] as Type);
}

function checkMap({ entries }: MapNode, problems: Problems): void {
  const [first] = entries;
  if (first === undefined) return;
  const valueType = ({ value, optional }: MapNode['entries'][number]): Type => (optional ? unwrapped(value.type) : value.type);
  for (const entry of entries) {
    if (!equivalent(first.key.type, entry.key.type)) mismatch(problems, entry.key, first.key.type, entry.key.type);
    if (!equivalent(valueType(first), valueType(entry))) mismatch(problems, entry.value, valueType(first), valueType(entry));
  }
}

const unwrapped = (type: Type): Type => (isOptional(type) ? (type.params[0] as Type) : type);

/** The same, names of type variables aside. */
function equivalent(a: Type, b: Type): boolean {
  if (a.kind !== b.kind || (a.kind !== 'param' && typeName(a) !== typeName(b))) return false;
  const [left, right] = [typeParams(a), typeParams(b)];
  return left.length === right.length && left.every((param, i) => equivalent(param, right[i] as Type));
}

function mismatch(problems: Problems, node: Node, expected: Type, found: Type): void {
  problems.add(node.offset ?? 0, `expected type '${formatType(expected)}' but found '${formatType(found)}'`);
}
