// Watches over nodes: a lease that is no longer renewed makes a node Unknown; conditions become taints; pods of a node
// that is not ready are not ready either; labels of old follow those that took their place. Source: pkg/controller/nodelifecycle.
import { findCondition, observed, setCondition } from '#api/conditions.ts';
import { leases, nodes, pods } from '#api/resources.ts';
import { isNodeReady, nodeCondition } from '#api/nodes.ts';
import type { Node, Pod } from '#api/types.ts';
import { NAMESPACE } from '#api/well-known.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import type { Controller, Reconcile } from '../runtime/controller.ts';
import { awaitsEviction, graceOf, plannedTaints, staleLabels, unknownConditions } from './plan.ts';
import { Zones } from './zones.ts';

export const BY_NODE = 'pods-of-node';
export const podsOfNode = ({ spec }: Pod): readonly string[] => (spec.nodeName === undefined ? [] : [spec.nodeName]);

const heartbeatOf = (node: Node): string | null | undefined => nodeCondition(node, 'Ready')?.lastHeartbeatTime;

export const nodeLifecycleController: Controller = {
  name: 'node-lifecycle-controller',
  serviceAccount: 'node-controller',
  reads: [nodes, leases, pods],
  writes: ['nodes', 'nodes/status', 'pods/status', 'events'],
  workers: 1,
  setUp({ client, informers, queue, clock, events, logger, metrics, tuning: { nodes: tuning } }) {
    const lister = informers.informer(nodes);
    const podInformer = informers.informer(pods);
    podInformer.addIndex(BY_NODE, podsOfNode);
    /** When each node was last heard of, by this process's own clock: the machines' clocks need not agree. */
    const heard = new Map<string, number>();
    const hear = (name: string): void => {
      heard.set(name, clock.monotonic());
      const node = lister.get(name);
      if (node !== undefined) queue.addAfter(name, graceOf(node, tuning));
    };
    const zones = new Zones(clock, metrics.nodes, tuning);
    let allDown = false;
    /** A node that comes back, or is the last to go, decides about all that wait. */
    const regroup = (node: Node, gone = false): void => {
      if (gone) zones.remove(node.metadata.name);
      else zones.put(node);
      if (zones.allDown === allDown) return;
      allDown = zones.allDown;
      logger.info(allDown ? 'no node is ready: pods are left where they are' : 'nodes are ready again');
      for (const { metadata } of lister.list()) {
        // Silence before this moment says nothing about the node.
        if (!allDown) hear(metadata.name);
        queue.add(metadata.name);
      }
    };
    lister.addHandlers({
      added(node) {
        const { name } = node.metadata;
        regroup(node);
        hear(name);
        queue.add(name);
        events.event(node, 'Normal', 'RegisteredNode', `Node ${name} event: Registered Node ${name} in Controller`);
      },
      updated(node, previous) {
        // A status that the kubelet reports is a sign of life too.
        if (heartbeatOf(node) !== heartbeatOf(previous)) hear(node.metadata.name);
        regroup(node);
        queue.add(node.metadata.name);
      },
      deleted(node) {
        const { name } = node.metadata;
        regroup(node, true);
        heard.delete(name);
        events.event(node, 'Normal', 'RemovingNode', `Node ${name} event: Removing Node ${name} from Controller`);
      },
    });
    /** Pods that came to a node in trouble and are to be marked as not ready, by uid. Source: podUpdated, processPod. */
    const arrived = new Set<string>();
    const arrive = ({ metadata, spec }: Pod): void => {
      const node = spec.nodeName === undefined ? undefined : lister.get(spec.nodeName);
      if (node === undefined || isNodeReady(node)) return;
      arrived.add(metadata.uid);
      queue.add(node.metadata.name);
    };
    podInformer.addHandlers({
      added(pod, initial) {
        if (!initial) arrive(pod);
      },
      updated(pod, previous) {
        if (pod.spec.nodeName !== previous.spec.nodeName) arrive(pod);
      },
      deleted: ({ metadata }) => void arrived.delete(metadata.uid),
    });
    informers.informer(leases).addHandlers({
      added: ({ metadata }) => {
        if (metadata.namespace === NAMESPACE.nodeLease) hear(metadata.name);
      },
      updated: ({ metadata, spec }, previous) => {
        if (metadata.namespace === NAMESPACE.nodeLease && spec.renewTime !== previous.spec.renewTime) hear(metadata.name);
      },
    });

    const look: Reconcile = async (name) => {
      const node = lister.get(name);
      if (node === undefined) return undefined;
      const silentMs = clock.monotonic() - (heard.get(name) ?? clock.monotonic());
      const graceMs = graceOf(node, tuning);
      const ready = nodeCondition(node, 'Ready')?.status;
      if (silentMs >= graceMs && ready !== 'Unknown') {
        const conditions = unknownConditions(node, clock.now());
        await client.update(nodes, { ...node, status: { ...node.status, conditions } }, { subresource: 'status' });
        if (ready === 'True') events.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
        logger.warn('node is no longer heard of', { node: name, silentMs: Math.round(silentMs) });
        return undefined; // its event brings it back
      }
      const until = awaitsEviction(node) && !allDown ? zones.untilEviction(node) : undefined;
      const taints = plannedTaints(node, clock.now(), allDown ? 'take-back' : until === 0 ? 'allowed' : 'not-now');
      const labels = staleLabels(node);
      const tainted = !deepEqual(taints, node.spec.taints ?? []);
      if (tainted && until === 0) zones.evicted(node);
      if (tainted || labels !== undefined) {
        const metadata = { resourceVersion: node.metadata.resourceVersion, ...(labels === undefined ? {} : { labels }) };
        await client.patch(nodes, { name }, { type: 'merge', body: { metadata, ...(tainted ? { spec: { taints } } : {}) } });
      }
      const own = podInformer.byIndex(BY_NODE, name);
      if (ready === 'True') for (const { metadata } of own) arrived.delete(metadata.uid);
      // A kubelet that says itself that it is not ready still tells how its pods are, but for those that come to it now.
      else await Promise.all(own.filter(({ metadata }) => ready === 'Unknown' || arrived.has(metadata.uid)).map(markNotReady));
      const waits = [graceMs - silentMs, until ?? 0].filter((ms) => ms > 0);
      return waits.length === 0 ? undefined : { afterMs: Math.min(...waits) };
    };
    return async (name, signal) => {
      const since = clock.monotonic();
      try {
        return await look(name, signal);
      } finally {
        metrics.nodes.updateSeconds.of().observe((clock.monotonic() - since) / 1000);
      }
    };

    /** Source: MarkPodsNotReady: Services must not send to a node that may be gone. */
    async function markNotReady(pod: Pod): Promise<void> {
      const ready = findCondition(pod.status.conditions, 'Ready');
      if (ready === undefined || ready.status === 'False') return void arrived.delete(pod.metadata.uid);
      const condition = { ...ready, status: 'False', lastTransitionTime: null, ...observed(pod.metadata.generation) } as const;
      const conditions = setCondition(pod.status.conditions, condition, clock.now());
      try {
        await client.update(pods, { ...pod, status: { ...pod.status, conditions } }, { subresource: 'status' });
        events.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
      arrived.delete(pod.metadata.uid);
    }
  },
};
