// pure
// The ReplicaSets of a Deployment: which is the new one, how old ones are numbered. Source: deployment/util.
import { isDeepStrictEqual } from 'node:util';
import type { Deployment, PodTemplateSpec, ReplicaSet } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';

/** Source: apps DefaultDeploymentUniqueLabelKey. */
export const HASH_LABEL = 'pod-template-hash';

export interface Sets {
  /** The one whose template is the Deployment's; undefined while it is to be created. */
  readonly current: ReplicaSet | undefined;
  /** All others, the oldest first. */
  readonly old: readonly ReplicaSet[];
}

export function sortSets(deployment: Deployment, owned: readonly ReplicaSet[]): Sets {
  const byAge = owned.toSorted(olderFirst);
  // Of several equal ones (made before a crash was noticed) the oldest counts, so that all agree.
  const current = byAge.find((rs) => sameTemplate(rs.spec.template, deployment.spec.template));
  return { current, old: byAge.filter((rs) => rs !== current) };
}

export function olderFirst(a: ReplicaSet, b: ReplicaSet): number {
  const [x, y] = [a.metadata, b.metadata];
  if (x.creationTimestamp !== y.creationTimestamp) return x.creationTimestamp < y.creationTimestamp ? -1 : 1;
  return x.name < y.name ? -1 : 1;
}

/** Equal but for the hash label that the controller itself added. Source: EqualIgnoreHash. */
export function sameTemplate(a: PodTemplateSpec, b: PodTemplateSpec): boolean {
  return isDeepStrictEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  if (template.metadata.labels?.[HASH_LABEL] === undefined) return template;
  const { [HASH_LABEL]: _, ...labels } = template.metadata.labels;
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** Revisions are of 64 bits, as those of a ReplicaSet that is adopted may be. Source: deployment_util.go Revision. */
const MAX_REVISION = 2n ** 63n - 1n;

/** 0 where the annotation is missing or no number. */
export function revisionOf({ metadata }: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }): bigint {
  return parseRevision(metadata.annotations?.[ANNOTATION.deploymentRevision]);
}

function parseRevision(text = ''): bigint {
  const revision = /^\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  return revision > MAX_REVISION ? 0n : revision;
}

export function nextRevision(old: readonly ReplicaSet[]): bigint {
  return old.map(revisionOf).reduce((most, revision) => (revision > most ? revision : most), 0n) + 1n;
}

/** Annotations that say something about the Deployment alone. Source: annotationsToSkip. */
const NOT_COPIED: ReadonlySet<string> = new Set([
  ANNOTATION.lastAppliedConfiguration,
  ANNOTATION.deploymentRevision,
  ANNOTATION.deploymentRevisionHistory,
  ANNOTATION.desiredReplicas,
  ANNOTATION.maxReplicas,
  'deprecated.deployment.rollback.to',
]);

/**
 * The annotations of the new ReplicaSet: the Deployment's, and `revision` unless it has a higher one; a number it had
 * before goes to its history, which `kubectl rollout history` reads. Source: SetNewReplicaSetAnnotations.
 */
export function newSetAnnotations(
  deployment: Deployment,
  present: Readonly<Record<string, string>>,
  revision: bigint,
): Readonly<Record<string, string>> {
  const copied = Object.fromEntries(Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !NOT_COPIED.has(key)));
  const annotations: Record<string, string> = { ...present, ...copied };
  const old = present[ANNOTATION.deploymentRevision];
  if (old === undefined || parseRevision(old) < revision) {
    annotations[ANNOTATION.deploymentRevision] = String(revision);
    if (old !== undefined) annotations[ANNOTATION.deploymentRevisionHistory] = longer(present[ANNOTATION.deploymentRevisionHistory], old);
  }
  return annotations;
}

/** Characters of a revision history: the oldest numbers make room. Source: maxRevHistoryLengthInChars. */
const MAX_HISTORY = 2000;

/** As it is where not even the new number alone has room. */
function longer(history = '', revision: string): string {
  const numbers = [...history.split(',').filter((n) => n !== ''), revision];
  let length = numbers.join(',').length;
  while (length > MAX_HISTORY && numbers.length > 1) length -= (numbers.shift() as string).length + 1;
  return length > MAX_HISTORY ? history : numbers.join(',');
}

/** How many pods the ReplicaSet was last scaled for; undefined when it never was. */
export const desiredReplicasOf = (rs: ReplicaSet): number | undefined => noteOf(rs, ANNOTATION.desiredReplicas);

/** What the roll-out might have come to then; undefined when nobody noted it. */
export const maxReplicasOf = (rs: ReplicaSet): number | undefined => noteOf(rs, ANNOTATION.maxReplicas);

/** Source: getNonNegativeInt32FromAnnotation. */
function noteOf({ metadata }: ReplicaSet, key: string): number | undefined {
  const text = metadata.annotations?.[key] ?? '';
  const number = /^\d{1,10}$/.test(text) ? Number(text) : NaN;
  return number < 2 ** 31 ? number : undefined;
}

/** Source: SetReplicasAnnotations. */
export function replicasAnnotations(desired: number, max: number): Readonly<Record<string, string>> {
  return { [ANNOTATION.desiredReplicas]: String(desired), [ANNOTATION.maxReplicas]: String(max) };
}

export const sum = (sets: readonly ReplicaSet[], count: (rs: ReplicaSet) => number | undefined): number =>
  sets.reduce((total, rs) => total + (count(rs) ?? 0), 0);
