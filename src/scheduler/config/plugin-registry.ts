// Plugins by name: how each is made from its arguments. Source: framework/plugins NewInTreeRegistry.
import type { Reader } from '#apimachinery/configuration-reader.ts';
import type { Client } from '#client/contract.ts';
import type { Plugin } from '../framework/plugin.ts';
import { defaultBinder } from '../plugins/default-binder.ts';
import { defaultPreemption, type PreemptionDeps } from '../plugins/default-preemption.ts';
import { dynamicResources, type DynamicResourcesDeps } from '../plugins/dynamic-resources/dynamic-resources.ts';
import { imageLocality } from '../plugins/image-locality.ts';
import { interPodAffinity, type NamespaceLabels } from '../plugins/inter-pod-affinity.ts';
import { PLUGIN } from '../plugins/names.ts';
import { nodeAffinity } from '../plugins/node-affinity.ts';
import { nodeDeclaredFeatures } from '../plugins/node-declared-features.ts';
import { nodeName } from '../plugins/node-name.ts';
import { nodePorts } from '../plugins/node-ports.ts';
import { balancedAllocation, type FitArgs, nodeResourcesFit } from '../plugins/node-resources.ts';
import { nodeVolumeLimits } from '../plugins/node-volume-limits.ts';
import { nodeUnschedulable } from '../plugins/node-unschedulable.ts';
import { type GroupSelector, podTopologySpread } from '../plugins/pod-topology-spread.ts';
import { prioritySort } from '../plugins/priority-sort.ts';
import { schedulingGates } from '../plugins/scheduling-gates.ts';
import { taintToleration } from '../plugins/taint-toleration.ts';
import { volumeRestrictions } from '../plugins/volume-restrictions.ts';
import { volumeZone } from '../plugins/volume-zone.ts';
import { volumeBinding, type VolumeBindingDeps } from '../plugins/volume-binding/volume-binding.ts';
import {
  readBalancedArgs,
  readDynamicResourcesArgs,
  readFitArgs,
  readInterPodAffinityArgs,
  readNodeAffinityArgs,
  readPreemptionArgs,
  readSpreadArgs,
  readVolumeBindingArgs,
} from './plugin-args.ts';
import type { PluginRef } from './plugin-sets.ts';

/** What plugins work with beside the cluster state. */
export interface PluginDeps {
  readonly client: Client;
  readonly preemption: PreemptionDeps;
  readonly namespaceLabels: NamespaceLabels;
  readonly groupSelector: GroupSelector;
  readonly volumes: VolumeBindingDeps;
  readonly devices: DynamicResourcesDeps;
  /** Extended resources that only extenders look at. */
  readonly ignoredResources: readonly string[];
}

/** Checks arguments, noting faults in the reader, and gives what makes the plugin of them. */
type Registration = (args: Reader) => (deps: PluginDeps) => Plugin;

const readNoArgs = (args: Reader): Reader => args.object('apiVersion', 'kind');

const plain =
  (plugin: Plugin): Registration =>
  (args) => {
    readNoArgs(args);
    return () => plugin;
  };

/** A factory of its own for each reading of arguments. */
const withArgs =
  <A>(read: (args: Reader) => A, make: (deps: PluginDeps, args: A) => Plugin): Registration =>
  (reader) => {
    const args = read(reader);
    return (deps) => make(deps, args);
  };

const withIgnored = (args: FitArgs, more: readonly string[]): FitArgs => ({
  ...args,
  ignoredResources: [...(args.ignoredResources ?? []), ...more],
});

export const REGISTRY: ReadonlyMap<string, Registration> = new Map([
  [PLUGIN.schedulingGates, plain(schedulingGates)],
  [PLUGIN.prioritySort, plain(prioritySort)],
  [PLUGIN.nodeUnschedulable, plain(nodeUnschedulable)],
  [PLUGIN.nodeName, plain(nodeName)],
  [PLUGIN.taintToleration, plain(taintToleration)],
  [PLUGIN.nodeAffinity, withArgs(readNodeAffinityArgs, (_, args) => nodeAffinity(args))],
  [PLUGIN.nodePorts, plain(nodePorts)],
  [
    PLUGIN.nodeResourcesFit,
    withArgs(readFitArgs, ({ ignoredResources, devices }, args) =>
      nodeResourcesFit(withIgnored(args, ignoredResources), (resource) => devices.classOfResource(resource) !== undefined),
    ),
  ],
  [PLUGIN.volumeRestrictions, withArgs(readNoArgs, ({ volumes }) => volumeRestrictions(volumes.storage))],
  [PLUGIN.nodeVolumeLimits, withArgs(readNoArgs, ({ volumes }) => nodeVolumeLimits(volumes.storage))],
  [PLUGIN.volumeZone, withArgs(readNoArgs, ({ volumes }) => volumeZone(volumes.storage))],
  [PLUGIN.volumeBinding, withArgs(readVolumeBindingArgs, ({ volumes }, args) => volumeBinding(volumes, args))],
  [PLUGIN.podTopologySpread, withArgs(readSpreadArgs, ({ groupSelector }, args) => podTopologySpread(groupSelector, args))],
  [PLUGIN.interPodAffinity, withArgs(readInterPodAffinityArgs, ({ namespaceLabels }, args) => interPodAffinity(namespaceLabels, args))],
  [PLUGIN.dynamicResources, withArgs(readDynamicResourcesArgs, ({ devices }, args) => dynamicResources(devices, args))],
  [PLUGIN.defaultPreemption, withArgs(readPreemptionArgs, ({ preemption }, args) => defaultPreemption(preemption, args))],
  [PLUGIN.balancedAllocation, withArgs(readBalancedArgs, (_, args) => balancedAllocation(args))],
  [PLUGIN.imageLocality, plain(imageLocality)],
  [PLUGIN.nodeDeclaredFeatures, plain(nodeDeclaredFeatures)],
  [
    PLUGIN.defaultBinder,
    withArgs(
      (args) => args.object('apiVersion', 'kind'),
      ({ client }) => defaultBinder(client),
    ),
  ],
]);

/** In the order in which they are asked. Source: apis/config/v1 getDefaultPlugins. */
export const DEFAULT_PLUGINS: readonly PluginRef[] = [
  { name: PLUGIN.schedulingGates },
  { name: PLUGIN.prioritySort },
  { name: PLUGIN.nodeUnschedulable },
  { name: PLUGIN.nodeName },
  { name: PLUGIN.taintToleration, weight: 3 },
  { name: PLUGIN.nodeAffinity, weight: 2 },
  { name: PLUGIN.nodePorts },
  { name: PLUGIN.nodeResourcesFit, weight: 1 },
  { name: PLUGIN.volumeRestrictions },
  { name: PLUGIN.nodeVolumeLimits },
  { name: PLUGIN.volumeBinding },
  { name: PLUGIN.volumeZone },
  { name: PLUGIN.podTopologySpread, weight: 2 },
  { name: PLUGIN.interPodAffinity, weight: 2 },
  { name: PLUGIN.dynamicResources },
  { name: PLUGIN.defaultPreemption },
  { name: PLUGIN.balancedAllocation, weight: 1 },
  { name: PLUGIN.imageLocality, weight: 1 },
  { name: PLUGIN.defaultBinder },
  { name: PLUGIN.nodeDeclaredFeatures },
];
