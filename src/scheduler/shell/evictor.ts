// Evicts pods for more important ones, beside the scheduling. Source: framework/preemption Executor.
import { isStatusError, type StatusError } from '#apimachinery/errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { type Client, ConnectionError } from '#client/contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { Lister } from '#client/informer-contract.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { PLUGIN } from '../plugins/names.ts';

export interface Eviction {
  readonly preemptor: Pod;
  readonly node: string;
  readonly victims: readonly Pod[];
  /** Less important pods that were nominated to the node: they must look for another. */
  readonly displaced: readonly Pod[];
  readonly events: EventRecorder;
}

export interface EvictorOptions {
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly pods: Lister<Pod>;
  /** Ends the binding of a pod that is still being prepared; false when there is none. */
  readonly cancelBinding: (uid: string, why: string) => boolean;
  /** Tries pods again whose evictions failed. */
  readonly activate: (uids: readonly string[]) => void;
}

export class Evictor {
  readonly #options: EvictorOptions;
  /** By the uid of the preemptor: the victim evicted last, once it is its turn. */
  readonly #preempting = new Map<string, Pod | undefined>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(options: EvictorOptions) {
    this.#options = options;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  /** Over as soon as the last victim is seen to go, be its request answered or not. */
  isPreempting(uid: string): boolean {
    if (!this.#preempting.has(uid)) return false;
    const last = this.#preempting.get(uid);
    if (last === undefined) return true;
    const seen = this.#options.pods.get(last.metadata.name, last.metadata.namespace);
    return seen !== undefined && seen.metadata.deletionTimestamp === undefined;
  }

  /** False when all of them go already. */
  evict(eviction: Eviction): boolean {
    const victims = eviction.victims.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    if (victims.length === 0) return false;
    this.#options.metrics.observe('scheduler_preemption_victims', {}, eviction.victims.length);
    this.#preempting.set(eviction.preemptor.metadata.uid, undefined);
    const running = this.#run({ ...eviction, victims }).then(() => void this.#underWay.delete(running));
    this.#underWay.add(running);
    return true;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  async #run(eviction: Eviction): Promise<void> {
    const { clock, logger, activate } = this.#options;
    const { uid, name, namespace } = eviction.preemptor.metadata;
    const start = clock.monotonic();
    // That others are not told is no reason to evict nobody.
    const untold = await refusalOf(eviction.displaced.map((pod) => this.#patchStatus(pod, { nominatedNodeName: null })));
    const failure = (await this.#evictAll(eviction)) ?? untold;
    this.#preempting.delete(uid);
    this.#done(failure === undefined ? 'success' : 'error', start);
    if (failure === undefined) return;
    logger.error('Error occurred during preemption', { pod: `${namespace}/${name}`, error: failure });
    activate([uid]);
  }

  /** What went wrong, if anything. The last one goes when the others do. */
  async #evictAll(eviction: Eviction): Promise<Refusal | undefined> {
    const last = eviction.victims.at(-1) as Pod;
    const failure = await refusalOf(eviction.victims.slice(0, -1).map((victim) => this.#evictOne(victim, eviction)));
    if (failure !== undefined) return failure;
    this.#preempting.set(eviction.preemptor.metadata.uid, last);
    return refusalOf([this.#evictOne(last, eviction)]);
  }

  #done(result: 'success' | 'error', start: number): void {
    const { clock, metrics } = this.#options;
    metrics.count('scheduler_preemption_goroutines_execution_total', { result });
    metrics.observe('scheduler_preemption_goroutines_duration_seconds', { result }, (clock.monotonic() - start) / 1000);
  }

  async #evictOne(victim: Pod, { preemptor, node, events }: Eviction): Promise<void> {
    const { name, namespace, uid, generation } = victim.metadata;
    const told = { action: 'Preempting', related: preemptor };
    const message = `Preempted by pod ${preemptor.metadata.uid} on node ${node}`;
    // On no node yet, it need not be deleted: it looks for another.
    if (this.#options.cancelBinding(uid, `preempted by ${PLUGIN.defaultPreemption}`)) {
      events.event(victim, 'Normal', 'Preempted', `${message} (in kube-scheduler memory).`, told);
      return;
    }
    const condition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: `${preemptor.spec.schedulerName}: preempting to accommodate a higher priority pod`,
      lastProbeTime: null,
      lastTransitionTime: formatTime(this.#options.clock.now()),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const isThere = await this.#patchStatus(victim, { conditions: [condition] });
    if (!isThere) return;
    if (!(await unlessGone(this.#options.client.delete(pods, { name, namespace })))) return;
    events.event(victim, 'Normal', 'Preempted', message, told);
  }

  /** Whether the pod was still there. */
  async #patchStatus({ metadata }: Pod, status: unknown): Promise<boolean> {
    const { name, namespace, uid } = metadata;
    const patch = { type: 'strategic', body: { metadata: { uid }, status } } as const;
    return unlessGone(this.#options.client.patch(pods, { name, namespace }, patch, { subresource: 'status' }));
  }
}

type Refusal = StatusError | ConnectionError;

/** The first, once all are over. @throws what is neither an answer nor a lost connection */
async function refusalOf(requests: readonly Promise<unknown>[]): Promise<Refusal | undefined> {
  const failures = (await Promise.allSettled(requests)).flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
  const refusals = failures.filter((error) => isStatusError(error) || error instanceof ConnectionError);
  if (refusals.length < failures.length) throw failures.find((error) => !refusals.includes(error as Refusal));
  return refusals[0];
}

async function unlessGone(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (isStatusError(error, 'NotFound')) return false;
    throw error;
  }
}
