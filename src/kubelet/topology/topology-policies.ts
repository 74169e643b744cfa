// pure
// Where a container's resources shall lie: hints of who gives them out, merged into one. Source: topologymanager policy*.go, numa_info.go.
import { countOf, isNarrower, maskOf, type NumaMask, nodesOf } from './numa-mask.ts';

export interface TopologyHint {
  /** Undefined: anywhere. */
  readonly affinity: NumaMask | undefined;
  readonly preferred: boolean;
}

/**
 * By resource: where it can be had. Undefined for a resource without a preference, empty for one that cannot be had; a provider
 * without any member has no preference at all.
 */
export type ProviderHints = Readonly<Record<string, readonly TopologyHint[] | undefined>>;

export interface NumaInfo {
  /** Rising. */
  readonly nodes: readonly number[];
  /** Between nodes, by their ids. */
  readonly distances: ReadonlyMap<number, readonly number[]>;
}

export type TopologyPolicy = 'none' | 'best-effort' | 'restricted' | 'single-numa-node';

export interface Merged {
  readonly hint: TopologyHint;
  readonly admit: boolean;
}

const ANYWHERE: TopologyHint = { affinity: undefined, preferred: true };
const NOWHERE: TopologyHint = { affinity: undefined, preferred: false };

export function mergeHints(
  policy: TopologyPolicy,
  providers: readonly ProviderHints[],
  numa: NumaInfo,
  { preferClosest = false }: { readonly preferClosest?: boolean } = {},
): Merged {
  if (policy === 'none') return { hint: { affinity: undefined, preferred: false }, admit: true };
  const byResource = filtered(providers);
  if (policy !== 'single-numa-node') {
    const hint = merge(byResource, numa, preferClosest ? (a, b) => closest(a, b, numa) : narrowest);
    return { hint, admit: policy === 'best-effort' || hint.preferred };
  }
  const single = byResource.map((hints) =>
    hints.filter(({ affinity, preferred }) => preferred && (affinity === undefined || countOf(affinity) === 1)),
  );
  const best = merge(single, numa, narrowest);
  // Every node is where it may lie anyway.
  const hint = best.affinity === maskOf(numa.nodes) ? { ...best, affinity: undefined } : best;
  return { hint, admit: hint.preferred };
}

/** Source: filterProvidersHints. */
function filtered(providers: readonly ProviderHints[]): readonly (readonly TopologyHint[])[] {
  return providers.flatMap((hints) => {
    const all = Object.values(hints);
    if (all.length === 0) return [[ANYWHERE]];
    return all.map((each) => (each === undefined ? [ANYWHERE] : each.length === 0 ? [NOWHERE] : each));
  });
}

type Choose = (current: NumaMask, candidate: NumaMask) => NumaMask;

const narrowest: Choose = (current, candidate) => (isNarrower(candidate, current) ? candidate : current);

/** Of as few nodes as possible, then those nearest to one another. Source: NUMAInfo.Closest. */
function closest(current: NumaMask, candidate: NumaMask, numa: NumaInfo): NumaMask {
  if (countOf(candidate) !== countOf(current)) return narrowest(current, candidate);
  const [of, other] = [averageDistance(current, numa), averageDistance(candidate, numa)];
  if (of === other) return narrowest(current, candidate);
  return other < of ? candidate : current;
}

function averageDistance(mask: NumaMask, { distances }: NumaInfo): number {
  const nodes = nodesOf(mask);
  if (nodes.length === 0) return 0;
  const sum = nodes.reduce((total, a) => total + nodes.reduce((part, b) => part + (distances.get(a)?.[b] ?? 0), 0), 0);
  return sum / nodes.length ** 2;
}

interface Merging {
  readonly affinity: NumaMask;
  readonly preferred: boolean;
}

/** Every way to take one hint of each resource, and the best of what they come to. Source: HintMerger.Merge. */
function merge(byResource: readonly (readonly TopologyHint[])[], { nodes }: NumaInfo, choose: Choose): TopologyHint {
  const everywhere = maskOf(nodes);
  const widest = mostOfTheLeast(byResource);
  let best: Merging | undefined;
  const descend = (at: number, sofar: Merging & { readonly first: NumaMask | undefined }): void => {
    const hints = byResource[at];
    if (hints === undefined) {
      best = better(best, sofar, widest, choose);
      return;
    }
    for (const { affinity, preferred } of hints) {
      const first = sofar.first ?? affinity;
      descend(at + 1, {
        first,
        affinity: affinity === undefined ? sofar.affinity : sofar.affinity & affinity,
        preferred: sofar.preferred && preferred && (affinity === undefined || affinity === first),
      });
    }
  };
  descend(0, { affinity: everywhere, preferred: true, first: undefined });
  return best === undefined ? { affinity: everywhere, preferred: false } : { affinity: best.affinity, preferred: best.preferred };
}

/** The most nodes that any resource needs at least. Source: maxOfMinAffinityCounts. */
function mostOfTheLeast(byResource: readonly (readonly TopologyHint[])[]): number {
  const least = byResource.map((hints) => {
    const counts = hints.flatMap(({ affinity }) => (affinity === undefined ? [] : [countOf(affinity)]));
    return counts.length === 0 ? 0 : Math.min(...counts);
  });
  return Math.max(0, ...least);
}

/**
 * What is preferred wins; of two that are, the fitter mask. Of two that are not, the one whose number of nodes comes nearest to
 * `wanted` without more of them. Source: HintMerger.compare.
 */
function better(current: Merging | undefined, candidate: Merging, wanted: number, choose: Choose): Merging | undefined {
  const count = countOf(candidate.affinity);
  if (count === 0) return current;
  if (current === undefined) return candidate;
  if (current.preferred !== candidate.preferred) return candidate.preferred ? candidate : current;
  const fitter = (): Merging => {
    if (candidate.affinity === current.affinity) return current;
    return choose(current.affinity, candidate.affinity) === current.affinity ? current : candidate;
  };
  if (current.preferred) return fitter();
  const before = countOf(current.affinity);
  if (before > wanted) return fitter();
  if (before === wanted) return count === wanted ? fitter() : current;
  if (count > wanted) return current;
  if (count === wanted || count > before) return candidate;
  return count < before ? current : fitter();
}
