// Query and path parameters of operations, with short descriptions. Source: apiserver pkg/endpoints/installer.go.
import type { Parameter } from './document.ts';

type Row = readonly [name: string, type: 'string' | 'integer' | 'boolean', description: string];

const query = ([name, type, description]: Row): Parameter => ({ name, in: 'query', description, schema: { type, uniqueItems: true } });

const path = (name: string, description: string): Parameter => ({
  name,
  in: 'path',
  description,
  required: true,
  schema: { type: 'string', uniqueItems: true },
});

export const NAME = (kind: string): Parameter => path('name', `Name of the ${kind}.`);
export const NAMESPACE: Parameter = path('namespace', 'Namespace of the objects, such as for teams and projects.');
export const PATH_SUFFIX: Parameter = path('path', 'Path at the target.');

export const PRETTY: Parameter = query([
  'pretty',
  'string',
  "If 'true', the answer is indented. Default 'false' unless the user agent is a browser or a command-line HTTP tool.",
]);

const DRY_RUN: Row = ['dryRun', 'string', 'When present, nothing is stored. The only value is All: every stage is gone through.'];
const FIELD_MANAGER: Row = [
  'fieldManager',
  'string',
  'Name of the actor that makes the changes, at most 128 printable characters. Required for apply patches.',
];
const FIELD_VALIDATION: Row = [
  'fieldValidation',
  'string',
  'What becomes of unknown and duplicate fields: Ignore drops them, Warn (the default) drops them with a warning, Strict refuses the request.',
];
const FORCE: Row = ['force', 'boolean', 'Apply takes fields over that other managers own. Only for apply patches.'];

/** create, update. */
export const WRITE: readonly Parameter[] = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION].map(query);
export const PATCH: readonly Parameter[] = [DRY_RUN, FIELD_MANAGER, FIELD_VALIDATION, FORCE].map(query);

const DELETE_ROWS: readonly Row[] = [
  DRY_RUN,
  ['gracePeriodSeconds', 'integer', 'Seconds before the object is deleted. Zero means at once; absent means what the kind says.'],
  [
    'ignoreStoreReadErrorWithClusterBreakingPotential',
    'boolean',
    'Delete an object that cannot be read from the store, without finalizers and preconditions.',
  ],
  ['orphanDependents', 'boolean', 'Deprecated, use propagationPolicy: whether dependents lose their owner instead of being deleted.'],
  ['propagationPolicy', 'string', 'What becomes of dependents: Orphan, Background (deleted afterwards) or Foreground (deleted before).'],
];
export const DELETE: readonly Parameter[] = DELETE_ROWS.map(query);

const LIST_ROWS: readonly Row[] = [
  ['allowWatchBookmarks', 'boolean', 'The watch may send bookmarks: events that carry a resource version and nothing else.'],
  ['continue', 'string', 'Token of the previous page; the list goes on from there.'],
  ['fieldSelector', 'string', 'Only objects whose fields have these values. Default everything.'],
  ['labelSelector', 'string', 'Only objects whose labels match. Default everything.'],
  ['limit', 'integer', 'Most objects in one answer; metadata.continue then leads to the next.'],
  ['resourceVersion', 'string', 'Which state of the objects is wanted; see resourceVersionMatch.'],
  ['resourceVersionMatch', 'string', 'How resourceVersion is meant for lists: Exact or NotOlderThan.'],
  ['sendInitialEvents', 'boolean', 'The watch begins with an event for every object there is, then a bookmark.'],
  ['shardSelector', 'string', 'Only objects whose hashes fall into these ranges. Alpha: takes the feature gate ShardedListAndWatch.'],
  ['timeoutSeconds', 'integer', 'Longest time the call may take, seconds.'],
  ['watch', 'boolean', 'Stream changes from resourceVersion on instead of listing.'],
];
export const LIST: readonly Parameter[] = LIST_ROWS.map(query);

/** get, where it is said: of custom resources. */
export const GET: readonly Parameter[] = LIST.filter(({ name }) => name === 'resourceVersion');

/** deletecollection takes both, each parameter once. */
export const DELETE_COLLECTION: readonly Parameter[] = [
  ...LIST.filter(({ name }) => !['allowWatchBookmarks', 'watch'].includes(name)),
  ...DELETE,
].toSorted((a, b) => (a.name < b.name ? -1 : 1));

/** Parameters of a subresource, from its table: name and JSON type. */
export function ownParameters(params: Readonly<Record<string, string>>): readonly Parameter[] {
  return Object.entries(params)
    .filter(([name]) => name !== PRETTY.name)
    .map(([name, type]) => query([name, type === 'integer' || type === 'boolean' ? type : 'string', `Option ${name} of the call.`]));
}
