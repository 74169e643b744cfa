// pure
// Pods that go from their nodes, as a change.
import type { Pod } from '#api/types.ts';
import type { Change } from './changes.ts';

export const podName = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;

/** `why`: what is said before. */
export function eviction(pods: readonly Pod[], kind: Change['kind'] = 'eviction', why = ''): Change {
  return { kind, text: `${why}remove ${pods.length === 1 ? 'pod' : 'pods'} ${pods.map(podName).join(', ')}`, removed: pods };
}
