// pure
// Which step a StorageVersionMigration takes: of one resource's, one at a time runs, the oldest first. Source:
// pkg/controller/storageversionmigrator migrationrunner.go, resourceversion.go, storageversionmigrator.go.
import { findCondition, isConditionTrue, removeCondition } from '#api/conditions.ts';
import type { StorageVersionMigration } from '#api/gen/storagemigration-v1beta1.ts';
import type { Condition } from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';

const RUNNING = 'Running';
const ENDS = { succeeded: 'Succeeded', failed: 'Failed' } as const;
const REASONS = { succeeded: 'StorageVersionMigrationSucceeded', failed: 'StorageVersionMigrationFailed' } as const;

export type MigrationStep =
  /** It is over, or another one of the same resource runs. */
  | { readonly kind: 'rest' }
  /** The state from which on everything is written in the new version is not known yet. */
  | { readonly kind: 'note-version' }
  | { readonly kind: 'begin' }
  | { readonly kind: 'migrate' }
  /** The next one may run. */
  | { readonly kind: 'make-room'; readonly succeeded: boolean };

export const resourceOf = ({ spec: { resource } }: StorageVersionMigration): string =>
  resource.group === undefined || resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;

const isOver = ({ status }: StorageVersionMigration): boolean =>
  isConditionTrue(status?.conditions, ENDS.succeeded) || isConditionTrue(status?.conditions, ENDS.failed);

const isRunning = ({ status }: StorageVersionMigration): boolean => isConditionTrue(status?.conditions, RUNNING);

/** `all`: those of the same resource, this one among them. */
export function planStep(migration: StorageVersionMigration, all: readonly StorageVersionMigration[]): MigrationStep {
  const { status } = migration;
  if (isOver(migration)) {
    if (findCondition(status?.conditions, RUNNING) === undefined) return { kind: 'rest' };
    return { kind: 'make-room', succeeded: isConditionTrue(status?.conditions, ENDS.succeeded) };
  }
  if ((status?.resourceVersion ?? '') === '') return { kind: 'note-version' };
  if (!isRunning(migration)) {
    const waiting = all.filter((other) => !isOver(other));
    const isNext = !waiting.some(isRunning) && waiting.toSorted(byAge)[0]?.metadata.uid === migration.metadata.uid;
    return { kind: isNext ? 'begin' : 'rest' };
  }
  return { kind: 'migrate' };
}

function byAge({ metadata: a }: StorageVersionMigration, { metadata: b }: StorageVersionMigration): number {
  const [first, second] = [a.creationTimestamp ?? '', b.creationTimestamp ?? ''];
  if (first !== second) return first < second ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

type Status = StorageVersionMigration['status'];

const condition = (type: string, reason: string, message: string, now: number): Condition => ({
  type,
  status: 'True',
  reason,
  message,
  lastTransitionTime: formatTime(now),
});

export function begun({ status }: StorageVersionMigration, now: number): Status {
  const conditions = removeCondition(status?.conditions ?? [], RUNNING);
  return { ...status, conditions: [...conditions, condition(RUNNING, 'MigrationRunning', 'The migration is running', now)] };
}

export function ended({ status }: StorageVersionMigration, how: keyof typeof ENDS, message: string, now: number): Status {
  const conditions = (status?.conditions ?? []).map((one) => (one.type === RUNNING ? { ...one, status: 'False' as const } : one));
  return { ...status, conditions: [...conditions, condition(ENDS[how], REASONS[how], message, now)] };
}

export const roomMade = ({ status }: StorageVersionMigration): Status => ({
  ...status,
  conditions: removeCondition(status?.conditions ?? [], RUNNING),
});
