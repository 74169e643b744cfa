// pure
// Fields of features that are off: a write loses them, unless the object had them before.
// Source: pkg/api/pod dropDisabledFields; registry strategies dropDisabledFields.
import type {
  Container,
  ContainerStatus,
  CSIDriver,
  CronJob,
  EphemeralContainer,
  KubeObject,
  Lease,
  Pod,
  PodSpec,
  PodStatus,
  PodTemplate,
  PodTemplateSpec,
  StatefulSet,
  VolumeProjection,
} from '#api/types.ts';
import type { VolumeMountStatus } from '#api/gen/core-v1.ts';
import type { Strategy, UpdateHooks } from './strategy.ts';

/** Whether a feature gate is on. */
export type IsOn = (featureGate: string) => boolean;

interface GatedField<T> {
  readonly gate: string;
  uses(object: T): boolean;
  without(object: T): T;
}

function omitted<T extends object>(object: T, ...members: readonly (keyof T)[]): T {
  const kept = { ...object };
  for (const member of members) delete kept[member];
  return kept;
}

const stopSignalOf = ({ lifecycle }: Container | EphemeralContainer): string | undefined => lifecycle?.stopSignal;

/** A lifecycle that said nothing else goes too. */
function withoutStopSignal<C extends Container | EphemeralContainer>(container: C): C {
  if (stopSignalOf(container) === undefined) return container;
  const lifecycle = omitted(container.lifecycle ?? {}, 'stopSignal');
  return Object.keys(lifecycle).length === 0 ? omitted(container, 'lifecycle') : { ...container, lifecycle };
}

/** One kind of source of projected volumes. */
const projection = (gate: string, member: 'clusterTrustBundle' | 'podCertificate'): GatedField<PodSpec> => ({
  gate,
  uses: ({ volumes }) => volumes?.some(({ projected }) => projected?.sources?.some((source) => source[member] !== undefined)) === true,
  without: (spec) => ({
    ...spec,
    volumes: (spec.volumes ?? []).map((volume) => {
      const { projected } = volume;
      const sources = projected?.sources?.map((source): VolumeProjection => omitted(source, member));
      return projected === undefined || sources === undefined ? volume : { ...volume, projected: { ...projected, sources } };
    }),
  }),
});

const OF_POD_SPECS: readonly GatedField<PodSpec>[] = [
  {
    gate: 'ContainerStopSignals',
    uses: ({ containers, initContainers = [], ephemeralContainers = [] }) =>
      [containers, initContainers, ephemeralContainers].some((list) => list.some((one) => stopSignalOf(one) !== undefined)),
    without: (spec) => ({
      ...spec,
      containers: spec.containers.map(withoutStopSignal),
      ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(withoutStopSignal) }),
      ...(spec.ephemeralContainers === undefined ? {} : { ephemeralContainers: spec.ephemeralContainers.map(withoutStopSignal) }),
    }),
  },
  projection('ClusterTrustBundleProjection', 'clusterTrustBundle'),
  projection('PodCertificateRequest', 'podCertificate'),
  {
    gate: 'GenericWorkload',
    uses: ({ schedulingGroup }) => schedulingGroup !== undefined,
    without: (spec) => omitted(spec, 'schedulingGroup'),
  },
];

/** Those of a part of an object, of the object. */
const within = <T, P>(
  fields: readonly GatedField<P>[],
  get: (object: T) => P | undefined,
  set: (object: T, part: P) => T,
): readonly GatedField<T>[] =>
  fields.map(({ gate, uses, without }) => ({
    gate,
    uses: (object) => {
      const part = get(object);
      return part !== undefined && uses(part);
    },
    without: (object) => {
      const part = get(object);
      return part === undefined ? object : set(object, without(part));
    },
  }));

const OF_TEMPLATES = within<PodTemplateSpec, PodSpec>(
  OF_POD_SPECS,
  ({ spec }) => spec as PodSpec | undefined,
  (template, spec) => ({ ...template, spec }),
);

interface Templated {
  readonly spec: { readonly template?: PodTemplateSpec };
}

const OF_WORKLOADS = within<Templated, PodTemplateSpec>(
  OF_TEMPLATES,
  ({ spec }) => spec.template,
  (object, template) => ({ ...object, spec: { ...object.spec, template } }),
);

interface RollingStrategy {
  readonly rollingUpdate?: { readonly maxUnavailable?: unknown };
}

const of = <T>(...fields: readonly GatedField<T>[]): readonly GatedField<KubeObject>[] =>
  fields as unknown as readonly GatedField<KubeObject>[];

