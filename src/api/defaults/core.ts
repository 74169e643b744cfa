// Defaults of core/v1 except services and pods (./services.ts, ./pods.ts). Source: pkg/apis/core/v1/defaults.go.
import type {
  HostPathVolumeSource,
  LimitRangeItem,
  Namespace,
  NodeSpec,
  NodeStatus,
  PersistentVolume,
  ReplicationController,
  Secret,
} from '../gen/core-v1.ts';
import { fillResources, type ResourceList } from '../resource-lists.ts';
import type { New } from '../types.ts';
import { constants, fill, typed, type DefaulterTable } from './fill.ts';

/** Octal 0644. */
const READABLE_MODE = 0o644;
const TOKEN_LIFETIME_SECONDS = 3600;

function defaultReplicationController(rc: New<ReplicationController>): New<ReplicationController> {
  const labels = rc.spec?.template?.metadata?.labels;
  if (labels === undefined) return rc;
  const withLabels = rc.metadata?.labels === undefined ? { ...rc, metadata: { ...rc.metadata, labels } } : rc;
  return rc.spec?.selector === undefined ? { ...withLabels, spec: { ...rc.spec, selector: labels } } : withLabels;
}

/** A namespace carries its own name as a label, so that selectors can find it. Source: SetDefaults_Namespace. */
export function defaultNamespace<T extends New<Namespace>>(namespace: T): T {
  const name = namespace.metadata?.name;
  const labels = namespace.metadata?.labels;
  if (name === undefined || labels?.['kubernetes.io/metadata.name'] === name) return namespace;
  return { ...namespace, metadata: { ...namespace.metadata, labels: { ...labels, 'kubernetes.io/metadata.name': name } } };
}

function defaultPersistentVolume(volume: New<PersistentVolume>): New<PersistentVolume> {
  const spec = fill(volume.spec ?? {}, { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' });
  const status = fill(volume.status ?? {}, { phase: 'Pending' });
  return spec === volume.spec && status === volume.status ? volume : { ...volume, spec, status };
}

/** For containers: default limit from max, default request from default limit, then from min. Source: SetDefaults_LimitRangeItem. */
function defaultLimitRangeItem(item: New<LimitRangeItem>): New<LimitRangeItem> {
  if (item.type !== 'Container') return item;
  const limit = fillResources((item.default ?? {}) as ResourceList, item.max as ResourceList | undefined);
  const request = fillResources(fillResources((item.defaultRequest ?? {}) as ResourceList, limit), item.min as ResourceList | undefined);
  const members = { ...(hasAny(limit) ? { default: limit } : {}), ...(hasAny(request) ? { defaultRequest: request } : {}) };
  return members.default === item.default && members.defaultRequest === item.defaultRequest ? item : { ...item, ...members };
}

const hasAny = (list: ResourceList): boolean => Object.keys(list).length > 0;

/**
 * `stringData` is for writing only: it goes into `data` as base64 and is gone.
 * Source: SetDefaults_Secret, Convert_v1_Secret_To_core_Secret.
 */
function defaultSecret(secret: New<Secret>): New<Secret> {
  const typed = fill(secret, { type: 'Opaque' });
  if (typed.stringData === undefined) return typed;
  const { stringData, ...rest } = typed;
  const encoded = Object.entries(stringData).map(([key, text]) => [key, Buffer.from(text as string).toString('base64')] as const);
  return { ...rest, data: { ...(rest.data as Record<string, string> | undefined), ...Object.fromEntries(encoded) } };
}

function defaultNodeStatus(status: New<NodeStatus>): New<NodeStatus> {
  return status.allocatable === undefined && status.capacity !== undefined ? { ...status, allocatable: status.capacity } : status;
}

/** The two spellings of the pod network agree; the older, single one wins. Source: Convert_v1_NodeSpec_To_core_NodeSpec. */
function alignPodCidrs(spec: New<NodeSpec>): New<NodeSpec> {
  const { podCIDR, podCIDRs } = spec;
  const first = podCIDRs?.[0] ?? '';
  if (podCIDR !== undefined) return first === podCIDR ? spec : { ...spec, podCIDRs: [podCIDR] };
  return first === '' ? spec : { ...spec, podCIDR: first };
}

const V1 = 'io.k8s.api.core.v1.';

export const coreDefaults: DefaulterTable = {
  [`${V1}ReplicationController`]: typed(defaultReplicationController),
  [`${V1}Namespace`]: typed(defaultNamespace),
  [`${V1}NamespaceStatus`]: constants({ phase: 'Active' }),
  [`${V1}NodeStatus`]: typed(defaultNodeStatus),
  [`${V1}NodeSpec`]: typed(alignPodCidrs),
  [`${V1}PersistentVolume`]: typed(defaultPersistentVolume),
  [`${V1}PersistentVolumeClaimSpec`]: constants({ volumeMode: 'Filesystem' }),
  [`${V1}PersistentVolumeClaimStatus`]: constants({ phase: 'Pending' }),
  [`${V1}LimitRangeItem`]: typed(defaultLimitRangeItem),
  [`${V1}Secret`]: typed(defaultSecret),
  [`${V1}EndpointPort`]: constants({ protocol: 'TCP' }),
  [`${V1}ObjectFieldSelector`]: constants({ apiVersion: 'v1' }),
  [`${V1}HTTPGetAction`]: constants({ path: '/', scheme: 'HTTP' }),
  [`${V1}Probe`]: constants({ timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 }),
  [`${V1}SecretVolumeSource`]: constants({ defaultMode: READABLE_MODE }),
  [`${V1}ConfigMapVolumeSource`]: constants({ defaultMode: READABLE_MODE }),
  [`${V1}DownwardAPIVolumeSource`]: constants({ defaultMode: READABLE_MODE }),
  [`${V1}ProjectedVolumeSource`]: constants({ defaultMode: READABLE_MODE }),
  [`${V1}ServiceAccountTokenProjection`]: constants({ expirationSeconds: TOKEN_LIFETIME_SECONDS }),
  [`${V1}HostPathVolumeSource`]: typed((source: New<HostPathVolumeSource>) => fill(source, { type: '' })),
};
