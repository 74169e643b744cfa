// The core group but for pods and services. Source: pkg/registry/core.
import type {
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PodTemplate,
  Secret,
  ServiceAccount,
} from '#api/types.ts';
import { defaultNamespace } from '#api/defaults/core.ts';
import { formatTime } from '#apimachinery/time.ts';
import { withMetadata } from '../metadata.ts';
import type { Strategy } from '../strategy.ts';

/** The finalizer by which the namespace controller empties a namespace before it goes. Source: v1.FinalizerKubernetes. */
const NAMESPACE_FINALIZER = 'kubernetes';

export const namespaceStrategy = {
  initialStatus: () => ({ phase: 'Active' }),
  prepareForCreate: (namespace) => {
    const finalizers = namespace.spec.finalizers ?? [];
    if (finalizers.includes(NAMESPACE_FINALIZER)) return namespace;
    return { ...namespace, spec: { ...namespace.spec, finalizers: [...finalizers, NAMESPACE_FINALIZER] } };
  },
  prepareForUpdate: (namespace, old) => ({ ...namespace, spec: withFinalizers(namespace.spec, old.spec.finalizers) }),
  canonicalize: defaultNamespace, // its name may have been made only now
  isHeld: ({ spec }) => (spec.finalizers ?? []).length > 0,
  prepareForDelete: (namespace) => ({ ...namespace, status: { ...namespace.status, phase: 'Terminating' } }),
  selectableFields: { 'status.phase': ({ status }) => status.phase ?? '' },
  subresources: {
    finalize: { prepareForUpdate: (namespace, old) => ({ ...namespace, status: old.status }) },
  },
} satisfies Strategy<Namespace>;

function withFinalizers(spec: Namespace['spec'], finalizers: readonly string[] | undefined): Namespace['spec'] {
  const { finalizers: _finalizers, ...rest } = spec;
  return finalizers === undefined ? rest : { ...rest, finalizers };
}

export const nodeStrategy = {
  // A kubelet registers its node with the status it knows.
  initialStatus: ({ status }) => status,
  prepareForCreate: (node) => withoutConfigSource(node, undefined),
  prepareForUpdate: withoutConfigSource,
  subresources: { status: { prepareForUpdate: withoutConfigStatus } },
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable ?? false) },
} satisfies Strategy<Node>;

/** Kubelets take no configuration from the API any more. Source: node strategy dropDisabledFields. */
function withoutConfigSource(node: Node, old: Node | undefined): Node {
  const { configSource, ...spec } = node.spec;
  const { config, ...status } = node.status;
  const kept = configSource === undefined || old?.spec.configSource !== undefined ? node : { ...node, spec };
  return config === undefined || old !== undefined ? kept : { ...kept, status };
}

/** Source: nodeStatusStrategy.PrepareForUpdate. */
function withoutConfigStatus(node: Node, old: Node): Node {
  const { config, ...status } = node.status;
  return config === undefined || old.status.config !== undefined ? node : { ...node, status };
}

/** @param ttlSeconds how long events are kept */
export const eventStrategy = (ttlSeconds: number) =>
  ({
    allowCreateOnUpdate: true,
    garbageCollection: 'unsupported',
    ttlSeconds: () => ttlSeconds,
    selectableFields: {
      'involvedObject.kind': ({ involvedObject }) => involvedObject.kind ?? '',
      'involvedObject.namespace': ({ involvedObject }) => involvedObject.namespace ?? '',
      'involvedObject.name': ({ involvedObject }) => involvedObject.name ?? '',
      'involvedObject.uid': ({ involvedObject }) => involvedObject.uid ?? '',
      'involvedObject.apiVersion': ({ involvedObject }) => involvedObject.apiVersion ?? '',
      'involvedObject.resourceVersion': ({ involvedObject }) => involvedObject.resourceVersion ?? '',
      'involvedObject.fieldPath': ({ involvedObject }) => involvedObject.fieldPath ?? '',
      reason: ({ reason }) => reason ?? '',
      reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
      source: ({ source, reportingComponent }) => source?.component ?? reportingComponent ?? '',
      type: ({ type }) => type ?? '',
    },
    fieldAliases: {
      'events.k8s.io/v1': {
        only: true,
        labels: {
          'regarding.kind': 'involvedObject.kind',
          'regarding.namespace': 'involvedObject.namespace',
          'regarding.name': 'involvedObject.name',
          'regarding.uid': 'involvedObject.uid',
          'regarding.apiVersion': 'involvedObject.apiVersion',
          'regarding.resourceVersion': 'involvedObject.resourceVersion',
          'regarding.fieldPath': 'involvedObject.fieldPath',
          reason: 'reason',
          reportingController: 'reportingComponent',
          type: 'type',
        },
      },
    },
  }) satisfies Strategy<Event>;

