// What every controller is: a name, what it reads and writes, and a reconcile over keys that events put in a queue.
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { ServiceAccount } from '#api/types.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Resource } from '#apimachinery/resource.ts';
import type { Client } from '#client/contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import type { QueueMetrics } from '#client/workqueue/queue-metrics.ts';
import { rateLimiter } from '#client/workqueue/rate-limiter.ts';
import { WorkQueue, type WorkSink } from '#client/workqueue/work-queue.ts';
import { type Requeue, runWorkers } from '#client/workqueue/workers.ts';
import { ControllerMetrics } from '../metrics/metrics.ts';
import { queueName } from './queue-names.ts';
import { DEFAULT_TUNING, type Tuning } from './tuning.ts';

/** What a controller works with. Its client has the controller's own identity; informers are shared by all. */
export interface ControllerContext {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Keys (`namespace/name`, or `name`) to reconcile. */
  readonly queue: WorkSink<string>;
  readonly config: ControllerConfig;
  readonly tuning: Tuning;
  readonly gates: FeatureGates;
  /** Shared by all; none of a controller's decisions read it. */
  readonly metrics: ControllerMetrics;
  /** Aborted when the controllers stop. */
  readonly signal: AbortSignal;
}

export interface ClusterCIDR {
  /** `10.244.0.0/16`. */
  readonly cidr: string;
  /** Prefix length of one node's network in it. */
  readonly nodeMaskSize: number;
}

export interface ControllerConfig {
  /** All pods of the cluster: one network, or one of each family. */
  readonly clusterCIDRs: readonly ClusterCIDR[];
  /** Networks of Services, which no node gets for its pods. Source: --service-cluster-ip-range. */
  readonly serviceCIDRs?: readonly string[];
  /** PEM of the certificates that clients in pods trust the API server by. */
  readonly rootCA: string;
  /** The token of an account that a Secret keeps; absent: token Secrets stay empty. */
  readonly issueToken?: (account: ServiceAccount, secretName: string) => string;
  /** The authority that signs certificate requests, PEM; absent: requests stay unsigned. */
  readonly clusterSigning?: { readonly certificate: string; readonly key: string };
  /** False: volumes stay attached to nodes that do not let go of them, for however long. Source: --disable-force-detach-on-timeout. */
  readonly forceDetachOnTimeout?: boolean;
  /** Absent: upstream's defaults. */
  readonly tuning?: Tuning;
}

/** One pass over a key; safe to repeat. A rejection is retried with back-off. */
export type Reconcile = (key: string, signal: AbortSignal) => Promise<Requeue | undefined | void>;

export interface Controller {
  /** As in upstream's `--controllers`: `replicaset-controller`. */
  readonly name: string;
  /** Of its queue in metrics, where it is not that of the controller. */
  readonly queue?: string;
  /** In kube-system; its ClusterRole is `system:controller:<serviceAccount>`. */
  readonly serviceAccount: string;
  /** Feature gates without which it does not run. */
  readonly gates?: readonly string[];
  /** What it decides from: an informer each. */
  readonly reads: readonly Resource[];
  /** Likewise, of the feature gates that are on. */
  readonly gatedReads?: Readonly<Record<string, readonly Resource[]>>;
  /** What it changes, as RBAC names it: `pods`, `replicasets/status`. */
  readonly writes: readonly string[];
  /** Keys reconciled at a time. */
  readonly workers: number;
  /** Adds indexes and handlers to the informers. Nothing is reconciled before everything in `reads` has synced. */
  setUp(context: ControllerContext): Reconcile;
}

export type RunContext = Omit<ControllerContext, 'queue' | 'metrics' | 'gates' | 'tuning'> & {
  /** Absent: as upstream has them by default. */
  readonly gates?: FeatureGates;
  /** Absent: counted, and not shown to anybody. */
  readonly metrics?: ControllerMetrics;
  /** Absent: the queue is not counted. */
  readonly queues?: QueueMetrics;
};

/** Runs until the signal aborts. */
export async function runController(controller: Controller, context: RunContext): Promise<void> {
  const { informers, clock, logger, signal, queues, gates = new FeatureGates(''), metrics = new ControllerMetrics() } = context;
  const name = queueName(controller);
  const queue = new WorkQueue<string>({ clock, rateLimiter: rateLimiter(), ...(queues === undefined ? {} : { metrics: queues.of(name) }) });
  queues?.follow(name, queue);
  const { tuning = DEFAULT_TUNING } = context.config;
  const reconcile = controller.setUp({ ...context, gates, metrics, tuning, queue });
  const gated = Object.entries(controller.gatedReads ?? {}).flatMap(([gate, resources]) => (gates.isOn(gate) ? resources : []));
  await Promise.all([...controller.reads, ...gated].map((resource) => informers.informer(resource as Resource<never>).synced()));
  await runWorkers(queue, { workers: tuning.workers[controller.name] ?? controller.workers, reconcile, clock, logger, signal });
}

/** `namespace/name`, or `name` where there is no namespace. */
export function keyOf({ metadata }: { readonly metadata: { readonly name: string; readonly namespace?: string } }): string {
  return metadata.namespace === undefined || metadata.namespace === '' ? metadata.name : `${metadata.namespace}/${metadata.name}`;
}

export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  return { namespace: slash === -1 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
}
