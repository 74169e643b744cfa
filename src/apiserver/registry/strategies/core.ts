// The core group but for pods and services. Source: pkg/registry/core.
import type {
  Event,
  LimitRange,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  ResourceQuota,
  Secret,
  ServiceAccount,
} from '#api/types.ts';
import { formatTime } from '#apimachinery/time.ts';
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
  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec.unschedulable ?? false) },
} satisfies Strategy<Node>;

/** Seconds. Source: --event-ttl. */
const EVENT_TTL_SECONDS = 3_600;

export const eventStrategy = {
  allowCreateOnUpdate: true,
  ttlSeconds: () => EVENT_TTL_SECONDS,
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
} satisfies Strategy<Event>;

export const secretStrategy = {
  selectableFields: { type: ({ type }) => type ?? '' },
} satisfies Strategy<Secret>;

export const serviceAccountStrategy = {
  returnsDeleted: true,
  // Only names are kept of the secrets it lists. Source: cleanSecretReferences.
  prepareForCreate: (account) =>
    account.secrets === undefined
      ? account
      : { ...account, secrets: account.secrets.map(({ name }) => (name === undefined ? {} : { name })) },
} satisfies Strategy<ServiceAccount>;

export const persistentVolumeStrategy = {
  returnsDeleted: true,
  initialStatus: (_volume, { clock }) => ({ phase: 'Pending', lastPhaseTransitionTime: formatTime(clock.now()) }),
  selectableFields: { name: ({ metadata }) => metadata.name },
  subresources: {
    status: {
      // A change of phase is dated by the server unless the writer dated it. Source: persistentvolumeStatusStrategy.
      prepareForUpdate: (volume, old, { clock }) => {
        const { phase, lastPhaseTransitionTime } = volume.status;
        if (phase === old.status.phase) {
          const before = old.status.lastPhaseTransitionTime;
          return before === undefined ? volume : { ...volume, status: { ...volume.status, lastPhaseTransitionTime: before } };
        }
        if (lastPhaseTransitionTime !== undefined && lastPhaseTransitionTime !== old.status.lastPhaseTransitionTime) return volume;
        return { ...volume, status: { ...volume.status, lastPhaseTransitionTime: formatTime(clock.now()) } };
      },
    },
  },
} satisfies Strategy<PersistentVolume>;

export const persistentVolumeClaimStrategy = {
  returnsDeleted: true,
  initialStatus: () => ({ phase: 'Pending' }),
  selectableFields: { name: ({ metadata }) => metadata.name },
} satisfies Strategy<PersistentVolumeClaim>;

export const resourceQuotaStrategy = { returnsDeleted: true } satisfies Strategy<ResourceQuota>;

export const podTemplateStrategy = { generation: 'desired', returnsDeleted: true } satisfies Strategy<PodTemplate>;

export const limitRangeStrategy = {
  allowCreateOnUpdate: true,
} satisfies Strategy<LimitRange>;
