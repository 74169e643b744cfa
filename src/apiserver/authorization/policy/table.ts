// The form in which default roles are written down: one line a rule.
import type { PolicyRule } from '#api/types.ts';

/**
 * One of
 * ```
 *   VERBS | GROUPS | RESOURCES
 *   VERBS | GROUPS | RESOURCES | NAMES
 *   VERBS | PATHS
 * ```
 * with words separated by blanks. The group `core` is the empty one; verbs may be a word of VERBS. Paths start with `/`
 * or are `*`.
 */
export type RuleLine = string;

const READ = ['get', 'list', 'watch'];
const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];

/** Source: bootstrappolicy Read, Write, ReadWrite, ReadUpdate, eventsRule. */
const VERBS: Readonly<Record<string, readonly string[]>> = {
  read: READ,
  write: WRITE,
  readwrite: [...READ, ...WRITE],
  readupdate: [...READ, 'patch', 'update'],
  change: ['patch', 'update'],
  record: ['create', 'patch', 'update'],
};

/** What almost every controller may do. */
export const EVENTS: RuleLine = 'record | core events.k8s.io | events';

/** Lists are sorted, as upstream's rule builder sorts them. */
export function ruleOf(line: RuleLine): PolicyRule {
  const [verbs = [], second = [], resources, names] = line.split(' | ').map((part) => part.split(' '));
  const expanded = verbs.flatMap((verb) => VERBS[verb] ?? [verb]).toSorted();
  if (resources === undefined) return { verbs: expanded, nonResourceURLs: second };
  return {
    verbs: expanded,
    apiGroups: second.map((group) => (group === 'core' ? '' : group)).toSorted(),
    resources,
    ...(names === undefined ? {} : { resourceNames: names }),
  };
}
