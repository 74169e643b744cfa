// Networks, nodes, storage and the rest. Source: registry strategies, pkg/api/service, persistentvolume, storage.
import type {
  Endpoints,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeSpec,
  Secret,
  Service,
  ServiceAccount,
} from '../../gen/core-v1.ts';
import type { EndpointSlice } from '../../gen/discovery-v1.ts';
import type { Ingress, IPBlock, NetworkPolicy } from '../../gen/networking-v1.ts';
import type { RuntimeClass } from '../../gen/node-v1.ts';
import type { CSIDriver, CSIStorageCapacity, StorageClass } from '../../gen/storage-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { blank } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import type { Warnings } from './collector.ts';
import { keyPairProblem } from './key-pairs.ts';
import { deprecatedLabel, warnOfNodeSelector, warnOfTerm } from './node-labels.ts';
import { warnOfClaimSpec } from './pods.ts';

const SPEC = Path.of('spec');
const METADATA = Path.of('metadata');
const HINTS = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';

export function serviceWarnings(out: Warnings, { metadata, spec }: Service): void {
  const { type, clusterIP, clusterIPs = [], externalIPs = [], loadBalancerIP = '', externalName = '', trafficDistribution } = spec;
  if (metadata.annotations !== undefined && HINTS in metadata.annotations)
    out.say(`annotation ${HINTS} is deprecated, please use ${TOPOLOGY_MODE} instead`);
  const headless = type === 'ClusterIP' && clusterIP === 'None';
  if (!blank(clusterIP) && clusterIP !== 'None' && type !== 'ExternalName')
    clusterIPs.forEach((ip, i) => out.ip(SPEC.child('clusterIPs').index(i), ip));
  if (headless) {
    if (loadBalancerIP !== '') out.say('spec.loadBalancerIP is ignored for headless services');
    if (externalIPs.length > 0) out.say('spec.externalIPs is ignored for headless services');
    if (spec.sessionAffinity !== 'None') out.say('spec.SessionAffinity is ignored for headless services');
  }
  externalIPs.forEach((ip, i) => out.ip(SPEC.child('externalIPs').index(i), ip));
  if (externalIPs.length > 0 && !headless && type !== 'ExternalName')
    out.say('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (loadBalancerIP !== '') out.ip(SPEC.child('loadBalancerIP'), loadBalancerIP);
  spec.loadBalancerSourceRanges?.forEach((range, i) => out.cidr(SPEC.child('loadBalancerSourceRanges').index(i), range));
  if (type === 'ExternalName' && externalIPs.length > 0) out.say('spec.externalIPs is ignored when spec.type is "ExternalName"');
  if (type !== 'ExternalName' && externalName !== '') out.say('spec.externalName is ignored when spec.type is not "ExternalName"');
  if (trafficDistribution === 'PreferClose') out.say('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
}

/** Of a Service or an Ingress. */
export function loadBalancerWarnings(out: Warnings, { status }: Service | Ingress): void {
  status?.loadBalancer?.ingress?.forEach(({ ip }, i) => {
    if (!blank(ip)) out.ip(Path.of('status').child('loadBalancer', 'ingress').index(i), ip);
  });
}

export function nodeWarnings(out: Warnings, { spec }: Node): void {
  if (spec?.configSource !== undefined) out.say('spec.configSource: the feature is removed');
  if (!blank(spec?.externalID)) out.say('spec.externalID: this field is deprecated, and is unused by Kubernetes');
  spec?.podCIDRs?.forEach((range, i) => out.cidr(SPEC.child('podCIDRs').index(i), range));
}

export function endpointsWarnings(out: Warnings, { metadata, subsets = [] }: Endpoints): void {
  if (metadata.labels?.['endpoints.kubernetes.io/managed-by'] === 'endpoint-controller') return;
  subsets.forEach((subset, i) => {
    for (const member of ['addresses', 'notReadyAddresses'] as const) {
      subset[member]?.forEach(({ ip }, j) => out.ip(Path.of('subsets').index(i).child(member).index(j).child('ip'), ip));
    }
  });
}

const OWN_SLICES: ReadonlySet<string> = new Set(['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io']);

export function endpointSliceWarnings(out: Warnings, slice: EndpointSlice, old?: EndpointSlice): void {
  if (old === undefined && slice.addressType === 'FQDN') out.at(SPEC.child('addressType'), 'FQDN endpoints are deprecated');
  if (OWN_SLICES.has(slice.metadata.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '')) return;
  slice.endpoints?.forEach(({ addresses }, i) => {
    addresses?.forEach((address, j) => out.ip(Path.of('endpoints').index(i).child('addresses').index(j), address));
  });
}

function warnOfBlock(out: Warnings, at: Path, block: IPBlock | undefined): void {
  if (block === undefined) return;
  out.cidr(at.child('ipBlock', 'cidr'), block.cidr);
  block.except?.forEach((range, i) => out.cidr(at.child('ipBlock', 'except').index(i), range));
}

export function networkPolicyWarnings(out: Warnings, { spec }: NetworkPolicy): void {
  spec?.ingress?.forEach(({ from }, i) =>
    from?.forEach(({ ipBlock }, j) => warnOfBlock(out, SPEC.child('ingress').index(i).child('from').index(j), ipBlock)),
  );
  spec?.egress?.forEach(({ to }, i) =>
    to?.forEach(({ ipBlock }, j) => warnOfBlock(out, SPEC.child('egress').index(i).child('to').index(j), ipBlock)),
  );
}

const INGRESS_CLASS = 'kubernetes.io/ingress.class';

export function ingressWarnings(out: Warnings, { metadata, spec }: Ingress, old?: Ingress): void {
  const annotated = metadata.annotations !== undefined && INGRESS_CLASS in metadata.annotations;
  if (old === undefined && annotated && spec?.ingressClassName === undefined)
    out.say(`annotation ${goQuote(INGRESS_CLASS)} is deprecated, please use 'spec.ingressClassName' instead`);
}

/** Source: secret strategy warningsForSecret. */
export function secretWarnings(out: Warnings, { type, data }: Secret): void {
  if (type !== 'kubernetes.io/tls') return;
  const textOf = (key: string): string => Buffer.from(data?.[key] ?? '', 'base64').toString('latin1');
  const problem = keyPairProblem(textOf('tls.crt'), textOf('tls.key'));
  if (problem !== undefined) out.say(problem);
}

const MOUNTABLE_SECRETS = 'kubernetes.io/enforce-mountable-secrets';

/** Only when it comes to have the annotation, whatever that says. Source: warnIfHasEnforceMountableSecretsAnnotation. */
export function serviceAccountWarnings(out: Warnings, account: ServiceAccount, old?: ServiceAccount): void {
  const has = ({ metadata: { annotations = {} } }: ServiceAccount): boolean => Object.hasOwn(annotations, MOUNTABLE_SECRETS);
  if (!has(account) || (old !== undefined && has(old))) return;
  out.say(
    `metadata.annotations[${MOUNTABLE_SECRETS}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
  );
}

const STORAGE_CLASS = 'volume.beta.kubernetes.io/storage-class';
const VOLUME_ANNOTATIONS: Readonly<Record<string, string>> = {
  [STORAGE_CLASS]: 'deprecated since v1.8; use "storageClassName" attribute instead',
  'volume.beta.kubernetes.io/mount-options': 'deprecated since v1.31; use "mountOptions" attribute instead',
};
const OLD_VOLUMES: readonly (readonly [member: keyof PersistentVolumeSpec, shown: string, why: string])[] = [
  ['cephfs', 'cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'storageOS', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

export function volumeWarnings(out: Warnings, { metadata, spec }: PersistentVolume): void {
  for (const [key, message] of Object.entries(VOLUME_ANNOTATIONS)) {
    if (key in (metadata.annotations ?? {})) out.at(METADATA.child('annotations').key(key), message);
  }
  if (spec?.persistentVolumeReclaimPolicy === 'Recycle') {
    const message = 'The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.';
    out.at(SPEC.child('persistentVolumeReclaimPolicy'), message);
  }
  spec?.nodeAffinity?.required?.nodeSelectorTerms?.forEach((term, i) => {
    warnOfTerm(out, SPEC.child('nodeAffinity', 'required', 'nodeSelectorTerms').index(i), term, 'keys only');
  });
  for (const [member, shown, why] of OLD_VOLUMES) if (spec?.[member] !== undefined) out.at(SPEC.child(shown), why);
}

export function claimWarnings(out: Warnings, { metadata, spec }: PersistentVolumeClaim): void {
  if (STORAGE_CLASS in (metadata.annotations ?? {})) {
    out.at(METADATA.child('annotations').key(STORAGE_CLASS), 'deprecated since v1.8; use "storageClassName" attribute instead');
  }
  warnOfClaimSpec(out, SPEC, spec);
}

export function storageClassWarnings(out: Warnings, { allowedTopologies = [] }: StorageClass): void {
  allowedTopologies.forEach(({ matchLabelExpressions = [] }, i) => {
    matchLabelExpressions.forEach(({ key }, j) => {
      const message = deprecatedLabel(key);
      if (message !== undefined)
        out.at(Path.of('allowedTopologies').index(i).child('matchLabelExpressions').index(j).child('key'), message);
    });
  });
}

export function storageCapacityWarnings(out: Warnings, { nodeTopology }: CSIStorageCapacity): void {
  warnOfNodeSelector(out, Path.of('nodeTopology'), nodeTopology);
}

export function csiDriverWarnings(out: Warnings, { spec }: CSIDriver, old?: CSIDriver): void {
  const tokens = spec.tokenRequests ?? [];
  const changed = old === undefined || !semanticEqual(old.spec.tokenRequests, tokens);
  if (changed && tokens.length > 0 && spec.serviceAccountTokenInSecrets === undefined) {
    out.say(
      'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes',
    );
  }
}

export function runtimeClassWarnings(out: Warnings, { scheduling }: RuntimeClass): void {
  for (const key of Object.keys(scheduling?.nodeSelector ?? {})) {
    const message = deprecatedLabel(key);
    if (message !== undefined) out.at(Path.of('scheduling').child('nodeSelector'), message);
  }
}

/** Webhooks and policies that files configure end so. Source: admissionregistration validation WarningsForStaticSuffix. */
const OF_FILES = '.static.k8s.io';

/** Of what admits: webhook configurations, admission policies and their bindings. */
export function admissionWarnings(out: Warnings, { metadata }: { readonly metadata: { readonly name: string } }): void {
  const reserved = `names ending with ${goQuote(OF_FILES)} are reserved for static manifest-based configurations`;
  if (metadata.name.endsWith(OF_FILES)) out.at(METADATA.child('name'), `${reserved} and cannot be managed via the API`);
}
