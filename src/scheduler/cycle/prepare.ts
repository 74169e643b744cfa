// What the plugins of a profile have to say of one pod, asked once: filters and scores that are then asked node by node.
import type { NodeFilter, NodeScore, Plugin } from '../framework/plugin.ts';
import type { Profile } from '../framework/profile.ts';
import type { Status } from '../framework/status.ts';
import type { ClusterState } from '../state/cluster-state.ts';
import type { PodInfo } from '../state/pod-info.ts';

/** A score plugin's answer for this kind of pod. */
export interface PreparedScore {
  readonly plugin: Plugin;
  readonly score: NodeScore;
  readonly weight: number;
}

export interface PreparedFilters {
  readonly filters: readonly NodeFilter[];
  readonly refusal: Status | undefined;
  readonly nodeNames: ReadonlySet<string> | undefined;
  readonly namingPlugins: readonly string[];
  /** Plugins that were asked, be there something for them to filter or not. */
  readonly prepared: ReadonlySet<string>;
  /** Of them, those with something to filter: of each of `filters` in order. */
  readonly filtering: readonly Plugin[];
}

/** Source: RunPreFilterPlugins. */
export function prepareFilters(pod: PodInfo, profile: Profile, cluster: ClusterState): PreparedFilters {
  const filters: NodeFilter[] = [];
  const namingPlugins: string[] = [];
  const prepared = new Set<string>();
  const filtering: Plugin[] = [];
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
    filtering.push(plugin);
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

export function prepareScores(pod: PodInfo, { score: plugins }: Profile, cluster: ClusterState): readonly PreparedScore[] {
  const prepared: PreparedScore[] = [];
  for (const { plugin, weight } of plugins) {
    const score = plugin.preScore?.(pod, cluster);
    if (score !== undefined) prepared.push({ plugin, score, weight });
  }
  return prepared;
}
