// Pods a kubelet may write: mirrors of its own static pods, and the status of the pods it runs.
// Source: noderestriction admitPod, admitPodCreate, admitPodStatus, admitPodEviction; pkg/api/pod HasAPIObjectReference.
import { isDeepStrictEqual } from 'node:util';
import { nodes, pods } from '#api/resources.ts';
import type { Eviction, Pod } from '#api/types.ts';
import { ANNOTATION } from '#api/well-known.ts';
import { notFound } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { configMapNames, secretNames } from '../authorization/node/pod-references.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes } from './contract.ts';
import { refusal } from './refusal.ts';

/** @throws StatusError Forbidden, NotFound */
export function checkNodePod(node: string, attributes: AdmissionAttributes, reader: CacheReader): void {
  switch (attributes.subresource) {
    case '':
      return checkPod(node, attributes, reader);
    case 'status':
      return checkStatus(node, attributes);
    case 'eviction':
      return checkEviction(node, attributes, reader);
    default:
      throw refusal(attributes, `unexpected pod subresource ${goQuote(attributes.subresource)}, only 'status' and 'eviction' are allowed`);
  }
}

function checkPod(node: string, attributes: AdmissionAttributes, reader: CacheReader): void {
  const { operation, namespace, name } = attributes;
  if (operation === 'CREATE') return checkMirror(node, attributes, reader);
  if (operation !== 'DELETE') {
    throw refusal(attributes, `unexpected operation ${goQuote(operation)}, node ${goQuote(node)} can only create and delete mirror pods`);
  }
  const existing = reader.get(pods, name, namespace);
  if (existing === undefined) throw notFound(pods, name);
  if (existing.spec.nodeName !== node)
    throw refusal(attributes, `node ${goQuote(node)} can only delete pods with spec.nodeName set to itself`);
}

function checkMirror(node: string, attributes: AdmissionAttributes, reader: CacheReader): void {
  const pod = attributes.object as Pod;
  const self = goQuote(node);
  const refuse = (why: string): Error => refusal(attributes, why);
  if (pod.metadata.annotations?.[ANNOTATION.mirrorPod] === undefined) {
    throw refuse(`pod does not have ${goQuote(ANNOTATION.mirrorPod)} annotation, node ${self} can only create mirror pods`);
  }
  if (pod.spec.nodeName !== node) throw refuse(`node ${self} can only create pods with spec.nodeName set to itself`);
  const [owner, ...more] = pod.metadata.ownerReferences ?? [];
  if (more.length > 0) throw refuse(`node ${self} can only create pods with a single owner reference set to itself`);
  if (owner === undefined || owner.apiVersion !== 'v1' || owner.kind !== 'Node' || owner.name !== node) {
    throw refuse(`node ${self} can only create pods with an owner reference set to itself`);
  }
  if (owner.controller !== true) throw refuse(`node ${self} can only create pods with a controller owner reference set to itself`);
  if (owner.blockOwnerDeletion === true) throw refuse(`node ${self} must not set blockOwnerDeletion on an owner reference`);
  const registered = reader.get(nodes, node);
  if (registered === undefined) throw notFound(nodes, node);
  if (owner.uid !== registered.metadata.uid)
    throw refuse(`node ${node} UID mismatch: expected ${owner.uid} got ${registered.metadata.uid}`);
  const reference = apiReference(pod);
  if (reference !== undefined) throw refuse(`node ${self} can not create pods that reference ${reference}`);
}

/** Volumes that need nothing of the API. */
const PLAIN_VOLUMES: ReadonlySet<string> = new Set([
  'awsElasticBlockStore',
  'azureDisk',
  'cephfs',
  'cinder',
  'downwardAPI',
  'emptyDir',
  'fc',
  'flexVolume',
  'flocker',
  'gcePersistentDisk',
  'gitRepo',
  'hostPath',
  'image',
  'iscsi',
  'nfs',
  'photonPersistentDisk',
  'portworxVolume',
  'quobyte',
  'rbd',
  'scaleIO',
  'storageos',
  'vsphereVolume',
]);

const VOLUME_REFERENCES: Readonly<Record<string, string>> = {
  configMap: 'configmaps (via configmap volumes)',
  secret: 'secrets (via secret volumes)',
  csi: 'csidrivers (via CSI volumes)',
  glusterfs: 'endpoints (via glusterFS volumes)',
  persistentVolumeClaim: 'persistentvolumeclaims',
  ephemeral: 'persistentvolumeclaims (via ephemeral volumes)',
  azureFile: 'secrets (via azureFile volumes)',
};

const PROJECTED_REFERENCES: Readonly<Record<string, string>> = {
  configMap: 'configmaps (via projected volumes)',
  secret: 'secrets (via projected volumes)',
  serviceAccountToken: 'serviceaccounts (via projected volumes)',
  clusterTrustBundle: 'clustertrustbundles',
  podCertificate: 'podcertificates',
};

/** The first thing of the API that a pod names; undefined when it could run without the API. */
function apiReference(pod: Pod): string | undefined {
  if (pod.spec.serviceAccountName) return 'serviceaccounts';
  if (secretNames(pod).size > 0) return 'secrets';
  if (configMapNames(pod).size > 0) return 'configmaps';
  if ((pod.spec.resourceClaims ?? []).length > 0) return 'resourceclaims';
  for (const { name: _, ...sources } of pod.spec.volumes ?? []) {
    for (const [kind, source] of Object.entries(sources)) {
      if (source === undefined || PLAIN_VOLUMES.has(kind)) continue;
      if (kind !== 'projected') return VOLUME_REFERENCES[kind] ?? kind;
      const kinds = (sources.projected?.sources ?? [])
        .flatMap((projection) => Object.keys(projection))
        .filter((one) => one !== 'downwardAPI');
      if (kinds[0] !== undefined) return PROJECTED_REFERENCES[kinds[0]] ?? kinds[0];
    }
  }
  return undefined;
}

function checkStatus(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'UPDATE') throw refusal(attributes, `unexpected operation ${goQuote(attributes.operation)}`);
  const [pod, old] = [attributes.object as Pod, attributes.oldObject as Pod];
  const self = goQuote(node);
  if (old.spec.nodeName !== node)
    throw refusal(attributes, `node ${self} can only update pod status for pods with spec.nodeName set to itself`);
  if (!isDeepStrictEqual({ ...pod.metadata.labels }, { ...old.metadata.labels })) {
    throw refusal(attributes, `node ${self} cannot update labels through pod status`);
  }
  if (!isDeepStrictEqual(pod.status.resourceClaimStatuses ?? [], old.status.resourceClaimStatuses ?? [])) {
    throw refusal(attributes, `node ${self} cannot update resource claim statues`);
  }
  if (!isDeepStrictEqual(pod.status.extendedResourceClaimStatus, old.status.extendedResourceClaimStatus)) {
    throw refusal(attributes, `node ${self} cannot update extended resource claim status`);
  }
}

function checkEviction(node: string, attributes: AdmissionAttributes, reader: CacheReader): void {
  if (attributes.operation !== 'CREATE') throw refusal(attributes, `unexpected operation ${attributes.operation}`);
  const name = attributes.name || ((attributes.object as Eviction | undefined)?.metadata.name ?? '');
  if (name === '') throw refusal(attributes, 'could not determine pod from request data');
  const existing = reader.get(pods, name, attributes.namespace);
  if (existing === undefined) throw notFound(pods, name);
  if (existing.spec.nodeName !== node) throw refusal(attributes, `node ${node} can only evict pods with spec.nodeName set to itself`);
}