export const secretStrategy = {
  selectableFields: { type: ({ type }) => type ?? '' },
} satisfies Strategy<Secret>;

export const serviceAccountStrategy = {
  prepareForCreate: withSecretNames,
  prepareForUpdate: withSecretNames,
} satisfies Strategy<ServiceAccount>;

/** Only names are kept of the secrets an account lists. Source: cleanSecretReferences. */
function withSecretNames(account: ServiceAccount): ServiceAccount {
  if (account.secrets === undefined) return account;
  return { ...account, secrets: account.secrets.map(({ name }) => (name === undefined ? {} : { name })) };
}

export const persistentVolumeStrategy = {
  initialStatus: (_volume, { clock }) => ({ phase: 'Pending', lastPhaseTransitionTime: formatTime(clock.now()) }),
  subresources: {
    status: {
      // A change of phase is dated by the server unless the writer dated it. Source: persistentvolumeStatusStrategy.
      prepareForUpdate: (volume, old, { clock }) => {
        const { phase, lastPhaseTransitionTime: given } = volume.status;
        const before = old.status.lastPhaseTransitionTime;
        const same = phase === old.status.phase;
        if (given !== undefined && (same || given !== before)) return volume;
        const lastPhaseTransitionTime = same ? before : formatTime(clock.now());
        return lastPhaseTransitionTime === undefined ? volume : { ...volume, status: { ...volume.status, lastPhaseTransitionTime } };
      },
    },
  },
} satisfies Strategy<PersistentVolume>;

export const persistentVolumeClaimStrategy = {
  initialStatus: () => ({ phase: 'Pending' }),
  prepareForCreate: (claim) => ({ ...claim, spec: withDataSources(claim.spec, undefined) }),
  prepareForUpdate: (claim, old) => ({ ...claim, spec: withDataSources(claim.spec, old.spec) }),
} satisfies Strategy<PersistentVolumeClaim>;

/**
 * `dataSource` and the newer `dataSourceRef` say the same. A source of a kind that the older field never took, and one
 * in another namespace, whose feature is off, are dropped unless they stand already.
 * Source: DropDisabledFields, EnforceDataSourceBackwardsCompatibility, NormalizeDataSources.
 */
function withDataSources(spec: PersistentVolumeClaimSpec, old: PersistentVolumeClaimSpec | undefined): PersistentVolumeClaimSpec {
  const { dataSource: given, dataSourceRef: givenRef, ...rest } = spec;
  const elsewhere = (givenRef?.namespace ?? '') !== '';
  const ref = elsewhere && old?.dataSourceRef === undefined ? undefined : givenRef;
  const inUse = old?.dataSource !== undefined || old?.dataSourceRef !== undefined;
  const source = inUse || ref !== undefined || isClaimOrSnapshot(given) ? given : undefined;
  const sources = {
    dataSource: source ?? (ref === undefined || (ref.namespace ?? '') !== '' ? undefined : typedReference(ref)),
    dataSourceRef: ref ?? (source === undefined ? undefined : typedReference(source)),
  };
  return {
    ...rest,
    ...(sources.dataSource === undefined ? {} : { dataSource: sources.dataSource }),
    ...(sources.dataSourceRef === undefined ? {} : { dataSourceRef: sources.dataSourceRef }),
  };
}

type DataSource = NonNullable<PersistentVolumeClaimSpec['dataSource']>;

const typedReference = ({ apiGroup, kind, name }: DataSource): DataSource => ({ apiGroup, kind, name });

function isClaimOrSnapshot(source: DataSource | undefined): boolean {
  const group = source?.apiGroup ?? '';
  return (
    (source?.kind === 'PersistentVolumeClaim' && group === '') || (source?.kind === 'VolumeSnapshot' && group === 'snapshot.storage.k8s.io')
  );
}

export const podTemplateStrategy = { generation: 'desired' } satisfies Strategy<PodTemplate>;

export const limitRangeStrategy = {
  allowCreateOnUpdate: true,
  // One without a name is named by the server.
  prepareForCreate: (range, { ids }) => ((range.metadata.name as string | undefined) ? range : withMetadata(range, { name: ids.uuid() })),
} satisfies Strategy<LimitRange>;
