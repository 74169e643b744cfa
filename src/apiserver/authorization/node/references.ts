// Which nodes run pods that name an object: kept up to date with the watch cache, so that a question is one look.
// Source: plugin/pkg/auth/authorizer/node graph.go, graph_populator.go.
import { persistentvolumes, pods } from '#api/resources.ts';
import type { PersistentVolume, Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import type { CacheReader } from '../../cache/reader.ts';
import { configMapNames, resourceClaimNames, secretNames, volumeClaimNames } from './pod-references.ts';
import { volumeSecrets, type SecretName } from './volume-secrets.ts';

/** Kinds a pod can name, all in its own namespace. */
export type ReferencedKind = 'secret' | 'configmap' | 'serviceaccount' | 'pvc' | 'resourceclaim';

interface Link {
  readonly node: string;
  /** Keys of all that the pod names. */
  readonly objects: readonly string[];
}

/**
 * Counts, for each object, the pods of each node that name it. Worked example: pods p1 and p2 on node n, both with
 * secret s of namespace a, give `secret a/s → { n: 2 }`; when p1 goes `{ n: 1 }`, when p2 goes the entry goes too.
 */
export class NodeReferences {
  readonly #links = new Map<string, Link>();
  readonly #nodes = new Map<string, Map<string, number>>();
  /** Volumes by the secrets a kubelet needs to mount them. */
  readonly #volumesOf = new Map<string, Set<string>>();
  readonly #reader: CacheReader;

  constructor(reader: CacheReader) {
    this.#reader = reader;
    reader.onChange(pods, ({ object, previous }) => this.#podChanged(object, previous));
    reader.onChange(persistentvolumes, ({ object, previous }) => this.#volumeChanged(object, previous));
    for (const pod of reader.list(pods)) this.#podChanged(pod, undefined);
    for (const volume of reader.list(persistentvolumes)) this.#volumeChanged(volume, undefined);
  }

  /** Whether a pod of `node` names the object, or a volume of such a pod needs the secret. */
  has(node: string, kind: ReferencedKind, namespace: string, name: string): boolean {
    if (this.#nodes.get(key(kind, namespace, name))?.has(node) === true) return true;
    if (kind !== 'secret') return false;
    for (const volume of this.#volumesOf.get(`${namespace}/${name}`) ?? []) if (this.hasVolume(node, volume)) return true;
    return false;
  }

  /** Whether a pod of `node` uses the claim a volume is bound to. */
  hasVolume(node: string, name: string): boolean {
    const claim = this.#reader.get(persistentvolumes, name)?.spec.claimRef;
    return claim !== undefined && this.has(node, 'pvc', claim.namespace ?? '', claim.name ?? '');
  }

  #podChanged(pod: Pod | undefined, previous: Pod | undefined): void {
    if (pod !== undefined && previous !== undefined && namesTheSame(pod, previous)) return;
    const of = (pod ?? previous) as Pod;
    const id = `${of.metadata.namespace}/${of.metadata.name}`;
    this.#unlink(id);
    if (pod === undefined || (pod.spec.nodeName ?? '') === '') return;
    const link = { node: pod.spec.nodeName as string, objects: objectsOf(pod) };
    this.#links.set(id, link);
    for (const object of link.objects) {
      const nodes = this.#nodes.get(object) ?? new Map<string, number>();
      this.#nodes.set(object, nodes);
      nodes.set(link.node, (nodes.get(link.node) ?? 0) + 1);
    }
  }

  #unlink(id: string): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    for (const object of link.objects) {
      const nodes = this.#nodes.get(object);
      const count = (nodes?.get(link.node) ?? 0) - 1;
      if (count > 0) nodes?.set(link.node, count);
      else nodes?.delete(link.node);
      if (nodes?.size === 0) this.#nodes.delete(object);
    }
  }

  #volumeChanged(volume: PersistentVolume | undefined, previous: PersistentVolume | undefined): void {
    const id = ({ namespace, name }: SecretName): string => `${namespace}/${name}`;
    for (const secret of previous === undefined ? [] : volumeSecrets(previous)) {
      const volumes = this.#volumesOf.get(id(secret));
      volumes?.delete((previous as PersistentVolume).metadata.name);
      if (volumes?.size === 0) this.#volumesOf.delete(id(secret));
    }
    for (const secret of volume === undefined ? [] : volumeSecrets(volume)) {
      const volumes = this.#volumesOf.get(id(secret)) ?? new Set<string>();
      this.#volumesOf.set(id(secret), volumes);
      volumes.add((volume as PersistentVolume).metadata.name);
    }
  }
}

const key = (kind: ReferencedKind, namespace: string, name: string): string => `${kind} ${namespace}/${name}`;

/** Everything else a bound pod names cannot change. Source: graphPopulator.updatePod. */
function namesTheSame(pod: Pod, previous: Pod): boolean {
  return (
    pod.spec.nodeName === previous.spec.nodeName &&
    pod.metadata.uid === previous.metadata.uid &&
    (pod.spec.ephemeralContainers?.length ?? 0) === (previous.spec.ephemeralContainers?.length ?? 0) &&
    pod.status.extendedResourceClaimStatus?.resourceClaimName === previous.status.extendedResourceClaimStatus?.resourceClaimName &&
    sameClaims(pod, previous)
  );
}

function sameClaims({ status: { resourceClaimStatuses: a = [] } }: Pod, { status: { resourceClaimStatuses: b = [] } }: Pod): boolean {
  return (
    a.length === b.length &&
    a.every(({ name, resourceClaimName }, i) => name === b[i]?.name && resourceClaimName === b[i].resourceClaimName)
  );
}

/** A mirror pod was made by the node itself: it opens nothing. */
function objectsOf(pod: Pod): readonly string[] {
  if (pod.metadata.annotations?.[ANNOTATION.mirrorPod] !== undefined) return [];
  const { namespace } = pod.metadata;
  const keys = (kind: ReferencedKind, names: Iterable<string>): string[] => [...names].map((name) => key(kind, namespace, name));
  return [
    ...keys('serviceaccount', pod.spec.serviceAccountName ? [pod.spec.serviceAccountName] : []),
    ...keys('secret', secretNames(pod)),
    ...keys('configmap', configMapNames(pod)),
    ...keys('pvc', volumeClaimNames(pod)),
    ...keys('resourceclaim', resourceClaimNames(pod)),
  ];
}
