// pure
// Which replica a pod of a StatefulSet is, and what name, labels and claims that gives it.
// Source: statefulset stateful_set_utils.go.
import type { New, PersistentVolumeClaim, Pod, PodTemplateSpec, StatefulSet, Volume } from '#api/types.ts';
import { LABEL } from '#api/well-known.ts';
import { podFromTemplate } from '../runtime/pod-from-template.ts';

export const STATEFUL_SET_KIND = { group: 'apps', version: 'v1', kind: 'StatefulSet' } as const;

const MEMBER_NAME = /^(.*)-([0-9]+)$/s;

/** The replica's number in its name; undefined for a name of another form. */
export function ordinalOf({ metadata }: { readonly metadata: { readonly name: string } }): number | undefined {
  const digits = MEMBER_NAME.exec(metadata.name)?.[2];
  return digits === undefined ? undefined : Number(digits);
}

/** Whether the pod's name is one that the set would give. */
export function isNamedAfter(set: StatefulSet, { metadata }: Pod): boolean {
  return MEMBER_NAME.exec(metadata.name)?.[1] === set.metadata.name;
}

export const startOrdinal = ({ spec }: StatefulSet): number => spec.ordinals?.start ?? 0;

export function isInRange(set: StatefulSet, ordinal: number): boolean {
  const start = startOrdinal(set);
  return ordinal >= start && ordinal < start + set.spec.replicas;
}

const podName = ({ metadata }: StatefulSet, ordinal: number): string => `${metadata.name}-${ordinal}`;

export const claimName = ({ metadata }: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string =>
  `${template.metadata.name}-${metadata.name}-${ordinal}`;

/** The revision a pod was made of. */
export const revisionOf = ({ metadata }: Pod): string => metadata.labels?.[LABEL.controllerRevisionHash] ?? '';

export const identityMatches = (set: StatefulSet, pod: Pod): boolean =>
  isNamedAfter(set, pod) && pod.metadata.labels?.[LABEL.statefulSetPodName] === pod.metadata.name;

export function storageMatches(set: StatefulSet, pod: Pod, ordinal: number): boolean {
  return (set.spec.volumeClaimTemplates ?? []).every((template) => {
    const volume = pod.spec.volumes?.find(({ name }) => name === template.metadata.name);
    return volume?.persistentVolumeClaim?.claimName === claimName(set, template, ordinal);
  });
}

/** The pod's own volumes, with those of the set's claims before them and in place of any of the same name. */
function volumesOf(set: StatefulSet, own: readonly Volume[] | undefined, ordinal: number): readonly Volume[] {
  const claimed = (set.spec.volumeClaimTemplates ?? []).map((template) => ({
    name: template.metadata.name,
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }));
  return [...claimed, ...(own ?? []).filter(({ name }) => !claimed.some((volume) => volume.name === name))];
}

const identityLabels = (set: StatefulSet, ordinal: number): Readonly<Record<string, string>> => ({
  [LABEL.statefulSetPodName]: podName(set, ordinal),
  [LABEL.podIndex]: String(ordinal),
});

/** A member as it should be, of one that has lost its labels or volumes. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod {
  const labels = { ...pod.metadata.labels, ...identityLabels(set, ordinal) };
  const volumes = storageMatches(set, pod, ordinal) ? pod.spec.volumes : volumesOf(set, pod.spec.volumes, ordinal);
  return { ...pod, metadata: { ...pod.metadata, labels }, spec: { ...pod.spec, ...(volumes === undefined ? {} : { volumes }) } };
}

export type PodDraft = New<Pod> & { readonly metadata: { readonly name: string; readonly namespace: string } };

/** Source: newVersionedStatefulSetPod. */
export function newPod(set: StatefulSet, template: PodTemplateSpec, revision: string, ordinal: number): PodDraft {
  const name = podName(set, ordinal);
  const draft = podFromTemplate({ metadata: set.metadata, spec: { template } }, STATEFUL_SET_KIND);
  const volumes = volumesOf(set, template.spec.volumes, ordinal);
  return {
    ...draft,
    metadata: {
      ...draft.metadata,
      name,
      namespace: set.metadata.namespace,
      labels: { ...template.metadata.labels, ...identityLabels(set, ordinal), [LABEL.controllerRevisionHash]: revision },
    },
    spec: {
      ...template.spec,
      hostname: name,
      ...(set.spec.serviceName === '' ? {} : { subdomain: set.spec.serviceName }),
      ...(volumes.length === 0 ? {} : { volumes }),
    },
  };
}

export type ClaimDraft = New<PersistentVolumeClaim> & { readonly metadata: { readonly name: string; readonly namespace: string } };

/** The claims of one replica. Source: getPersistentVolumeClaims. */
export function claimsOf(set: StatefulSet, ordinal: number): readonly ClaimDraft[] {
  return (set.spec.volumeClaimTemplates ?? []).map(({ metadata, spec }) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name: `${metadata.name}-${podName(set, ordinal)}`,
      namespace: set.metadata.namespace,
      labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
      ...(metadata.annotations === undefined ? {} : { annotations: metadata.annotations }),
      ...(metadata.finalizers === undefined ? {} : { finalizers: metadata.finalizers }),
      ...(metadata.ownerReferences === undefined ? {} : { ownerReferences: metadata.ownerReferences }),
    },
    spec,
  }));
}
