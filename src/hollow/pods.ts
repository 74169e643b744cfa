// Brings the pods of all hollow nodes through their stages: one watch for all, one queue, a bounded number of writes at a time.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { isPodTerminal } from '#api/pods.ts';
import { pods } from '#api/resources.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { Informer, Lister } from '#client/informer-contract.ts';
import { type Requeue, runWorkers } from '#client/workqueue/workers.ts';
import { WorkQueue } from '#client/workqueue/work-queue.ts';
import { AddressPool } from './address-pool.ts';
import type { HollowNode } from './node.ts';
import { podStatus } from './pod-status.ts';
import { begin, nextStep, type Progress } from './progress.ts';
import { draw, type Stages, stagesOf } from './stages.ts';

export interface PodsDeps {
  readonly nodes: ReadonlyMap<string, HollowNode>;
  readonly nodeObjects: Lister<Node>;
  readonly pods: Informer<Pod>;
  readonly stages: readonly Stages[];
  /** The API, as a node. */
  readonly clientOf: (node: string) => Client;
  /** Requests under way at a time. */
  readonly workers: number;
  readonly clock: Clock;
  readonly ids: Pick<Ids, 'fraction'>;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What is known of a pod beyond the API. */
interface Taken {
  readonly uid: string;
  readonly node: string;
  /** Undefined once it has ended: the address may be another's. */
  address: string | undefined;
  progress: Progress;
  /** Undefined until it is marked for deletion; then when it goes, milliseconds since the epoch. */
  goesAt: number | undefined;
}

const NODE_INDEX = 'node';

export class HollowPods {
  readonly #deps: PodsDeps;
  readonly #queue: WorkQueue<string>;
  /** By `namespace/name`. */
  readonly #taken = new Map<string, Taken>();
  /** By node name. */
  readonly #addresses = new Map<string, AddressPool>();

  constructor(deps: PodsDeps) {
    this.#deps = deps;
    this.#queue = new WorkQueue({ clock: deps.clock });
    const enqueue = (pod: Pod): void => {
      if (deps.nodes.has(pod.spec.nodeName ?? '')) this.#queue.add(keyOf(pod));
    };
    deps.pods.addIndex(NODE_INDEX, ({ spec }) => (spec.nodeName === undefined ? [] : [spec.nodeName]));
    deps.pods.addHandlers({ added: enqueue, updated: enqueue, deleted: enqueue });
  }

  /** Runs until the signal aborts and nothing is under way. */
  run(): Promise<void> {
    const { workers, clock, logger, signal } = this.#deps;
    return runWorkers(this.#queue, { workers, reconcile: (key) => this.#reconcile(key), clock, logger, signal });
  }

  async #reconcile(key: string): Promise<Requeue | undefined> {
    const { clock, ids, stages } = this.#deps;
    const pod = this.#deps.pods.byKey(key);
    const known = this.#taken.get(key);
    if (known !== undefined && known.uid !== pod?.metadata.uid) this.#forget(key, known);
    if (pod === undefined) return undefined;
    const moment = { stages: stagesOf(pod, stages), now: clock.now(), chance: () => ids.fraction() };
    const taken = this.#taken.get(key) ?? this.#take(key, pod, begin(pod, moment));
    if (pod.metadata.deletionTimestamp !== undefined) return this.#end(pod, taken, moment.stages);
    const step = nextStep(pod, taken.progress, moment);
    switch (step.kind) {
      case 'rest':
        return undefined;
      case 'wait':
        return { afterMs: step.until - moment.now };
      case 'tell': {
        await this.#tell(pod, taken, step.progress);
        taken.progress = step.progress;
        if (step.progress.at === 'ended') this.#release(taken);
        const next = nextStep(pod, step.progress, { ...moment, now: clock.now() });
        return next.kind === 'rest' ? undefined : { afterMs: next.kind === 'wait' ? next.until - clock.now() : 0 };
      }
    }
  }

  /** @throws Error while its node has no network, or no address left; tried again later */
  #take(key: string, pod: Pod, progress: Progress): Taken {
    const node = pod.spec.nodeName ?? '';
    const address = isPodTerminal(pod) ? undefined : this.#addressFor(pod, node);
    const taken: Taken = { uid: pod.metadata.uid, node, address, progress, goesAt: undefined };
    this.#taken.set(key, taken);
    return taken;
  }

  #forget(key: string, taken: Taken): void {
    this.#taken.delete(key);
    this.#release(taken);
  }

  #release(taken: Taken): void {
    if (taken.address !== undefined) this.#addresses.get(taken.node)?.release(taken.address);
    taken.address = undefined;
  }

  /** The one it has, if it was begun by an earlier process. */
  #addressFor(pod: Pod, node: string): string {
    const host = this.#deps.nodes.get(node)?.address ?? '';
    if (pod.spec.hostNetwork === true) return host;
    const pool = this.#poolOf(node);
    const address = pod.status?.podIP ?? pool.take();
    if (address === undefined) throw new Error(`node ${node} has no address left for pod ${keyOf(pod)}`);
    return address;
  }

  #poolOf(node: string): AddressPool {
    const known = this.#addresses.get(node);
    if (known !== undefined) return known;
    const podCIDR = this.#deps.nodeObjects.get(node)?.spec?.podCIDR;
    if (podCIDR === undefined) throw new Error(`node ${node} has no pod network yet`);
    const pool = new AddressPool(podCIDR);
    for (const pod of this.#deps.pods.byIndex(NODE_INDEX, node)) {
      if (pod.status?.podIP !== undefined && !isPodTerminal(pod)) pool.reserve(pod.status.podIP);
    }
    this.#addresses.set(node, pool);
    return pool;
  }

  async #tell(pod: Pod, { uid, node, address }: Taken, progress: Progress): Promise<void> {
    const { clientOf, nodes } = this.#deps;
    if (address === undefined) throw new TypeError(`pod ${keyOf(pod)} has ended and is told of again`);
    const status = podStatus(pod, progress, { pod: address, host: nodes.get(node)?.address ?? '' });
    await unlessGone(
      clientOf(node).patch(pods, refOf(pod), { type: 'strategic', body: { metadata: { uid }, status } }, { subresource: 'status' }),
    );
  }

  /** Source: kubelet pod workers: when all has ended the object is deleted with grace 0. */
  async #end(pod: Pod, taken: Taken, { stop }: Stages): Promise<Requeue | undefined> {
    const { clock, ids, clientOf } = this.#deps;
    if (pod.metadata.deletionGracePeriodSeconds === 0) return undefined; // done here; finalizers are others'
    taken.goesAt ??= clock.now() + draw(stop, ids.fraction());
    if (clock.now() < taken.goesAt) return { afterMs: taken.goesAt - clock.now() };
    await unlessGone(clientOf(taken.node).delete(pods, refOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: taken.uid } }));
    return undefined;
  }
}

const keyOf = ({ metadata: { namespace, name } }: Pod): string => `${namespace}/${name}`;
const refOf = ({ metadata: { namespace, name } }: Pod): { readonly namespace: string; readonly name: string } => ({ namespace, name });

/** A pod that is gone, or was made anew under its name, is told of by the watch. */
async function unlessGone(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    if (!isStatusError(error, 'NotFound') && !isStatusError(error, 'Conflict')) throw error;
  }
}
