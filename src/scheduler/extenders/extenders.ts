// All extenders together: who is asked about a pod, one after the other, and what a failure of one means. Source:
// schedule_one.go findNodesThatPassExtenders, prioritizeNodes, extendersBinding; framework/preemption callExtenders.
import type { Logger } from '#base/log.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Opinion } from '../cycle/place-pod.ts';
import type { NodeVictims, Plugin } from '../framework/plugin.ts';
import { type Status, unresolvable, unschedulable } from '../framework/status.ts';
import type { PodInfo } from '../state/pod-info.ts';
import { ExtenderError, type HttpExtender } from './http-extender.ts';

/** What a pod that an extender refused waits for. Source: framework.ExtenderName. */
export const EXTENDER_NAME = 'Extender';

/** From scores of extenders (0 … 10) to those of plugins. Source: MaxNodeScore / MaxExtenderPriority. */
const SCALE = 10;

export class Extenders {
  readonly #all: readonly HttpExtender[];
  readonly #logger: Logger;

  constructor(all: readonly HttpExtender[], logger: Logger) {
    this.#all = all;
    this.#logger = logger;
  }

  get size(): number {
    return this.#all.length;
  }

  /** Whether any is to be asked before the pod is placed. */
  concern(pod: Pod): boolean {
    return this.#all.some((extender) => extender.isInterestedIn(pod));
  }

  /** @throws ExtenderError of one that may not be left out */
  async opinion(pod: Pod, nodes: readonly Node[], signal: AbortSignal): Promise<Opinion> {
    const refused = new Map<string, Status>();
    let left = nodes;
    for (const extender of this.#interested(pod, 'filterVerb')) {
      if (left.length === 0) break;
      const answer = await this.#unlessIgnorable(extender, extender.filter(pod, left, signal));
      if (answer === undefined) continue;
      const passed = new Set(answer.passed);
      for (const { metadata } of left) if (!passed.has(metadata.name)) refused.set(metadata.name, refusalOf(metadata.name, answer));
      left = left.filter(({ metadata }) => passed.has(metadata.name));
    }
    const scores = left.length > 1 ? await this.#scores(pod, left, signal) : new Map<string, number>();
    return { passed: new Map(left.map(({ metadata: { name } }) => [name, scores.get(name) ?? 0])), refused };
  }

  /** Scores of one that fails are left out. */
  async #scores(pod: Pod, nodes: readonly Node[], signal: AbortSignal): Promise<ReadonlyMap<string, number>> {
    const totals = new Map<string, number>();
    const asked = this.#interested(pod, 'prioritizeVerb').map(async (extender) => {
      const scores = await this.#orNothing(extender, extender.prioritize(pod, nodes, signal));
      for (const [name, score] of scores ?? []) totals.set(name, (totals.get(name) ?? 0) + score * extender.config.weight * SCALE);
    });
    await Promise.all(asked);
    return totals;
  }

  /**
   * Candidates that the extenders leave, with the victims they want. @param podsOn what is on a node now
   * @throws ExtenderError of one that may not be left out
   */
  async candidates(
    pod: Pod,
    candidates: readonly NodeVictims[],
    podsOn: (node: string) => Iterable<PodInfo>,
    signal: AbortSignal,
  ): Promise<readonly NodeVictims[]> {
    let left = candidates;
    for (const extender of this.#interested(pod, 'preemptVerb')) {
      if (left.length === 0) break;
      const asked = left;
      const answer = await this.#unlessIgnorable(extender, this.#preempt(extender, { pod, candidates: asked, podsOn, signal }));
      left = answer ?? left;
    }
    return left;
  }

  async #preempt(extender: HttpExtender, { pod, candidates, podsOn, signal }: PreemptOptions): Promise<readonly NodeVictims[]> {
    const wanted = await extender.preempt(pod, candidates, signal);
    const { urlPrefix, ignorable } = extender.config;
    return [...wanted].flatMap(([node, { uids, violations }]) => {
      if (!candidates.some((candidate) => candidate.node === node))
        throw new ExtenderError(`extender ${urlPrefix}: unknown node "${node}"`);
      if (uids.length === 0) {
        if (ignorable) return [];
        throw new ExtenderError(`expected at least one victim pod on node "${node}"`);
      }
      const there = new Map([...podsOn(node)].map((info) => [info.uid, info]));
      const victims = uids.map((uid) => {
        const victim = there.get(uid);
        if (victim !== undefined) return victim;
        throw new ExtenderError(
          `extender: ${urlPrefix} claims to preempt pod (UID: ${uid}) on node: ${node}, but the pod is not found on that node`,
        );
      });
      return [{ node, victims, violations }];
    });
  }

  /** Whatever is to be bound by an extender is; the rest is left to the plugins after this one. */
  get plugin(): Plugin {
    return {
      name: EXTENDER_NAME,
      bind: async ({ pod, node }, signal) => {
        const [binder] = this.#interested(pod, 'bindVerb');
        if (binder === undefined) return SKIP;
        const bound = await this.#unlessIgnorable(
          binder,
          binder.bind(pod, node, signal).then(() => true),
        );
        return bound === undefined ? SKIP : undefined;
      },
    };
  }

  close(): void {
    for (const extender of this.#all) extender.close();
  }

  #interested(pod: Pod, verb: 'filterVerb' | 'prioritizeVerb' | 'preemptVerb' | 'bindVerb'): readonly HttpExtender[] {
    return this.#all.filter((extender) => extender.config[verb] !== '' && extender.isInterestedIn(pod));
  }

  async #unlessIgnorable<T>(extender: HttpExtender, answer: Promise<T>): Promise<T | undefined> {
    if (extender.config.ignorable) return this.#orNothing(extender, answer);
    return answer;
  }

  async #orNothing<T>({ config }: HttpExtender, answer: Promise<T>): Promise<T | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof ExtenderError)) throw error;
      this.#logger.warn('Skipping extender as it returned error', { extender: config.urlPrefix, error });
      return undefined;
    }
  }
}

interface PreemptOptions {
  readonly pod: Pod;
  readonly candidates: readonly NodeVictims[];
  readonly podsOn: (node: string) => Iterable<PodInfo>;
  readonly signal: AbortSignal;
}

const SKIP: Status = { code: 'Skip', reasons: [], plugin: EXTENDER_NAME };
/** It says no more than that. */
const UNNAMED: Status = { code: 'UnschedulableAndUnresolvable', reasons: [], plugin: EXTENDER_NAME };

function refusalOf(node: string, { failed, unresolvable: hopeless }: { readonly failed: object; readonly unresolvable: object }): Status {
  const reason = (reasons: object): string | undefined => (reasons as Readonly<Record<string, string>>)[node];
  const final = reason(hopeless);
  if (final !== undefined) return unresolvable(EXTENDER_NAME, final);
  const passing = reason(failed);
  return passing === undefined ? UNNAMED : unschedulable(EXTENDER_NAME, passing);
}
