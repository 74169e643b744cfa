// Finalizers that others may want to use too. Source: customresource validateKubeFinalizerName.
import { goQuote } from '#apimachinery/go-format.ts';
import { qualifiedName } from '#apimachinery/names.ts';

const STANDARD: ReadonlySet<string> = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);
const AVOID = 'to avoid accidental conflicts with other finalizer writers';

/** Warnings about finalizers that `before` does not have. */
export function finalizerWarnings(finalizers: readonly string[] = [], before: readonly string[] = []): readonly string[] {
  const added = [...new Set(finalizers)].filter((name) => !before.includes(name)).toSorted();
  return added.flatMap((name) => {
    const at = `metadata.finalizers: ${goQuote(name)}`;
    const wrong = qualifiedName(name).map((reason) => `${at}: ${reason}`);
    if (name.includes('/') || STANDARD.has(name)) return wrong;
    const path = name.includes('.') ? ' including a path (/)' : '';
    return [...wrong, `${at}: prefer a domain-qualified finalizer name${path} ${AVOID}`];
  });
}
