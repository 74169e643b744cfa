// pure
// The pod a DaemonSet runs on a node, and which nodes it runs one on. Source: daemon util/daemonset_util.go,
// daemon_controller.go NodeShouldRunDaemonPod.
import { matchesRequiredAffinity } from '#api/node-selectors.ts';
import { untoleratedTaint } from '#api/taints.ts';
import type { Affinity, DaemonSet, New, Node, Pod, PodSpec, Toleration } from '#api/types.ts';
import { ANNOTATION, LABEL, TAINT } from '#api/well-known.ts';
import { podFromTemplate } from '../runtime/pod-from-template.ts';

export const DAEMON_SET_KIND = { group: 'apps', version: 'v1', kind: 'DaemonSet' } as const;

/** Source: extensions.DaemonSetTemplateGenerationKey. */
const GENERATION_LABEL = 'pod-template-generation';

const tolerate = (key: string, effect: Toleration['effect']): Toleration => ({ key, operator: 'Exists', effect }) as Toleration;

/** A daemon stays on a node in trouble, and comes to one that is not ready yet. Source: AddOrUpdateDaemonPodTolerations. */
const ALWAYS: readonly Toleration[] = [
  tolerate(TAINT.notReady, 'NoExecute'),
  tolerate(TAINT.unreachable, 'NoExecute'),
  tolerate(TAINT.diskPressure, 'NoSchedule'),
  tolerate(TAINT.memoryPressure, 'NoSchedule'),
  tolerate(TAINT.pidPressure, 'NoSchedule'),
  tolerate(TAINT.unschedulable, 'NoSchedule'),
];
const ON_HOST_NETWORK = tolerate(TAINT.networkUnavailable, 'NoSchedule');

const isSame = (a: Toleration, b: Toleration): boolean =>
  a.key === b.key && a.effect === b.effect && a.operator === b.operator && (a.value ?? '') === (b.value ?? '');

function tolerations({ tolerations: own = [], hostNetwork }: PodSpec): readonly Toleration[] {
  const added = hostNetwork === true ? [...ALWAYS, ON_HOST_NETWORK] : ALWAYS;
  return [...own, ...added].filter((one, index, all) => all.findIndex((other) => isSame(one, other)) === index);
}

/** The scheduler may place it on this node only. Source: ReplaceDaemonSetPodNodeNameNodeAffinity. */
function onlyOn(node: string, affinity: Affinity | undefined): Affinity {
  const nodeSelectorTerms = [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] as const;
  return {
    ...affinity,
    nodeAffinity: { ...affinity?.nodeAffinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
  };
}

export function newDaemonPod(ds: DaemonSet, node: string, hash: string): New<Pod> {
  const draft = podFromTemplate(ds, DAEMON_SET_KIND);
  const { spec, metadata } = ds.spec.template;
  const generation = templateGeneration(ds);
  return {
    ...draft,
    metadata: {
      ...draft.metadata,
      labels: {
        ...metadata.labels,
        ...(generation === undefined ? {} : { [GENERATION_LABEL]: generation }),
        [LABEL.controllerRevisionHash]: hash,
      },
    },
    spec: { ...spec, affinity: onlyOn(node, spec.affinity), tolerations: tolerations(spec) },
  };
}

/** Source: GetTemplateGeneration. */
function templateGeneration({ metadata }: DaemonSet): string | undefined {
  const text = metadata.annotations?.[ANNOTATION.daemonSetGeneration];
  return text !== undefined && /^\d+$/.test(text) ? text : undefined;
}

/** Made of the present template. Source: IsPodUpdated. */
export function isUpdated(ds: DaemonSet, { metadata }: Pod, hash: string): boolean {
  const generation = templateGeneration(ds);
  return (
    (hash !== '' && metadata.labels?.[LABEL.controllerRevisionHash] === hash) ||
    (generation !== undefined && metadata.labels?.[GENERATION_LABEL] === generation)
  );
}

/** The node a daemon pod is on, or is to be placed on. Source: GetTargetNodeName. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec.nodeName !== undefined && spec.nodeName !== '') return spec.nodeName;
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  for (const { matchFields = [] } of terms) {
    const name = matchFields.find(({ key, operator, values }) => key === 'metadata.name' && operator === 'In' && values?.length === 1);
    if (name !== undefined) return name.values?.[0];
  }
  return undefined;
}

export interface Suitability {
  /** A pod should come to this node. */
  readonly run: boolean;
  /** A pod that is there may stay. */
  readonly stay: boolean;
}

export function suits(ds: DaemonSet, node: Node): Suitability {
  const { spec } = ds.spec.template;
  const named = spec.nodeName === undefined || spec.nodeName === '' || spec.nodeName === node.metadata.name;
  if (!named || !matchesRequiredAffinity(node, spec)) return { run: false, stay: false };
  const tolerated = tolerations(spec);
  return {
    run: untoleratedTaint(node.spec.taints, tolerated) === undefined,
    stay: untoleratedTaint(node.spec.taints, tolerated, ['NoExecute']) === undefined,
  };
}
