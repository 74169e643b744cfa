// pure
// Sets of NUMA nodes as the bits of a number. Source: topologymanager/bitmask.

/** Node 3 is bit 3. Nodes have ids below 32. */
export type NumaMask = number;

export const maskOf = (nodes: Iterable<number>): NumaMask => [...nodes].reduce((mask, node) => mask | (1 << node), 0);

/** Rising. */
export const nodesOf = (mask: NumaMask): readonly number[] =>
  Array.from({ length: 32 }, (_, node) => node).filter((node) => isSet(mask, node));

export const isSet = (mask: NumaMask, node: number): boolean => (mask & (1 << node)) !== 0;

export const countOf = (mask: NumaMask): number => nodesOf(mask).length;

/** Fewer nodes; of as many, those with the lower ids. Source: IsNarrowerThan. */
export function isNarrower(a: NumaMask, b: NumaMask): boolean {
  const [counted, other] = [countOf(a), countOf(b)];
  return counted === other ? a >>> 0 < b >>> 0 : counted < other;
}

/** Every set of one or more of `nodes`, the smallest first. Source: IterateBitMasks. */
export function* masksOf(nodes: readonly number[]): Generator<NumaMask> {
  for (let size = 1; size <= nodes.length; size++) for (const chosen of combinations(nodes, size)) yield maskOf(chosen);
}

/** Of `size` members each, in order. */
export function* combinations<T>(members: readonly T[], size: number): Generator<readonly T[]> {
  if (size === 0) yield [];
  else
    for (const [i, member] of members.slice(0, members.length - size + 1).entries())
      for (const rest of combinations(members.slice(i + 1), size - 1)) yield [member, ...rest];
}
