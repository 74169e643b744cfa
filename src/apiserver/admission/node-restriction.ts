// A kubelet writes only what belongs to its own node. What it may read, the Node authoriser judges.
// Source: plugin/pkg/admission/noderestriction admission.go.
import { isDeepStrictEqual } from 'node:util';
import type { CertificateSigningRequest, KubeObject, Lease, Node, PersistentVolumeClaim, ResourceSlice } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { nodeOf } from '../authentication/names.ts';
import { certificateRequestSubject, COMMON_NAME, DerError, subjectStrings } from '../authentication/subject.ts';
import type { Authorizer } from '../authorization/contract.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionAttributes, MutatingPlugin } from './contract.ts';
import { checkNodeLabels } from './node-restriction-labels.ts';
import { checkNodePod } from './node-restriction-pods.ts';
import { checkNodeToken } from './node-restriction-tokens.ts';
import { refusal } from './refusal.ts';

export interface NodeRestrictionDeps {
  readonly reader: CacheReader;
  /** Asked whether a node may have tokens for audiences its pods do not name. */
  readonly authorizer: Authorizer;
}

/** Source: certificates API KubeletServingSignerName, KubeAPIServerClientKubeletSignerName. */
const NODE_SIGNERS: ReadonlySet<string> = new Set(['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client-kubelet']);

type Check = (node: string, attributes: AdmissionAttributes, deps: NodeRestrictionDeps) => void | Promise<void>;

/** By resource and group; everything else is not restricted here. */
const CHECKS: Readonly<Record<string, Check>> = {
  'pods.': (node, attributes, { reader }) => checkNodePod(node, attributes, reader),
  'nodes.': checkNode,
  'persistentvolumeclaims.': checkVolumeClaim,
  'serviceaccounts.': checkNodeToken,
  'podcertificaterequests.certificates.k8s.io': (_, attributes) => {
    throw refusal(attributes, 'PodCertificateRequest feature gate is disabled');
  },
  'leases.coordination.k8s.io': checkLease,
  'csinodes.storage.k8s.io': checkCsiNode,
  'resourceslices.resource.k8s.io': checkResourceSlice,
  'certificatesigningrequests.certificates.k8s.io': checkSigningRequest,
};

export function nodeRestriction(deps: NodeRestrictionDeps): MutatingPlugin {
  return {
    name: 'NodeRestriction',
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    admit(attributes) {
      const node = nodeOf(attributes.user);
      if (node === undefined) return undefined;
      if (node === '') throw refusal(attributes, `could not determine node from user ${goQuote(attributes.user.name)}`);
      const pending = CHECKS[`${attributes.resource.resource}.${attributes.resource.group}`]?.(node, attributes, deps);
      return pending instanceof Promise ? pending.then(() => undefined) : undefined;
    },
  };
}

function checkNode(node: string, attributes: AdmissionAttributes): void {
  const { operation, name } = attributes;
  const given = attributes.object as Node | undefined;
  const requested = name === '' ? (given?.metadata.name ?? '') : name;
  if (requested !== node) throw refusal(attributes, `node ${goQuote(node)} is not allowed to modify node ${goQuote(requested)}`);
  if (given === undefined || operation === 'DELETE') return;
  if (operation === 'CREATE') {
    if (given.spec.configSource !== undefined)
      throw refusal(attributes, `node ${goQuote(node)} is not allowed to create pods with a non-nil configSource`);
    checkNodeLabels(node, attributes, given.metadata.labels, undefined);
    return;
  }
  const old = attributes.oldObject as Node;
  const may = (what: string): Error => refusal(attributes, `node ${goQuote(node)} is not allowed to ${what}`);
  if (given.spec.configSource !== undefined && !isDeepStrictEqual(given.spec.configSource, old.spec.configSource)) {
    throw may('update configSource to a new non-nil configSource');
  }
  if (!isDeepStrictEqual(given.spec.taints ?? [], old.spec.taints ?? [])) throw may('modify taints');
  if (!isDeepStrictEqual(given.metadata.ownerReferences ?? [], old.metadata.ownerReferences ?? [])) throw may('modify ownerReferences');
  checkNodeLabels(node, attributes, given.metadata.labels, old.metadata.labels);
}

function checkVolumeClaim(node: string, attributes: AdmissionAttributes): void {
  if (attributes.subresource !== 'status') throw refusal(attributes, 'may only update PVC status');
  if (attributes.operation !== 'UPDATE') throw refusal(attributes, `unexpected operation ${goQuote(attributes.operation)}`);
  const [given, old] = [attributes.object, attributes.oldObject].map((claim) => fixedParts(claim as PersistentVolumeClaim));
  if (isDeepStrictEqual(given, old)) return;
  throw refusal(attributes, `node ${goQuote(node)} is not allowed to update fields other than status.quantity and status.conditions`);
}

/** What a kubelet that resizes a volume leaves as it is. */
function fixedParts({ metadata, spec, status }: PersistentVolumeClaim): unknown {
  const { resourceVersion: _r, managedFields: _m, ...fixedMetadata } = metadata;
  const { capacity: _c, conditions: _o, allocatedResourceStatuses: _s, allocatedResources: _a, ...fixedStatus } = status;
  return { metadata: fixedMetadata, spec, status: fixedStatus };
}

/** Name of the object, which on create only the object itself says. */
const objectName = ({ operation, name, object }: AdmissionAttributes): string =>
  operation === 'CREATE' ? ((object as KubeObject).metadata.name ?? '') : name;

function checkLease(node: string, attributes: AdmissionAttributes): void {
  if (attributes.namespace !== NAMESPACE.nodeLease) {
    throw refusal(attributes, `can only access leases in the ${goQuote(NAMESPACE.nodeLease)} system namespace`);
  }
  const name = attributes.operation === 'CREATE' ? (attributes.object as Lease).metadata.name : attributes.name;
  if (name !== node) throw refusal(attributes, 'can only access node lease with the same name as the requesting node');
}

function checkCsiNode(node: string, attributes: AdmissionAttributes): void {
  if (objectName(attributes) !== node) throw refusal(attributes, 'can only access CSINode with the same name as the requesting node');
}

function checkResourceSlice(node: string, attributes: AdmissionAttributes): void {
  const { operation, object, oldObject } = attributes;
  if (operation === 'CREATE' && (object as ResourceSlice).spec.nodeName !== node) {
    throw refusal(attributes, 'can only create ResourceSlice with the same NodeName as the requesting node');
  }
  // Before a deletecollection there is no object: each of them comes by on its own.
  if (operation === 'DELETE' && oldObject !== undefined && (oldObject as ResourceSlice).spec.nodeName !== node) {
    throw refusal(attributes, 'can only delete ResourceSlice with the same NodeName as the requesting node');
  }
}

function checkSigningRequest(node: string, attributes: AdmissionAttributes): void {
  if (attributes.operation !== 'CREATE' || attributes.object === undefined) return;
  const { spec } = attributes.object as CertificateSigningRequest;
  if (!NODE_SIGNERS.has(spec.signerName)) return;
  const name = `system:node:${node}`;
  if (commonName(attributes, spec.request) !== name) throw refusal(attributes, `can only create a node CSR with CN=${name}`);
}

function commonName(attributes: AdmissionAttributes, request: string): string {
  try {
    return subjectStrings(certificateRequestSubject(Buffer.from(request, 'base64').toString('latin1')), COMMON_NAME).at(-1) ?? '';
  } catch (error) {
    if (error instanceof DerError) throw refusal(attributes, `unable to parse csr: ${error.message}`);
    throw error;
  }
}
