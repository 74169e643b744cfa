// pure
// The revisions of a workload's template: what one contains, its name, which of those there are is the current one, and
// which are no longer kept. Source: pkg/controller/history controller_history.go; kubectl reads and writes the same form.
import { goSortedJson } from '#apimachinery/go-format.ts';
import { deepEqual, type JsonObject } from '#apimachinery/json-value.ts';
import type { GroupVersionKind } from '#apimachinery/resource.ts';
import { fnv32 } from '#base/fnv.ts';
import { controllerReference } from '#api/owner-references.ts';
import { safeEncode } from '#api/pod-template-hash.ts';
import type { ControllerRevision, New, NamespacedObjectMeta, PodTemplateSpec } from '#api/types.ts';

/** Source: history.ControllerRevisionHashLabel. */
export const HASH_LABEL = 'controller.kubernetes.io/hash';

/** Longest part of the owner's name in a revision's. Source: ControllerRevisionName. */
const LONGEST_PREFIX = 223;

export type RevisionDraft = New<ControllerRevision> & {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly data: RevisionData;
};

export interface RevisionedOwner {
  readonly metadata: NamespacedObjectMeta;
  readonly spec: { readonly template: PodTemplateSpec };
}

type RevisionData = ControllerRevision['data'];

/** The strategic merge patch that brings an owner back to this template; keys in byte order. Source: getPatch. */
export function templatePatch(template: PodTemplateSpec): RevisionData {
  return JSON.parse(goSortedJson({ spec: { template: { ...template, $patch: 'replace' } } })) as RevisionData;
}

/** Source: HashControllerRevision. */
function revisionHash(data: RevisionData, collisionCount: number): string {
  return safeEncode(String(fnv32(Buffer.from(goSortedJson(data) + String(collisionCount)))));
}

/**
 * A revision of the owner's present template. `collisionCount`: how many names were found taken by other templates.
 * Source: newRevision, ControllerRevisionName.
 */
export function newRevision(
  { metadata, spec }: RevisionedOwner,
  gvk: GroupVersionKind,
  { revision, collisionCount, hashLabel }: { readonly revision: number; readonly collisionCount: number; readonly hashLabel: string },
): RevisionDraft {
  const data = templatePatch(spec.template);
  const hash = revisionHash(data, collisionCount);
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: `${metadata.name.slice(0, LONGEST_PREFIX)}-${hash}`,
      namespace: metadata.namespace,
      labels: { ...spec.template.metadata.labels, [hashLabel]: hash },
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ownerReferences: [controllerReference({ metadata }, gvk)],
    },
    data,
    revision,
  };
}

/** Oldest first. Source: byRevision. */
export function byRevision(a: ControllerRevision, b: ControllerRevision): number {
  if (a.revision !== b.revision) return a.revision < b.revision ? -1 : 1;
  const [x, y] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (x !== y) return x < y ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

/** Same content; a null time of creation, which servers before v1.34 wrote into templates, counts as none. */
export function sameData(a: unknown, b: unknown): boolean {
  return deepEqual(withoutNullTime(a), withoutNullTime(b));
}

function withoutNullTime(data: unknown): unknown {
  const { spec } = data as { readonly spec?: { readonly template?: { readonly metadata?: JsonObject } } };
  const metadata = spec?.template?.metadata;
  if (metadata?.['creationTimestamp'] !== null) return data;
  const { creationTimestamp: _, ...rest } = metadata;
  return { spec: { ...spec, template: { ...spec?.template, metadata: rest } } };
}

export type CurrentRevision =
  | { readonly kind: 'same'; readonly revision: ControllerRevision }
  /** An older template came back: it becomes the newest revision. */
  | { readonly kind: 'renumber'; readonly revision: ControllerRevision; readonly to: number }
  | { readonly kind: 'create'; readonly number: number };

/** `history` is in the order of byRevision. Source: getStatefulSetRevisions. */
export function currentRevision(history: readonly ControllerRevision[], template: PodTemplateSpec): CurrentRevision {
  const data = templatePatch(template);
  const newest = history.at(-1);
  const next = Number(newest?.revision ?? 0) + 1;
  const equal = history.findLast((revision) => sameData(revision.data, data));
  if (equal === undefined) return { kind: 'create', number: next };
  return equal === newest || sameData(equal.data, newest?.data)
    ? { kind: 'same', revision: newest ?? equal }
    : { kind: 'renumber', revision: equal, to: next };
}

/** Revisions beyond the limit that nothing uses, oldest first. Source: truncateHistory. */
export function expiredRevisions(
  history: readonly ControllerRevision[],
  isLive: (revision: ControllerRevision) => boolean,
  limit: number,
): readonly ControllerRevision[] {
  const unused = history.filter((revision) => !isLive(revision));
  return limit < 0 ? [] : unused.slice(0, Math.max(0, unused.length - limit));
}

/** The template that a revision brings back. Source: ApplyRevision. */
export function templateOf({ data }: Pick<ControllerRevision, 'data'>): PodTemplateSpec {
  const { spec } = data as unknown as { readonly spec: { readonly template: PodTemplateSpec & { readonly $patch?: string } } };
  const { $patch: _, ...template } = spec.template;
  return template;
}
