// Pods. Source: pkg/registry/core/pod strategy.go.
import { podQos } from '#api/pod-qos.ts';
import type {
  Affinity,
  Container,
  LabelSelector,
  Pod,
  PodAffinityTerm,
  PodCondition,
  PodSpec,
  PodStatus,
  TopologySpreadConstraint,
} from '#api/types.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { withAppArmorFields } from './app-armor.ts';
import { resetForStatus, withMetadata } from '../metadata.ts';
import { risen } from '../generic-strategy.ts';
import type { Strategy } from '../strategy.ts';

/** A rise of generation for each change of spec, and for nothing else. Source: updatePodGeneration. */
const countedSpec = (pod: Pod, old: Pod): Pod => (deepEqual(pod.spec, old.spec) ? pod : risen(pod, old));

export const podStrategy = {
  indexedFields: ['spec.nodeName'],
  resetFields: {
    status: [
      ['metadata', 'deletionTimestamp'],
      ['metadata', 'ownerReferences'],
    ],
  },
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec.nodeName ?? '',
    'spec.restartPolicy': ({ spec }) => spec.restartPolicy,
    'spec.schedulerName': ({ spec }) => spec.schedulerName,
    'spec.serviceAccountName': ({ spec }) => spec.serviceAccountName ?? '',
    'spec.hostNetwork': ({ spec }) => String(spec.hostNetwork ?? false),
    'status.phase': ({ status }) => status.phase ?? '',
    'status.podIP': ({ status }) => status.podIPs?.[0]?.ip ?? '',
    // A label upstream knows and never fills.
    'status.podIPs': () => '',
    'status.nominatedNodeName': ({ status }) => status.nominatedNodeName ?? '',
  },
  fieldAliases: { v1: { only: false, labels: { 'spec.host': 'spec.nodeName' } } },
  initialStatus: (pod): PodStatus => ({ phase: 'Pending', ...gated(pod.spec), qosClass: podQos(pod) }),
  prepareForCreate: (pod, { request: { warnings } }) => {
    const merged = withMetadata({ ...pod, spec: mergedLabelKeys(pod) }, { generation: 1 });
    return withAppArmorFields(merged, (text) => warnings.add(text));
  },
  prepareForUpdate: countedSpec,
  deletionGrace: ({ spec, status }, requested) => {
    if ((spec.nodeName ?? '') === '' || status.phase === 'Failed' || status.phase === 'Succeeded') return 0;
    const seconds = requested ?? spec.terminationGracePeriodSeconds ?? 0;
    return seconds < 0 ? 1 : seconds;
  },
  subresources: {
    status: {
      prepareForUpdate: (pod, old) =>
        withMetadata(
          { ...pod, status: keptObservations(pod.status, old.status) },
          { ownerReferences: old.metadata.ownerReferences, deletionTimestamp: undefined },
        ),
    },
    ephemeralcontainers: {
      prepareForUpdate: (pod, old) => {
        const { ephemeralContainers: _before, ...others } = old.spec;
        const { ephemeralContainers } = pod.spec;
        const spec = { ...others, ...(ephemeralContainers === undefined ? {} : { ephemeralContainers }) };
        return countedSpec({ ...old, metadata: resetForStatus(pod.metadata, old.metadata), spec }, old);
      },
    },
    resize: { prepareForUpdate: (pod, old) => countedSpec(resized(pod, old), old) },
  },
} satisfies Strategy<Pod>;

