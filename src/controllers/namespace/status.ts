// pure
// What a namespace that is being deleted shows of it. Source: pkg/controller/namespace/deletion status_condition_utils.go.
import { setCondition } from '#api/conditions.ts';
import type { Namespace, NamespaceCondition } from '#api/types.ts';

/** What one pass left. */
export interface Emptied {
  /** `pods.`, `deployments.apps`, with how many objects of it are left. */
  readonly resources: ReadonlyMap<string, number>;
  /** Finalizers that hold objects, with how many. */
  readonly finalizers: ReadonlyMap<string, number>;
  /** What could not be deleted or listed. */
  readonly failures: readonly string[];
}

export interface Remaining extends Emptied {
  /** Group versions that cannot be looked into, each with the reason. */
  readonly unknown: readonly string[];
}

export function deletionConditions(
  { status }: Namespace,
  { resources, finalizers, failures, unknown }: Remaining,
  now: number,
): readonly NamespaceCondition[] {
  const listed = [...resources]
    .map(([resource, count]) => `${resource} has ${count} resource instances`)
    .toSorted((a, b) => (a < b ? -1 : 1));
  const held = [...finalizers].map(([name, count]) => `${name} in ${count} resource instances`).toSorted((a, b) => (a < b ? -1 : 1));
  const rows: readonly (readonly [type: NamespaceCondition['type'], problem: string, whenTrue: string, whenFalse: string, fine: string])[] =
    [
      [
        'NamespaceDeletionDiscoveryFailure',
        unknown.length === 0
          ? ''
          : `Discovery failed for some groups, ${unknown.length} failing: unable to retrieve the complete list of server APIs: ${unknown.join(', ')}`,
        'DiscoveryFailed',
        'ResourcesDiscovered',
        'All resources successfully discovered',
      ],
      [
        'NamespaceDeletionGroupVersionParsingFailure',
        '',
        'GroupVersionParsingFailed',
        'ParsedGroupVersions',
        'All legacy kube types successfully parsed',
      ],
      [
        'NamespaceDeletionContentFailure',
        failures.length === 0
          ? ''
          : `Failed to delete all resource types, ${failures.length} remaining: ${failures.toSorted((a, b) => (a < b ? -1 : 1)).join(', ')}`,
        'ContentDeletionFailed',
        'ContentDeleted',
        'All content successfully deleted, may be waiting on finalization',
      ],
      [
        'NamespaceContentRemaining',
        listed.length === 0 ? '' : `Some resources are remaining: ${listed.join(', ')}`,
        'SomeResourcesRemain',
        'ContentRemoved',
        'All content successfully removed',
      ],
      [
        'NamespaceFinalizersRemaining',
        held.length === 0 ? '' : `Some content in the namespace has finalizers remaining: ${held.join(', ')}`,
        'SomeFinalizersRemain',
        'ContentHasNoFinalizers',
        'All content-preserving finalizers finished',
      ],
    ];
  return rows.reduce<readonly NamespaceCondition[]>(
    (conditions, [type, problem, whenTrue, whenFalse, fine]) =>
      setCondition(
        conditions,
        problem === ''
          ? { type, status: 'False', reason: whenFalse, message: fine, lastTransitionTime: null }
          : { type, status: 'True', reason: whenTrue, message: problem, lastTransitionTime: null },
        now,
      ),
    status.conditions ?? [],
  );
}
