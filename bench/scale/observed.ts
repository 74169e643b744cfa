// What a client sees of all pods and Deployments: how many are ready, and how long each pod took to come so far.
import { silentLogger } from '#base/log.ts';
import { deployments, nodes, pods } from '#api/resources.ts';
import { isPodReady } from '#api/pods.ts';
import type { ContainerStatus, Deployment, Node, Pod } from '#api/types.ts';
import { parseTime } from '#apimachinery/time.ts';
import type { Client } from '#client/contract.ts';
import type { Lister } from '#client/informer-contract.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { defer, type Scope } from '#test/harness/scope.ts';

/** What a pod comes to, in this order. */
export type Step = 'bound' | 'started' | 'ready';

export interface Observed {
  readonly pods: Lister<Pod>;
  readonly deployments: Lister<Deployment>;
  readonly nodes: Lister<Node>;
  /** Pods that were ready and are not marked for deletion. */
  readonly readyPods: ReadonlySet<string>;
  /** Forgets how long pods took to start. */
  startPhase(): void;
  /**
   * From creation until seen so far, of pods that came so far since startPhase, milliseconds. `started`, all containers, is
   * what the SLO is of; `ready` is a delay of the hollow nodes more.
   * Source: community sig-scalability/slos/pod_startup_latency.md.
   */
  took(step: Step, percentile: number): number;
  /** Resolves once `holds`; looked at after each change. */
  until(holds: () => boolean): Promise<void>;
}

export async function observeCluster(scope: Scope, client: Client): Promise<Observed> {
  const stop = new AbortController();
  const factory = createInformerFactory({ client, logger: silentLogger, managedFields: false });
  /** When pods began that are not ready yet, monotonic milliseconds, by uid; and how far they came. */
  const starting = new Map<string, { readonly since: number; at: Step | 'created' }>();
  const ready = new Set<string>();
  let took = noTimes();
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
    const { uid, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) gone(pod);
    else if (!ready.has(uid)) {
      const known = starting.get(uid) ?? { since: beganAt(pod), at: 'created' };
      starting.set(uid, known);
      const at = stepOf(pod);
      const passed = STEPS.slice(STEPS.indexOf(known.at as Step) + 1, STEPS.indexOf(at as Step) + 1);
      for (const step of passed) took[step].push(performance.now() - known.since);
      known.at = at;
      if (at === 'ready') {
        ready.add(uid);
        starting.delete(uid);
      }
    }
    changed();
  };
  const gone = ({ metadata: { uid } }: Pod): void => {
    starting.delete(uid);
    ready.delete(uid);
    changed();
  };
  const podInformer = factory.informer(pods);
  const deploymentInformer = factory.informer(deployments);
  const nodeInformer = factory.informer(nodes);
  podInformer.addIndex('node', ({ spec }) => (spec.nodeName === undefined ? [] : [spec.nodeName]));
  podInformer.addHandlers({
    added: follow,
    updated: follow,
    deleted: gone,
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
      took = noTimes();
    },
    took: (step, share) => percentile(took[step], share),
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

const STEPS: readonly Step[] = ['bound', 'started', 'ready'];

const noTimes = (): Record<Step, number[]> => ({ bound: [], started: [], ready: [] });

function stepOf(pod: Pod): Step | 'created' {
  if (pod.spec.nodeName === undefined) return 'created';
  if (isPodReady(pod)) return 'ready';
  const started = pod.status.containerStatuses?.length === pod.spec.containers.length && pod.status.containerStatuses.every(hasStarted);
  return started ? 'started' : 'bound';
}

const hasStarted = ({ started, lastState, state }: ContainerStatus): boolean =>
  started === true || state?.terminated !== undefined || lastState?.terminated !== undefined;

/**
 * When it was created at the latest, monotonic milliseconds: seen first, or the end of the second that its timestamp names. A
 * watch that tells of pods late does not hide more than that.
 */
function beganAt({ metadata: { creationTimestamp } }: Pod): number {
  const seen = performance.now();
  const end = creationTimestamp === undefined ? Infinity : parseTime(creationTimestamp) + 1000 - performance.timeOrigin;
  return Math.min(seen, end);
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
}
