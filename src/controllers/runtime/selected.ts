// Objects of a namespace that a selector takes, found by one of the labels it asks for instead of by looking at all.
import type { LabelSelector } from '#apimachinery/labels.ts';
import type { KubeObject } from '#api/types.ts';
import type { Informer } from '#client/informer-contract.ts';

const BY_LABEL = 'namespace-and-label';

const entry = (namespace: string, key: string, value: string): string => `${namespace}/${key}=${value}`;

const labelsOf = ({ metadata }: KubeObject): readonly string[] =>
  Object.entries(metadata.labels ?? {}).map(([key, value]) => entry(metadata.namespace ?? '', key, value));

/** Adds the index that `selectedBy` reads; several controllers may ask it of one informer. */
export function indexByLabels<T extends KubeObject>(informer: Informer<T>): void {
  informer.addIndex(BY_LABEL, labelsOf);
}

export function selectedBy<T extends KubeObject>(informer: Informer<T>, namespace: string, selector: LabelSelector): readonly T[] {
  if (!selector.selectable) return [];
  let fewest: readonly T[] | undefined;
  for (const { key } of selector.requirements) {
    const value = selector.requiresExactMatch(key);
    if (value === undefined) continue;
    const found = informer.byIndex(BY_LABEL, entry(namespace, key, value));
    if (fewest === undefined || found.length < fewest.length) fewest = found;
  }
  // All that has the one label is what was asked for.
  if (fewest !== undefined && selector.requirements.length === 1) return fewest;
  return [...(fewest ?? informer.list(namespace))].filter(({ metadata }) => selector.matches(metadata.labels));
}
