// What a call can cost and how large its result can be, by the sizes of its arguments. Any change to these figures changes
// which rules a definition may contain: they are upstream's.
// Source: apiserver library/cost.go EstimateCallCost; cel-go checker/cost.go functionCost, ext/lists.go, ext/sets.go.
import type { Node } from '../check/node.ts';
import { typeParams } from '../types.ts';
import { isInt } from '../values/numbers.ts';
import { fixed, MOST, NOTHING, plus, scaled, times, union, UNKNOWN, type Range } from './sizes.ts';

/** An operand as estimates see it. */
export interface Operand {
  readonly node: Node;
  readonly size: Range | undefined;
  /** Of a list: the sizes of its items, where a schema says. */
  items(): Range | undefined;
}

export interface CallEstimate {
  readonly cost: Range;
  /** undefined where the call says nothing of it. */
  readonly result?: Range;
}

export interface EstimatedCall {
  readonly name: string;
  readonly overload: string;
  readonly target: Operand | undefined;
  readonly args: readonly Operand[];
}

const TRAVERSAL = 0.1;
const REGEX = 0.25;
const ONE = fixed(1);
const LIST = fixed(10);
const CHECK = fixed(350_000);
/** An address has four or sixteen bytes. */
const ADDRESS: Range = { min: 4, max: 16 };
/** Source: limits.go MaxNameFormatRegexSize. */
const FORMAT_REGEX = 128;

const sizeOf = (operand: Operand | undefined): Range => operand?.size ?? UNKNOWN;
const traversal = (size: Range): Range => scaled(size, TRAVERSAL);

type Estimate = (call: EstimatedCall) => CallEstimate | undefined;

const nominal: Estimate = () => ({ cost: ONE });
const readArgument: Estimate = ({ args }) => ({ cost: traversal(sizeOf(args[0])) });
const copyArgument: Estimate = ({ args }) => ({ cost: traversal(sizeOf(args[0])), result: sizeOf(args[0]) });
const copyTarget: Estimate = ({ target }) => ({ cost: traversal(sizeOf(target)), result: sizeOf(target) });

/** Reading a list's items, or a string. */
const traverse: Estimate = ({ target }) => {
  const type = target?.node.type;
  if (type?.kind !== 'list') return { cost: traversal(sizeOf(target)) };
  const items = target?.items() ?? UNKNOWN;
  const long = type.items.kind === 'string' || type.items.kind === 'bytes';
  return { cost: times(sizeOf(target), long ? plus(ONE, traversal(items)) : ONE) };
};

const replace: Estimate = ({ target, args }) => {
  const size = sizeOf(target);
  const [from, to] = [sizeOf(args[0]), sizeOf(args[1])];
  const most = longest(size.max, from.min, to.max);
  const least = shortest(size.min, from.max, to.min);
  return {
    cost: scaled(size, 2 * TRAVERSAL),
    result: plus(times({ min: least.count, max: most.count }, to), { min: least.kept, max: most.kept }),
  };
};

interface Replaced {
  readonly count: number;
  readonly kept: number;
}

function longest(size: number, from: number, to: number): Replaced {
  if (from === 0) return { count: Math.min(size + 1, MOST), kept: size };
  return to <= from ? { count: 0, kept: size } : { count: Math.ceil(size / from), kept: 0 };
}

function shortest(size: number, from: number, to: number): Replaced {
  if (from === 0) return { count: Math.min(size + 1, MOST), kept: size };
  return from <= to ? { count: 0, kept: size } : { count: Math.ceil(size / from), kept: 0 };
}

const split: Estimate = ({ target, args }) => {
  const size = sizeOf(target);
  const most = args[1]?.node.kind === 'literal' && isInt(args[1].node.value) ? Number(args[1].node.value) : size.max;
  return { cost: scaled(size, 2 * TRAVERSAL), result: { min: 0, max: most < 0 ? MOST : most } };
};

const join: Estimate = ({ target, args }) => {
  const list = sizeOf(target);
  const isList = target !== undefined && typeParams(target.node.type).length > 0;
  let size = isList ? times(list, target.items() ?? UNKNOWN) : NOTHING;
  if (args.length > 0) size = plus(size, times(sizeOf(args[0]), { min: Math.max(0, list.min - 1), max: Math.max(0, list.max - 1) }));
  return { cost: traversal(size), result: size };
};

const regexCost = (text: Operand | undefined, pattern: Operand | undefined): Range =>
  times(traversal(plus(sizeOf(text), ONE)), scaled(sizeOf(pattern), REGEX));
