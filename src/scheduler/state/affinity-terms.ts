// pure
// Inter-pod affinity as a pod states it, read once: which pods a term means, and in what kind of place. Source:
// kube-scheduler/framework AffinityTerm.
import { type Labels, SelectorError } from '#apimachinery/label-requirement.ts';
import { type LabelSelector, type LabelSelectorObject, nothing, selectorFromObject } from '#apimachinery/labels.ts';
import type { Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '#api/types.ts';

export interface AffinityTerm {
  readonly namespaces: ReadonlySet<string>;
  readonly namespaceSelector: LabelSelector;
  readonly selector: LabelSelector;
  readonly topologyKey: string;
}

export interface WeightedTerm extends AffinityTerm {
  readonly weight: number;
}

export interface AffinityTerms {
  readonly required: readonly AffinityTerm[];
  readonly requiredAnti: readonly AffinityTerm[];
  readonly preferred: readonly WeightedTerm[];
  readonly preferredAnti: readonly WeightedTerm[];
}

/** `undefined` for a pod that says nothing of other pods. */
export function affinityTerms({ metadata, spec }: Pod): AffinityTerms | undefined {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  if (podAffinity === undefined && podAntiAffinity === undefined) return undefined;
  const { namespace } = metadata;
  const required = (list: readonly PodAffinityTerm[] = []) => list.map((term) => readTerm(term, namespace));
  const preferred = (list: readonly WeightedPodAffinityTerm[] = []) =>
    list.map(({ weight, podAffinityTerm }) => ({ ...readTerm(podAffinityTerm, namespace), weight }));
  return {
    required: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    requiredAnti: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: preferred(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAnti: preferred(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
  };
}

/** Without any namespaces the pod's own is meant. Source: newAffinityTerm. */
function readTerm({ labelSelector, namespaces = [], namespaceSelector, topologyKey }: PodAffinityTerm, namespace: string): AffinityTerm {
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined;
  return {
    namespaces: new Set(isOwn ? [namespace] : namespaces),
    namespaceSelector: selectorOrNothing(namespaceSelector),
    selector: selectorOrNothing(labelSelector),
    topologyKey,
  };
}

/** Older API servers let selectors through that say nothing sensible; those mean no pod. */
function selectorOrNothing(selector: LabelSelectorObject | undefined): LabelSelector {
  try {
    return selectorFromObject(selector);
  } catch (error) {
    if (error instanceof SelectorError) return nothing;
    throw error;
  }
}

/** `namespaceLabels`: of a namespace by its name. */
export function termMatches(term: AffinityTerm, { metadata }: Pod, namespaceLabels: (namespace: string) => Labels | undefined): boolean {
  if (!term.selector.matches(metadata.labels)) return false;
  return term.namespaces.has(metadata.namespace) || term.namespaceSelector.matches(namespaceLabels(metadata.namespace) ?? {});
}
