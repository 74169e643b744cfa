// Carries out placements: PreBind, Bind, PostBind, so many at a time, beside the scheduling. Source: schedule_one.go bindingCycle.
import type { Profile } from '../framework/profile.ts';
import type { Placement } from '../framework/plugin.ts';
import type { FrameworkTimes } from '../metrics/times.ts';
import { isRejected, type Status, statusMessage } from '../framework/status.ts';

/** Bindings under way at a time; scheduling waits for room. */
const MOST_AT_A_TIME = 256;

type Expect = (placement: Placement) => Promise<void>;

export class Binder {
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();
  readonly #times: FrameworkTimes;
  readonly #expect: Expect;
  /** By uid, pods whose PreBind plugins are at work. Source: podsInPreBindMap. */
  readonly #preparing = new Map<string, AbortController>();

  /** `expect`: says of a pod that it will be on a node, when its binding takes time. Must not throw. */
  constructor(times: FrameworkTimes, expect: Expect = async () => {}) {
    this.#times = times;
    this.#expect = expect;
  }

  get underWay(): number {
    return this.#underWay.size;
  }

  get hasRoom(): boolean {
    return this.#underWay.size < MOST_AT_A_TIME;
  }

  /**
   * Ends the binding of a pod that plugins still prepare (volumes, devices), so that it goes back to the queue. False when there
   * is none, or it is too late. Source: podInPreBind.CancelPod.
   */
  cancel(uid: string, why: string): boolean {
    const preparing = this.#preparing.get(uid);
    preparing?.abort(new Error(why));
    return preparing !== undefined;
  }

  /** `report` is told the failure, if any, and must not throw. */
  bind(profile: Profile, placement: Placement, report: (failure: Status | undefined) => void): void {
    const run = async (): Promise<void> => {
      const failure = profile.preBind.some((plugin) => plugin.willPreBind?.(placement) === true)
        ? await this.#prepareAndBind(profile, placement)
        : await runBinding(profile, placement, this.#times, { signal: this.#stop.signal });
      this.#underWay.delete(binding);
      report(failure);
    };
    const binding = run();
    this.#underWay.add(binding);
  }

  async #prepareAndBind(profile: Profile, placement: Placement): Promise<Status | undefined> {
    // Autoscalers and others see where it will be. Source: NominatedNodeNameForExpectation.
    await this.#expect(placement);
    const { uid } = placement.pod.metadata;
    const canceled = new AbortController();
    this.#preparing.set(uid, canceled);
    const prepared = (): Status | undefined => {
      this.#preparing.delete(uid);
      return canceled.signal.aborted ? failure('running PreBind plugins', messageOf(canceled.signal.reason)) : undefined;
    };
    try {
      const signal = AbortSignal.any([this.#stop.signal, canceled.signal]);
      return await runBinding(profile, placement, this.#times, { signal, prepared });
    } finally {
      this.#preparing.delete(uid);
    }
  }

  /** Ends what waits (volumes, extenders) and resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the scheduler stops'));
    await Promise.all(this.#underWay);
  }
}

interface BindingOptions {
  readonly signal: AbortSignal;
  /** Asked once PreBind is done: from then on nothing stops the binding. */
  readonly prepared?: () => Status | undefined;
}

/** The first failure. */
async function runBinding(
  profile: Profile,
  placement: Placement,
  times: FrameworkTimes,
  { signal, prepared = () => undefined }: BindingOptions,
): Promise<Status | undefined> {
  const { schedulerName } = profile;
  const failed =
    (await times.pointAsync('PreBind', schedulerName, () => runPreBind(profile, placement, signal))) ??
    prepared() ??
    (await times.pointAsync('Bind', schedulerName, () => runBind(profile, placement, signal)));
  if (failed !== undefined) return failed;
  try {
    times.point('PostBind', schedulerName, () => {
      for (const { postBind } of profile.postBind) postBind?.(placement);
    });
    return undefined;
  } catch (error) {
    return failure('running PostBind plugins', messageOf(error));
  }
}

async function runPreBind({ preBind }: Profile, placement: Placement, signal: AbortSignal): Promise<Status | undefined> {
  for (const plugin of preBind) {
    const asked = `running PreBind plugin "${plugin.name}"`;
    const status = await ask(async () => plugin.preBind?.(placement, signal));
    if (status !== undefined && status.code !== 'Skip') return isRejected(status) ? status : failure(asked, statusMessage(status));
  }
  return undefined;
}

async function runBind({ bind }: Profile, placement: Placement, signal: AbortSignal): Promise<Status | undefined> {
  for (const plugin of bind) {
    const asked = `running Bind plugin "${plugin.name}"`;
    const status = await ask(async () => plugin.bind?.(placement, signal));
    if (status?.code === 'Skip') continue;
    return status === undefined || isRejected(status) ? status : failure(asked, statusMessage(status));
  }
  return failure('running Bind plugins', 'no plugin bound the pod');
}

/** What a plugin throws is an error of the attempt, not the end of the scheduler. */
async function ask(work: () => Promise<Status | undefined>): Promise<Status | undefined> {
  try {
    return await work();
  } catch (error) {
    return { code: 'Error', reasons: [messageOf(error)], plugin: '' };
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const failure = (what: string, message: string): Status => ({ code: 'Error', reasons: [`${what}: ${message}`], plugin: '' });
