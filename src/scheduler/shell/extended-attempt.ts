// One attempt for a pod that extenders have a say in: they are asked beside the scheduling of others, so what was found before
// is looked at again afterwards. Source: schedule_one.go findNodesThatPassExtenders, preemption.go callExtenders.
import type { Node } from '#api/types.ts';
import { ExtenderError } from '../extenders/http-extender.ts';
import type { Extenders } from '../extenders/extenders.ts';
import type { NotPlaced, Opinion } from '../cycle/place-pod.ts';
import type { NodeVictims } from '../framework/plugin.ts';
import { act, decided, findWayOut, type Nominated, refuse, type Refused, type WayOut } from './attempt.ts';
import type { Attempt, AttemptDeps } from './attempt-contract.ts';

/** Attempts that wait for extenders at a time; other pods wait for room. */
const MOST_AT_A_TIME = 16;

export class ExtendedAttempts {
  readonly #extenders: Extenders;
  readonly #deps: AttemptDeps;
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  constructor(extenders: Extenders, deps: AttemptDeps) {
    this.#extenders = extenders;
    this.#deps = deps;
  }

  get hasRoom(): boolean {
    return this.#underWay.size < MOST_AT_A_TIME;
  }

  run(attempt: Attempt): void {
    const running = this.#attempt(attempt).finally(() => {
      this.#underWay.delete(running);
      this.#deps.wake();
    });
    this.#underWay.add(running);
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error('the scheduler stops'));
    await Promise.all(this.#underWay);
    this.#extenders.close();
  }

  async #attempt(attempt: Attempt): Promise<void> {
    const { active, info, queued } = attempt;
    const nodes = active.placer.feasible(info);
    if (!isList(nodes)) return this.#settle(nodes, attempt);
    const opinion = await unlessFailed(this.#extenders.opinion(queued.pod, nodes, this.#stop.signal));
    if (this.#isGone(attempt)) return;
    const decision = opinion instanceof ExtenderError ? failed(opinion) : active.placer.place(info, opinion);
    if (decision.kind !== 'placed') return this.#settle(decision, attempt);
    decided(attempt, this.#deps);
    act(decision, attempt, this.#deps);
  }

  async #settle(decision: NotPlaced, attempt: Attempt): Promise<void> {
    decided(attempt, this.#deps);
    if (decision.kind !== 'refused') return act(decision, attempt, this.#deps);
    const way = findWayOut(decision, attempt, this.#deps);
    if (way.eviction === undefined) return refuse(decision, way, attempt, this.#deps);
    await this.#evict(decision, way, way.eviction, attempt);
  }

  /** Extenders may leave fewer nodes to evict pods from, and other victims. */
  async #evict(decision: Refused, way: WayOut, eviction: Nominated, attempt: Attempt): Promise<void> {
    const { cluster } = this.#deps;
    const podsOn = (node: string) => {
      const slot = cluster.slotOf(node);
      return slot === undefined ? [] : cluster.podsIn(slot);
    };
    const left = await unlessFailed(this.#extenders.candidates(attempt.queued.pod, eviction.candidates(), podsOn, this.#stop.signal));
    if (this.#isGone(attempt)) return;
    if (left instanceof ExtenderError) return refuse(decision, { message: `preemption: ${left.message}` }, attempt, this.#deps);
    if (left.length === 0) return refuse(decision, { message: [...(way.before ?? []), NO_CANDIDATE].join(', ') }, attempt, this.#deps);
    const chosen: NodeVictims = eviction.choose(left);
    refuse(decision, { ...way, nominated: chosen.node, eviction: { ...eviction, ...chosen } }, attempt, this.#deps);
  }

  /** Deleted, replaced or bound while extenders thought. */
  #isGone({ queued }: Attempt): boolean {
    const { uid, name, namespace } = queued.pod.metadata;
    const latest = this.#deps.pods.get(name, namespace);
    if (latest?.metadata.uid === uid && (latest.spec.nodeName ?? '') === '' && !this.#stop.signal.aborted) return false;
    this.#deps.queue.done(uid);
    return true;
  }
}

const NO_CANDIDATE = 'preemption: no candidate node for preemption';

const isList = (nodes: readonly Node[] | NotPlaced): nodes is readonly Node[] => Array.isArray(nodes);

const failed = ({ message }: ExtenderError): NotPlaced => ({ kind: 'failed', message });

async function unlessFailed<T extends Opinion | readonly NodeVictims[]>(answer: Promise<T>): Promise<T | ExtenderError> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ExtenderError) return error;
    throw error;
  }
}