/** Source: applySchedulingGatedCondition. */
function gated({ schedulingGates = [] }: PodSpec): { readonly conditions?: readonly PodCondition[] } {
  if (schedulingGates.length === 0) return {};
  return {
    conditions: [
      {
        type: 'PodScheduled',
        status: 'False',
        lastProbeTime: null,
        lastTransitionTime: null,
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ],
  };
}

/** Generations that a writer left out stay what they were. Source: preserveOldObservedGeneration. */
function keptObservations(status: PodStatus, old: PodStatus): PodStatus {
  const left = Map.groupBy(old.conditions ?? [], ({ type }) => type);
  const conditions = status.conditions?.map((condition) => {
    const before = left.get(condition.type)?.shift()?.observedGeneration;
    return (condition.observedGeneration ?? 0) === 0 && before !== undefined ? { ...condition, observedGeneration: before } : condition;
  });
  const observed = (status.observedGeneration ?? 0) === 0 ? old.observedGeneration : status.observedGeneration;
  const qosClass = status.qosClass ?? old.qosClass;
  return {
    ...status,
    ...(observed === undefined ? {} : { observedGeneration: observed }),
    ...(conditions === undefined ? {} : { conditions }),
    ...(qosClass === undefined ? {} : { qosClass }),
  };
}

/** Only resources and resize policies change; anything else is left for validation to refuse. Source: dropNonResizeUpdates. */
function resized(pod: Pod, old: Pod): Pod {
  const containers = resizedContainers(pod.spec.containers, old.spec.containers);
  const initContainers = resizedContainers(pod.spec.initContainers ?? [], old.spec.initContainers ?? []);
  if (containers === undefined || initContainers === undefined) return pod;
  const { resources } = pod.spec;
  const { resources: _resources, initContainers: _init, ...rest } = old.spec;
  return {
    ...old,
    metadata: resetForStatus(pod.metadata, old.metadata),
    spec: {
      ...rest,
      containers,
      ...(initContainers.length === 0 ? {} : { initContainers }),
      ...(resources === undefined ? {} : { resources }),
    },
  };
}

/** Undefined when containers were added, removed, renamed or moved. */
function resizedContainers(next: readonly Container[], old: readonly Container[]): readonly Container[] | undefined {
  if (next.length !== old.length) return undefined;
  if (next.some((container, i) => container.name !== old[i]?.name)) return undefined;
  return old.map((container, i) => {
    const { resources, resizePolicy } = next[i] as Container;
    const { resizePolicy: _resizePolicy, ...rest } = container;
    return { ...rest, resources, ...(resizePolicy === undefined ? {} : { resizePolicy }) };
  });
}

/** matchLabelKeys become part of the selectors they narrow. Source: mutatePodAffinity, mutateTopologySpreadConstraints. */
function mergedLabelKeys({ metadata: { labels = {} }, spec }: Pod): PodSpec {
  const { affinity, topologySpreadConstraints } = spec;
  if (affinity === undefined && topologySpreadConstraints === undefined) return spec;
  return {
    ...spec,
    ...(affinity === undefined ? {} : { affinity: mergedAffinity(affinity, labels) }),
    ...(topologySpreadConstraints === undefined
      ? {}
      : { topologySpreadConstraints: topologySpreadConstraints.map((constraint) => mergedConstraint(constraint, labels)) }),
  };
}

type Labels = Readonly<Record<string, string>>;

function mergedAffinity(affinity: Affinity, labels: Labels): Affinity {
  const terms = <A extends NonNullable<Affinity['podAffinity']>>(one: A): A => ({
    ...one,
    ...(one.preferredDuringSchedulingIgnoredDuringExecution === undefined
      ? {}
      : {
          preferredDuringSchedulingIgnoredDuringExecution: one.preferredDuringSchedulingIgnoredDuringExecution.map((weighted) => ({
            ...weighted,
            podAffinityTerm: mergedTerm(weighted.podAffinityTerm, labels),
          })),
        }),
    ...(one.requiredDuringSchedulingIgnoredDuringExecution === undefined
      ? {}
      : {
          requiredDuringSchedulingIgnoredDuringExecution: one.requiredDuringSchedulingIgnoredDuringExecution.map((term) =>
            mergedTerm(term, labels),
          ),
        }),
  });
  return {
    ...affinity,
    ...(affinity.podAffinity === undefined ? {} : { podAffinity: terms(affinity.podAffinity) }),
    ...(affinity.podAntiAffinity === undefined ? {} : { podAntiAffinity: terms(affinity.podAntiAffinity) }),
  };
}

function mergedTerm(term: PodAffinityTerm, labels: Labels): PodAffinityTerm {
  const { labelSelector, matchLabelKeys = [], mismatchLabelKeys = [] } = term;
  if (labelSelector === undefined || (matchLabelKeys.length === 0 && mismatchLabelKeys.length === 0)) return term;
  const narrowed = withKeys(withKeys(labelSelector, matchLabelKeys, 'In', labels), mismatchLabelKeys, 'NotIn', labels);
  return { ...term, labelSelector: narrowed };
}

function mergedConstraint(constraint: TopologySpreadConstraint, labels: Labels): TopologySpreadConstraint {
  const { labelSelector, matchLabelKeys = [] } = constraint;
  if (labelSelector === undefined || matchLabelKeys.length === 0) return constraint;
  return { ...constraint, labelSelector: withKeys(labelSelector, matchLabelKeys, 'In', labels) };
}

function withKeys(selector: LabelSelector, keys: readonly string[], operator: 'In' | 'NotIn', labels: Labels): LabelSelector {
  const added = keys.filter((key) => Object.hasOwn(labels, key)).map((key) => ({ key, operator, values: [labels[key] as string] }));
  return added.length === 0 ? selector : { ...selector, matchExpressions: [...(selector.matchExpressions ?? []), ...added] };
}
