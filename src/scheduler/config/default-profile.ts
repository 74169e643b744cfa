// The plugins of a profile that says nothing of them. Source: apis/config/v1 getDefaultPlugins.
import type { Client } from '#client/contract.ts';
import { type Profile, profileOf } from '../framework/profile.ts';
import { defaultBinder } from '../plugins/default-binder.ts';
import { defaultPreemption, type PreemptionDeps } from '../plugins/default-preemption.ts';
import { imageLocality } from '../plugins/image-locality.ts';
import { interPodAffinity, type NamespaceLabels } from '../plugins/inter-pod-affinity.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { nodeName } from '../plugins/node-name.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { balancedAllocation, nodeResourcesFit } from '../plugins/node-resources.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { type GroupSelector, podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { prioritySort } from '../plugins/priority-sort.ts';
import { schedulingGates } from '../plugins/scheduling-gates.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';

export const DEFAULT_SCHEDULER_NAME = 'default-scheduler';

/** What plugins work with beside the cluster state. */
export interface PluginDeps {
  readonly client: Client;
  readonly preemption: PreemptionDeps;
  readonly namespaceLabels: NamespaceLabels;
  readonly groupSelector: GroupSelector;
}

export function defaultProfile(
  { client, preemption, namespaceLabels, groupSelector }: PluginDeps,
  schedulerName = DEFAULT_SCHEDULER_NAME,
): Profile {
  return profileOf(schedulerName, [
    { plugin: schedulingGates, weight: 0 },
    { plugin: prioritySort, weight: 0 },
    { plugin: nodeUnschedulable, weight: 0 },
    { plugin: nodeName, weight: 0 },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity(), weight: 2 },
    { plugin: nodePorts, weight: 0 },
    { plugin: nodeResourcesFit(), weight: 1 },
    { plugin: podTopologySpread(groupSelector), weight: 2 },
    { plugin: interPodAffinity(namespaceLabels), weight: 2 },
    { plugin: defaultPreemption(preemption), weight: 0 },
    { plugin: balancedAllocation(), weight: 1 },
    { plugin: imageLocality, weight: 1 },
    { plugin: defaultBinder(client), weight: 0 },
  ]);
}
