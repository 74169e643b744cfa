// What a client sees of all pods and Deployments: how many are ready, and how long each pod took to become so.
import { silentLogger } from '#base/log.ts';
import { deployments, nodes, pods } from '#api/resources.ts';
import { isPodReady } from '#api/pods.ts';
import type { Deployment, Node, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Lister } from '#client/informer-contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { defer, type Scope } from '#test/harness/scope.ts';

export interface Observed {
  readonly pods: Lister<Pod>;
  readonly deployments: Lister<Deployment>;
  readonly nodes: Lister<Node>;
  /** Pods that were ready and are not marked for deletion. */
  readonly readyPods: ReadonlySet<string>;
  /** Forgets how long pods took to start. */
  startPhase(): void;
  /** From seen to seen ready, of pods since startPhase, milliseconds. */
  startMs(percentile: number): number;
  /** As startMs, until a node was found. */
  boundMs(percentile: number): number;
  /** Resolves once `holds`; looked at after each change. */
  until(holds: () => boolean): Promise<void>;
}

export async function observeCluster(scope: Scope, client: Client): Promise<Observed> {
  const stop = new AbortController();
  const factory = createInformerFactory({ client, logger: silentLogger });
  const seen = new Map<string, number>();
  const unbound = new Set<string>();
  const ready = new Set<string>();
  let took: number[] = [];
  let untilBound: number[] = [];
  const waiting = new Set<() => void>();
  let due = false;
  const changed = (): void => {
    if (due) return;
    due = true;
    setImmediate(() => {
      due = false;
      for (const look of waiting) look();
    });
  };
  const follow = (pod: Pod): void => {
    const { uid } = pod.metadata;
    const since = seen.get(uid) ?? performance.now();
    if (pod.spec.nodeName === undefined) unbound.add(uid);
    else if (unbound.delete(uid)) untilBound.push(performance.now() - since);
    seen.set(uid, since);
    if (pod.metadata.deletionTimestamp !== undefined) ready.delete(uid);
    else if (isPodReady(pod) && !ready.has(uid)) {
      ready.add(uid);
      took.push(performance.now() - since);
    }
    changed();
  };
  const podInformer = factory.informer(pods);
  const deploymentInformer = factory.informer(deployments);
  const nodeInformer = factory.informer(nodes);
  podInformer.addIndex('node', ({ spec }) => (spec.nodeName === undefined ? [] : [spec.nodeName]));
  podInformer.addHandlers({
    added: follow,
    updated: follow,
    deleted({ metadata: { uid } }) {
      seen.delete(uid);
      unbound.delete(uid);
      ready.delete(uid);
      changed();
    },
  });
  deploymentInformer.addHandlers({ added: changed, updated: changed, deleted: changed });
  nodeInformer.addHandlers({ added: changed, updated: changed, deleted: changed });
  factory.start(stop.signal);
  defer(scope, () => stop.abort(new Error('the benchmark is over')));
  await factory.synced();
  return {
    pods: podInformer,
    deployments: deploymentInformer,
    nodes: nodeInformer,
    readyPods: ready,
    startPhase() {
      took = [];
      untilBound = [];
    },
    startMs: (share) => percentile(took, share),
    boundMs: (share) => percentile(untilBound, share),
    until(holds) {
      return new Promise((resolve) => {
        const look = (): void => {
          if (!holds()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      });
    },
  };
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
}
