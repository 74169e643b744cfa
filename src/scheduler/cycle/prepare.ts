// What the plugins of a profile have to say of one pod, asked once: filters and scores that are then asked node by node.
import type { NodeFilter, NodeScore, Normalize } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import type { Status } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';

/** A score plugin's answer for this kind of pod. */
export interface Scoring {
  readonly score: NodeScore;
  readonly normalize: Normalize;
  readonly weight: number;
  /** By slot, for the scope `node`. */
  readonly raw: Float64Array;
}

export interface Scorings {
  /** Of the scope `node`. */
  readonly own: readonly Scoring[];
  /** Of them, those that are normalised by the greatest of the feasible nodes. */
  readonly relative: readonly Scoring[];
  /** Of the scope `cluster`, or normalised in a way of their own. */
  readonly elsewhere: readonly Scoring[];
  /** Plugins that score. */
  readonly plugins: readonly string[];
  /** By slot, the weighted sum of those that need not be. */
  readonly fixed: Float64Array;
}

export interface PreparedFilters {
  readonly filters: readonly NodeFilter[];
  readonly refusal: Status | undefined;
  readonly nodeNames: ReadonlySet<string> | undefined;
  readonly namingPlugins: readonly string[];
  /** Plugins that were asked, be there something for them to filter or not. */
  readonly prepared: ReadonlySet<string>;
  /** Of them, those with something to filter. */
  readonly filtering: readonly string[];
}

/** Source: RunPreFilterPlugins. */
export function prepareFilters(pod: PodInfo, profile: Profile, cluster: ClusterState): PreparedFilters {
  const filters: NodeFilter[] = [];
  const namingPlugins: string[] = [];
  const prepared = new Set<string>();
  const filtering: string[] = [];
  let nodeNames: ReadonlySet<string> | undefined;
  let refusal: Status | undefined;
  for (const plugin of profile.filter) {
    const result = plugin.preFilter?.(pod, cluster) ?? { kind: 'skip' };
    prepared.add(plugin.name);
    if (result.kind === 'skip') continue;
    if (result.kind === 'rejected') {
      refusal = result.status;
      // One that evicting pods may answer is told only after all were asked.
      if (refusal.code === 'UnschedulableAndUnresolvable' || refusal.code === 'Error') break;
      continue;
    }
    filters.push(result.filter);
    filtering.push(plugin.name);
    if (result.nodeNames === undefined) continue;
    namingPlugins.push(plugin.name);
    nodeNames = nodeNames === undefined ? result.nodeNames : nodeNames.intersection(result.nodeNames);
    if (nodeNames.size === 0) return { filters, refusal: contradiction(namingPlugins), nodeNames, namingPlugins, prepared, filtering };
  }
  return { filters, refusal, nodeNames, namingPlugins, prepared, filtering };
}

function contradiction(plugins: readonly string[]): Status {
  const sorted = plugins.toSorted();
  const reason =
    sorted.length === 1
      ? `node(s) didn't satisfy plugin ${sorted[0]}`
      : `node(s) didn't satisfy plugin(s) [${sorted.join(' ')}] simultaneously`;
  return { code: 'UnschedulableAndUnresolvable', reasons: [reason], plugin: '' };
}

export function prepareScorings(pod: PodInfo, profile: Profile, cluster: ClusterState): Scorings {
  const scorings: Scoring[] = [];
  const plugins: string[] = [];
  for (const { plugin, weight } of profile.score) {
    const score = plugin.preScore?.(pod, cluster);
    if (score === undefined) continue;
    plugins.push(plugin.name);
    scorings.push({ score, normalize: score.normalize, weight, raw: new Float64Array(score.scope === 'node' ? cluster.slotCount : 0) });
  }
  const own = scorings.filter(({ score }) => score.scope === 'node');
  const relative = own.filter(({ normalize }) => normalize === 'ascending' || normalize === 'descending');
  const elsewhere = scorings.filter(({ score, normalize }) => score.scope === 'cluster' || typeof normalize === 'function');
  return { own, relative, elsewhere, plugins, fixed: new Float64Array(cluster.slotCount) };
}