const find: Estimate = ({ target, args }) => ({ cost: regexCost(target, args[0]), result: { min: 0, max: sizeOf(target).max } });

const selector: Estimate = ({ args }) => {
  const size = sizeOf(args[0]);
  return { cost: plus(plus(LIST, traversal(size)), scaled(scaled(size, 0.5), 50)) };
};

const contains =
  (masked: boolean): Estimate =>
  ({ overload, args }) => {
    let cost = traversal(plus(ADDRESS, ADDRESS));
    if (masked) cost = plus(plus(cost, traversal(ADDRESS)), ONE);
    return { cost: overload.endsWith('_string') ? plus(cost, traversal(sizeOf(args[0]))) : cost };
  };

/** `==` of opaque types is of one step. */
const UNIT_EQUALITY: ReadonlySet<string> = new Set([
  ...['net.IP', 'net.CIDR', 'kubernetes.Quantity', 'kubernetes.Semver', 'kubernetes.authorization.Authorizer'],
  ...['kubernetes.authorization.PathCheck', 'kubernetes.authorization.GroupCheck', 'kubernetes.authorization.ResourceCheck'],
  'kubernetes.authorization.Decision',
]);

const equality: Estimate = ({ args }) => {
  const [left, right] = [args[0]?.node.type, args[1]?.node.type];
  if (left === undefined || right === undefined || !('name' in left && 'name' in right) || left.name !== right.name) return undefined;
  if (UNIT_EQUALITY.has(left.name)) return { cost: ONE };
  if (left.name === 'kubernetes.NamedFormat') return { cost: traversal({ min: 1, max: 64 }) };
  if (left.name !== 'kubernetes.URL') return undefined;
  return { cost: traversal({ min: 1, max: args[1]?.size?.max ?? 1 }) };
};

const each = (estimate: Estimate, ...names: readonly string[]): Readonly<Record<string, Estimate>> =>
  Object.fromEntries(names.map((name) => [name, estimate]));

const BY_FUNCTION: Readonly<Record<string, Estimate>> = {
  check: () => ({ cost: CHECK }),
  ...each(nominal, 'serviceAccount', 'path', 'group', 'resource', 'subresource', 'namespace', 'name'),
  ...each(nominal, 'allowed', 'reason', 'error', 'errored', 'format.named', 'major', 'minor', 'patch'),
  ...each(selector, 'fieldSelector', 'labelSelector'),
  ...each(traverse, 'isSorted', 'sum', 'max', 'min', 'indexOf', 'lastIndexOf'),
  ...each(copyArgument, 'url', 'jsonpatch.escapeKey'),
  ...each(copyTarget, 'lowerAscii', 'upperAscii', 'substring', 'trim'),
  replace,
  split,
  join,
  ...each(find, 'find', 'findAll'),
  ...each(readArgument, 'cidr', 'isIP', 'isCIDR', 'quantity', 'isQuantity', 'semver', 'isSemver'),
  ip: (call) => (call.overload === 'cidr_ip' ? { cost: ONE } : readArgument(call)),
  'ip.isCanonical': ({ args }) => ({ cost: scaled(sizeOf(args[0]), 2 * TRAVERSAL) }),
  ...each(nominal, 'masked', 'prefixLength', 'family', 'isUnspecified', 'isLoopback', 'isLinkLocalMulticast', 'isLinkLocalUnicast'),
  ...each(nominal, 'isGlobalUnicast', 'getScheme', 'getHostname', 'getHost', 'getPort', 'getEscapedPath', 'getQuery'),
  containsIP: contains(false),
  containsCIDR: contains(true),
  validate: ({ args }) => ({ cost: scaled(traversal(sizeOf(args[0])), FORMAT_REGEX * REGEX) }),
  ...each(nominal, 'sign', 'asInteger', 'isInteger', 'asApproximateFloat', 'isGreaterThan', 'isLessThan', 'compareTo', 'add', 'sub'),
  '_==_': equality,
};

/** Reading the shorter of two; nothing when one is surely empty. */
const compare: Estimate = ({ args }) => {
  const most = Math.min(sizeOf(args[0]).max, sizeOf(args[1]).max);
  return { cost: traversal({ min: most > 0 ? 1 : 0, max: most }) };
};

const concatenate: Estimate = ({ args }) => {
  const size = plus(sizeOf(args[0]), sizeOf(args[1]));
  return { cost: traversal(size), result: size };
};

/** A call that makes a list, at `factor` for each of `size`. */
const allocating = (factor: number, size: Range): CallEstimate => ({ cost: plus(plus(scaled(size, factor), ONE), LIST), result: size });

