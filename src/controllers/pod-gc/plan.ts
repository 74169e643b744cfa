// pure
// Which pods nobody else will ever remove. Source: podgc gc_controller.go.
import { isNodeReady } from '#api/nodes.ts';
import { isPodTerminal } from '#api/pods.ts';
import type { Node, Pod } from '#api/types.ts';
import { TAINT } from '#api/well-known.ts';

export type Verdict =
  | { readonly kind: 'keep' }
  /** Its node is gone; to be looked at again after the quarantine, and asked for at the server. */
  | { readonly kind: 'orphaned' }
  /** It ends on a node that was taken out of service. */
  | { readonly kind: 'out-of-service' }
  /** It was deleted before it had a node. */
  | { readonly kind: 'unscheduled' };

export function verdict({ metadata, spec }: Pod, node: Node | undefined): Verdict {
  const terminating = metadata.deletionTimestamp !== undefined;
  if (spec.nodeName === undefined || spec.nodeName === '') return { kind: terminating ? 'unscheduled' : 'keep' };
  if (node === undefined) return { kind: 'orphaned' };
  const outOfService = node.spec.taints?.some(({ key }) => key === TAINT.outOfService) === true;
  if (terminating && outOfService && !isNodeReady(node)) return { kind: 'out-of-service' };
  return { kind: 'keep' };
}

/** The oldest of pods that have ended beyond `threshold`; those being evicted first. Source: gcTerminated, byEvictionAndCreationTimestamp. */
export function surplusOfEnded(ended: readonly Pod[], threshold: number): readonly Pod[] {
  const surplus = ended.length - threshold;
  if (surplus <= 0) return [];
  const wasEvicted = ({ status }: Pod): boolean => status.phase === 'Failed' && status.reason === 'Evicted';
  return ended
    .toSorted((a, b) => {
      const [x, y] = [wasEvicted(a), wasEvicted(b)];
      if (x !== y) return x ? -1 : 1;
      const [m, n] = [a.metadata, b.metadata];
      if (m.creationTimestamp !== n.creationTimestamp) return m.creationTimestamp < n.creationTimestamp ? -1 : 1;
      return m.name < n.name ? -1 : 1;
    })
    .slice(0, surplus);
}

export const hasEnded = (pod: Pod): boolean => isPodTerminal(pod) && pod.metadata.deletionTimestamp === undefined;
