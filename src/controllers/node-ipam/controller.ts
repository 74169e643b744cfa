// Gives each node the networks its pods take their addresses from, one of each family. Source: nodeipam/ipam/range_allocator.go.
import { nodes } from '#api/resources.ts';
import type { Node } from '#api/types.ts';
import type { Controller } from '../runtime/controller.ts';
import { PodNetworks } from './plan.ts';

/** In the order of the cluster's, the main one first. */
const cidrsOf = ({ spec }: Node): readonly string[] => spec.podCIDRs ?? (spec.podCIDR === undefined ? [] : [spec.podCIDR]);

/** Has what Services have of the networks of pods; no node has this name. Source: filterOutServiceRange. */
const SERVICES = '';

export const nodeIpamController: Controller = {
  name: 'node-ipam-controller',
  serviceAccount: 'node-controller',
  reads: [nodes],
  writes: ['nodes'],
  workers: 1,
  setUp({ client, informers, queue, events, logger, config, metrics: { networks: figures } }) {
    const lister = informers.informer(nodes);
    const networks = config.clusterCIDRs.map(({ cidr, nodeMaskSize }) => new PodNetworks(cidr, nodeMaskSize));
    for (const each of networks) for (const cidr of config.serviceCIDRs ?? []) each.occupy(cidr, SERVICES);
    const labelOf = (index: number): string => config.clusterCIDRs[index]?.cidr ?? '';
    const show = (): void => {
      for (const [i, { capacity, taken }] of networks.entries()) {
        figures.most.of(labelOf(i)).set(capacity);
        figures.usage.of(labelOf(i)).set(taken / capacity);
      }
    };
    show();
    const has = (node: Node): void => {
      const { name } = node.metadata;
      if (cidrsOf(node).length === 0) return queue.add(name);
      for (const [i, podCIDR] of cidrsOf(node).entries()) {
        if (networks[i]?.occupy(podCIDR, name) !== true)
          logger.error('two nodes have one pod network, or it is outside the cluster', { node: name, podCIDR });
      }
      show();
    };
    const release = (podCIDRs: readonly string[], name: string): void => {
      for (const [i, podCIDR] of podCIDRs.entries())
        if (networks[i]?.release(podCIDR, name) === true) figures.releases.of(labelOf(i)).add();
      show();
    };
    /** One of each; undefined, and nothing taken, when any is full. */
    const allocate = (name: string): readonly string[] | undefined => {
      const podCIDRs: string[] = [];
      for (const [i, each] of networks.entries()) {
        const podCIDR = each.allocate(name);
        if (podCIDR === undefined) {
          release(podCIDRs, name);
          return undefined;
        }
        figures.allocations.of(labelOf(i)).add();
        figures.tries.of(labelOf(i)).observe(each.tries);
        podCIDRs.push(podCIDR);
      }
      show();
      return podCIDRs;
    };
    lister.addHandlers({
      added: has,
      updated: has,
      deleted: (node) => release(cidrsOf(node), node.metadata.name),
    });
    return async (name, signal) => {
      // Every node's network is noted by the handlers above before the first key is reconciled: reads have synced.
      const node = lister.get(name);
      if (node === undefined || cidrsOf(node).length > 0) return;
      const podCIDRs = allocate(name);
      const [podCIDR] = podCIDRs ?? [];
      if (podCIDRs === undefined || podCIDR === undefined) {
        events.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        throw new Error(`no pod network is left in ${config.clusterCIDRs.map(({ cidr }) => cidr).join(', ')} for node ${name}`);
      }
      try {
        await client.patch(nodes, { name }, { type: 'strategic', body: { spec: { podCIDR, podCIDRs } } }, { signal });
      } catch (error) {
        release(podCIDRs, name);
        throw error;
      }
    };
  },
};
