// pure
// Pods that go from their nodes, as a change.
import type { Pod } from '#api/types.ts';
import type { Change } from './changes.ts';

export const podName = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`;

/** It is being deleted already. */
export const isLeaving = ({ metadata }: Pod): boolean => metadata.deletionTimestamp !== undefined;

/** `why`: what is said before. */
export function eviction(pods: readonly Pod[], kind: Change['kind'] = 'eviction', why = ''): Change {
  const named = (some: readonly Pod[]): string => `${some.length === 1 ? 'pod' : 'pods'} ${some.map(podName).join(', ')}`;
  const [going, staying] = [pods.filter(isLeaving), pods.filter((pod) => !isLeaving(pod))];
  const waiting =
    going.length === 0 ? [] : [`wait until ${named(going)}, already being deleted, ${going.length === 1 ? 'is' : 'are'} gone`];
  const removing = staying.length === 0 ? [] : [`remove ${named(staying)}`];
  return { kind, text: `${why}${[...waiting, ...removing].join(', and ')}`, removed: pods };
}
