// Many nodes without containers, over the API like any other: for tests of scale and for planning capacity.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { nodes, pods } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { hollowNodes, type NodeSize } from './node.ts';
import { HollowNodes } from './nodes.ts';
import { HollowPods } from './pods.ts';
import type { Stages } from './stages.ts';

export interface HollowOptions {
  readonly count: number;
  /** Nodes are `prefix-0`, `prefix-1`, … */
  readonly prefix: string;
  readonly size: NodeSize;
  readonly stages: readonly Stages[];
  /** Writes under way at a time, of pods and of nodes each. */
  readonly workers: number;
  /** May watch all pods and nodes, and delete nodes. */
  readonly admin: Transport;
  /** The API, as a node. */
  readonly transportOf: (node: string) => Transport;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'fraction' | 'uuid'>;
  readonly logger: Logger;
}

export interface Hollow {
  /** Resolves when all nodes are registered; rejects when stopped before. */
  registered(): Promise<void>;
  /** Pods stay as they are; the nodes go when `remove` is set. */
  stop(options: { readonly remove: boolean }): Promise<void>;
}

export function startHollow(options: HollowOptions): Hollow {
  const { prefix, clock, logger, workers, transportOf, ids } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  const admin = createClient(options.admin);
  const all = new Map(hollowNodes(prefix, options.count).map((node) => [node.name, node]));
  const clients = new Map<string, Client>();
  const clientOf = (node: string): Client => {
    const known = clients.get(node) ?? createClient(transportOf(node));
    clients.set(node, known);
    return known;
  };
  const shared = { nodes: all, clientOf, workers, clock, logger, signal };

  const informers = createInformerFactory({ client: admin, clock, logger, managedFields: false });
  const hollowPods = new HollowPods({
    ...shared,
    ids,
    stages: options.stages,
    nodeObjects: informers.informer(nodes),
    pods: informers.informer(pods, { fieldSelector: 'spec.nodeName!=' }),
  });
  const keeping = new HollowNodes({ ...shared, prefix, size: options.size, admin });
  informers.start(signal);
  // Both lists first: an address that a pod has already must not be given to another.
  const running = informers.synced().then(
    () => hollowPods.run(),
    (error: unknown) => {
      if (!signal.aborted) throw error;
    },
  );
  return {
    registered: () => keeping.registered(),
    async stop({ remove }) {
      stopping.abort(new Error('hollow nodes stop'));
      await Promise.all([running, keeping.stopped()]);
      if (remove) await keeping.remove();
    },
  };
}
