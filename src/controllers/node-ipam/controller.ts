// Gives each node the network its pods take their addresses from. Source: nodeipam/ipam/range_allocator.go.
import { nodes } from '#api/resources.ts';
import type { Node } from '#api/types.ts';
import type { Controller } from '../runtime/controller.ts';
import { PodNetworks } from './plan.ts';

export const nodeIpamController: Controller = {
  name: 'node-ipam-controller',
  serviceAccount: 'node-controller',
  reads: [nodes],
  writes: ['nodes'],
  workers: 1,
  setUp({ client, informers, queue, events, logger, config }) {
    const lister = informers.informer(nodes);
    const networks = new PodNetworks(config.clusterCIDR, config.nodeCIDRMaskSize);
    const has = ({ metadata, spec }: Node): void => {
      if (spec.podCIDR === undefined) return queue.add(metadata.name);
      if (!networks.occupy(spec.podCIDR, metadata.name))
        logger.error('two nodes have one pod network, or it is outside the cluster', { node: metadata.name, podCIDR: spec.podCIDR });
    };
    lister.addHandlers({
      added: has,
      updated: has,
      deleted({ metadata, spec }) {
        if (spec.podCIDR !== undefined) networks.release(spec.podCIDR, metadata.name);
      },
    });
    return async (name, signal) => {
      // Every node's network is noted by the handlers above before the first key is reconciled: reads have synced.
      const node = lister.get(name);
      if (node === undefined || node.spec.podCIDR !== undefined) return;
      const podCIDR = networks.allocate(name);
      if (podCIDR === undefined) {
        events.event(node, 'Normal', 'CIDRNotAvailable', `Node ${name} status is now: CIDRNotAvailable`);
        throw new Error(`no pod network is left in ${config.clusterCIDR} for node ${name}`);
      }
      try {
        await client.patch(nodes, { name }, { type: 'strategic', body: { spec: { podCIDR, podCIDRs: [podCIDR] } } }, { signal });
      } catch (error) {
        networks.release(podCIDR, name);
        throw error;
      }
    };
  },
};