/** By `deployments.apps`. */
const GATED: Readonly<Record<string, readonly GatedField<KubeObject>[]>> = {
  pods: of(
    ...within<Pod, PodSpec>(
      OF_POD_SPECS,
      ({ spec }) => spec,
      (pod, spec) => ({ ...pod, spec }),
    ),
  ),
  podtemplates: of(
    ...within<PodTemplate, PodTemplateSpec>(
      OF_TEMPLATES,
      ({ template }) => template,
      (object, template) => ({ ...object, template }),
    ),
  ),
  replicationcontrollers: of(...OF_WORKLOADS),
  'deployments.apps': of(...OF_WORKLOADS),
  'replicasets.apps': of(...OF_WORKLOADS),
  'daemonsets.apps': of(...OF_WORKLOADS),
  'statefulsets.apps': [
    ...of(...OF_WORKLOADS),
    ...of<StatefulSet>({
      gate: 'MaxUnavailableStatefulSet',
      uses: ({ spec }) => spec.updateStrategy.rollingUpdate?.maxUnavailable !== undefined,
      without: (set) => {
        const { rollingUpdate = {}, ...strategy } = set.spec.updateStrategy as RollingStrategy;
        const { maxUnavailable: _maxUnavailable, ...kept } = rollingUpdate;
        return { ...set, spec: { ...set.spec, updateStrategy: { ...strategy, rollingUpdate: kept } } } as StatefulSet;
      },
    }),
  ],
  'jobs.batch': of(...OF_WORKLOADS),
  'cronjobs.batch': of(
    ...within<CronJob, Templated>(
      OF_WORKLOADS,
      ({ spec }) => spec.jobTemplate,
      (cronJob, jobTemplate) => ({ ...cronJob, spec: { ...cronJob.spec, jobTemplate } }) as CronJob,
    ),
  ),
  'leases.coordination.k8s.io': of<Lease>({
    gate: 'CoordinatedLeaderElection',
    uses: ({ spec }) => spec?.strategy !== undefined || spec?.preferredHolder !== undefined,
    without: (lease) => ({ ...lease, spec: omitted(lease.spec ?? {}, 'strategy', 'preferredHolder') }),
  }),
  'csidrivers.storage.k8s.io': of<CSIDriver>({
    gate: 'VolumeLimitScaling',
    uses: ({ spec }) => spec.preventPodSchedulingIfMissing !== undefined,
    without: (driver) => ({ ...driver, spec: omitted(driver.spec, 'preventPodSchedulingIfMissing') }),
  }),
};

const STATUSES = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

/** `status` with what `change` makes of each container's. */
const withStatuses = (status: PodStatus, change: (one: ContainerStatus) => ContainerStatus): PodStatus => ({
  ...status,
  ...Object.fromEntries(
    STATUSES.flatMap((member) => {
      const list = status[member];
      return list === undefined ? [] : [[member, list.map(change)]];
    }),
  ),
});

const OF_POD_STATUS: readonly GatedField<PodStatus>[] = [
  {
    gate: 'ContainerStopSignals',
    uses: (status) => STATUSES.some((member) => status[member]?.some(({ stopSignal }) => stopSignal !== undefined) === true),
    without: (status) => withStatuses(status, (one) => omitted(one, 'stopSignal')),
  },
  {
    gate: 'ImageVolumeWithDigest',
    uses: (status) =>
      STATUSES.some((member) => status[member]?.some((one) => one.volumeMounts?.some((mount) => mount.volumeStatus?.image !== undefined))),
    without: (status) =>
      withStatuses(status, (one) =>
        one.volumeMounts === undefined
          ? one
          : { ...one, volumeMounts: one.volumeMounts.map((mount): VolumeMountStatus => omitted(mount, 'volumeStatus')) },
      ),
  },
  {
    gate: 'DRANodeAllocatableResources',
    uses: ({ nodeAllocatableResourceClaimStatuses: statuses }) => statuses !== undefined,
    without: (status) => omitted(status, 'nodeAllocatableResourceClaimStatuses'),
  },
];

/** What the status endpoint loses. */
const GATED_STATUS: Readonly<Record<string, readonly GatedField<KubeObject>[]>> = {
  pods: of(
    ...within<Pod, PodStatus>(
      OF_POD_STATUS,
      ({ status }) => status,
      (pod, status) => ({ ...pod, status }),
    ),
  ),
};

type Drop = (object: KubeObject, old: KubeObject | undefined) => KubeObject;

/** Undefined where there is nothing to lose. */
function dropping(all: readonly GatedField<KubeObject>[] | undefined, isOn: IsOn): Drop | undefined {
  const fields = (all ?? []).filter(({ gate }) => !isOn(gate));
  if (fields.length === 0) return undefined;
  return (object, old) => {
    let kept = object;
    for (const { uses, without } of fields) if (uses(kept) && (old === undefined || !uses(old))) kept = without(kept);
    return kept;
  };
}

const updating = (drop: Drop, hooks: UpdateHooks): Required<Pick<UpdateHooks, 'prepareForUpdate'>> => ({
  prepareForUpdate: (object, old, context) => {
    const kept = drop(object, old);
    return hooks.prepareForUpdate?.(kept, old, context) ?? kept;
  },
});

/** `strategy`, before which writes lose the fields of features that are off. @param name `deployments.apps` */
export function withoutGatedFields(name: string, strategy: Strategy, isOn: IsOn): Strategy {
  const drop = dropping(GATED[name], isOn);
  const dropStatus = dropping(GATED_STATUS[name], isOn);
  const status = strategy.subresources?.['status'];
  return {
    ...strategy,
    ...(dropStatus === undefined || status === undefined
      ? {}
      : { subresources: { ...strategy.subresources, status: { ...status, ...updating(dropStatus, status) } } }),
    ...(drop === undefined
      ? {}
      : {
          ...updating(drop, strategy),
          prepareForCreate: (object, context) => {
            const kept = drop(object, undefined);
            return strategy.prepareForCreate?.(kept, context) ?? kept;
          },
        }),
  };
}