function literalInt(operand: Operand | undefined, otherwise: number): number {
  const node = operand?.node;
  return node?.kind === 'literal' && isInt(node.value) ? Math.max(0, Number(node.value)) : otherwise;
}

const sort: Estimate = ({ overload, target, args }) => {
  const keys = sizeOf(overload.endsWith('Keys') ? args[0] : target);
  const long = overload.startsWith('list_string') || overload.startsWith('list_bytes');
  return allocating(long ? 2 + TRAVERSAL : 2, times(keys, keys));
};

const sets =
  (factor: number): Estimate =>
  ({ args }) => ({ cost: plus(scaled(times(sizeOf(args[0]), sizeOf(args[1])), factor), ONE) });

const BY_OVERLOAD: Readonly<Record<string, Estimate>> = {
  list_slice: ({ target, args }) => {
    const size = sizeOf(target);
    return allocating(1, fixed(Math.max(0, literalInt(args[1], size.max) - literalInt(args[0], 0))));
  },
  list_flatten: ({ target }) => allocating(1, sizeOf(target)),
  list_flatten_int: ({ target, args }) => allocating(literalInt(args[0], MOST), sizeOf(target)),
  lists_range: ({ args }) => allocating(1, fixed(literalInt(args[0], MOST))),
  list_reverse: ({ target }) => allocating(1, sizeOf(target)),
  list_distinct: ({ target }) => allocating(2, times(sizeOf(target), sizeOf(target))),
  ...each(sets(1), 'list_sets_contains_list', 'list_sets_intersects_list'),
  list_sets_equivalent_list: sets(2),
  string_format: ({ target }) => ({ cost: traversal(sizeOf(target)) }),
  string_to_bytes: ({ args }) => ({
    cost: traversal(sizeOf(args[0])),
    result: { min: sizeOf(args[0]).min, max: Math.min(MOST, sizeOf(args[0]).max * 4) },
  }),
  bytes_to_string: ({ args }) => ({
    cost: traversal(sizeOf(args[0])),
    result: { min: Math.trunc(sizeOf(args[0]).min / 4), max: sizeOf(args[0]).max },
  }),
  strings_quote: ({ args }) => ({ cost: traversal(sizeOf(args[0])), result: plus(times(sizeOf(args[0]), { min: 1, max: 2 }), fixed(2)) }),
  ...each(({ args }) => ({ cost: traversal(sizeOf(args[0])) }), 'starts_with_string', 'ends_with_string'),
  in_list: ({ args }) => ({ cost: sizeOf(args[1]) }),
  matches_string: ({ target, args }) => ({ cost: regexCost(target, args[0]) }),
  contains_string: ({ target, args }) => ({ cost: times(traversal(sizeOf(target)), traversal(sizeOf(args[0]))) }),
  ...each(concatenate, 'add_string', 'add_bytes'),
  add_list: ({ args }) => ({ cost: ONE, result: plus(sizeOf(args[0]), sizeOf(args[1])) }),
  ...each(compare, 'less_string', 'greater_string', 'less_equals_string', 'greater_equals_string', 'equals', 'not_equals'),
  ...each(compare, 'less_bytes', 'greater_bytes', 'less_equals_bytes', 'greater_equals_bytes'),
};

/** Without what its arguments cost. */
export function estimateCall(call: EstimatedCall): CallEstimate {
  if (/^list_\w+_sort(ByAssociatedKeys)?$/.test(call.overload)) return sort(call) ?? { cost: ONE };
  const extension =
    call.overload.startsWith('list_sets_') || /^lists?_(slice|flatten|flatten_int|range|reverse|distinct)$/.test(call.overload);
  const byFunction = !extension && Object.hasOwn(BY_FUNCTION, call.name) ? BY_FUNCTION[call.name]?.(call) : undefined;
  const byOverload = Object.hasOwn(BY_OVERLOAD, call.overload) ? BY_OVERLOAD[call.overload] : undefined;
  return byFunction ?? byOverload?.(call) ?? { cost: ONE };
}

/** Of several overloads that may be meant. */
export function unionOf(estimates: readonly CallEstimate[]): CallEstimate {
  if (estimates.length === 0) return { cost: NOTHING };
  return estimates.reduce((a, b) => {
    const result = a.result !== undefined && b.result !== undefined ? union(a.result, b.result) : (a.result ?? b.result);
    return { cost: union(a.cost, b.cost), ...(result !== undefined && { result }) };
  });
}
