// What scheduler tests start from: small pods and nodes, and a scheduler over a fake API server.
import { systemClock, wait } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import type { New, Node, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { fakeClient } from '#client/testing.ts';
import { defaultNormalize } from './cycle/score-nodes.ts';
import type { Plugin } from './framework/plugin.ts';
import { statusMessage } from './framework/status.ts';
import { createScheduler, type SchedulerOptions } from './scheduler.ts';
import { ClusterState } from './state/cluster-state.ts';

type Spec = New<Pod['spec']>;

/** A pending pod of one container; `requests` as in a manifest. */
export function pod(name: string, requests: Readonly<Record<string, string>> = {}, spec: Spec = {}, more: New<Pod> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    ...more,
    metadata: { name, namespace: 'ns', uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z', ...more.metadata },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'c', image: 'i', resources: { requests } }],
      ...spec,
    },
    status: { phase: 'Pending', ...more.status },
  } as unknown as Pod;
}

/** With 4 cpu, 8Gi and room for 110 pods, unless said otherwise. */
export function node(name: string, more: New<Node> = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, uid: name, resourceVersion: '1', ...more.metadata },
    spec: more.spec ?? {},
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '110' }, ...more.status },
  } as unknown as Node;
}

/** Pods with a nodeName are placed. */
export function clusterOf(nodes: readonly Node[], placed: readonly Pod[] = []): ClusterState {
  const cluster = new ClusterState();
  for (const each of nodes) cluster.setNode(each);
  for (const each of placed) cluster.setPod(each);
  return cluster;
}

/** Why `plugin` refuses each node, by the node's name: '' where it does not. */
export function refusals(plugin: Plugin, incoming: Pod, cluster: ClusterState): Readonly<Record<string, string>> {
  const result = plugin.preFilter?.(cluster.podInfos.of(incoming), cluster) ?? { kind: 'skip' };
  const reason = (slot: number): string => {
    if (result.kind === 'skip') return '';
    if (result.kind === 'rejected') return statusMessage(result.status);
    const status = result.filter.check(slot);
    return status === undefined ? '' : statusMessage(status);
  };
  return Object.fromEntries(cluster.nodes.flatMap((each, slot) => (each === undefined ? [] : [[each.metadata.name, reason(slot)]])));
}

/** Normalised scores of `plugin` with every node feasible, by the node's name; undefined when it has nothing to say. */
export function scoresOf(plugin: Plugin, incoming: Pod, cluster: ClusterState): Readonly<Record<string, number>> | undefined {
  const score = plugin.preScore?.(cluster.podInfos.of(incoming), cluster);
  if (score === undefined) return undefined;
  const slots = Int32Array.from(cluster.nodes.flatMap((each, slot) => (each === undefined ? [] : [slot])));
  const feasible = { slots, count: slots.length };
  score.begin?.(feasible);
  const scores = Float64Array.from(slots, (slot) => score.score(slot));
  if (typeof score.normalize === 'function') score.normalize(scores, feasible);
  else defaultNormalize(score.normalize, scores, slots.length);
  return Object.fromEntries([...slots].map((slot, i) => [cluster.nodes[slot]?.metadata.name, scores[i] as number]));
}

export interface RecordedEvent {
  readonly pod: string;
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

export interface RunningScheduler {
  readonly client: Client;
  readonly server: ReturnType<typeof fakeClient>['server'];
  readonly events: readonly RecordedEvent[];
  /** Resolves with what `look` gives as soon as that is not undefined. */
  until<T>(look: () => T | undefined): Promise<T>;
  stop(): Promise<void>;
}

/** Between looks at the fake server, which has no event for "nothing more will happen". Milliseconds. */
const LOOK_MS = 2;

export async function startScheduler(
  prepare: (server: RunningScheduler['server']) => void = () => {},
  more: Partial<SchedulerOptions> = {},
): Promise<RunningScheduler> {
  const { client, server } = fakeClient();
  prepare(server);
  const stopped = new AbortController();
  const informers = createInformerFactory({ client, logger: silentLogger });
  const events: RecordedEvent[] = [];
  const scheduler = createScheduler({
    client,
    informers,
    clock: systemClock,
    ids: seededIds(1),
    logger: silentLogger,
    recorder: () => ({
      event: ({ metadata }, type, reason, message) => void events.push({ pod: metadata.name, type, reason, message }),
    }),
    ...more,
  });
  informers.start(stopped.signal);
  await scheduler.start();
  return {
    client,
    server,
    events,
    async until(look) {
      for (;;) {
        const found = look();
        if (found !== undefined) return found;
        await wait(systemClock, LOOK_MS);
      }
    },
    async stop() {
      await scheduler.stop();
      stopped.abort(new Error('the test is over'));
    },
  };
}
