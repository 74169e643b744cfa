// pure
// Whether a node reaches a volume. Source: volume.CheckNodeAffinity.
import { matchesNodeSelector } from '#api/node-selectors.ts';
import type { Node, PersistentVolume } from '#api/types.ts';

export function isReachable({ spec }: PersistentVolume, node: Node): boolean {
  const required = spec.nodeAffinity?.required;
  return required === undefined || matchesNodeSelector(node, required);
}
