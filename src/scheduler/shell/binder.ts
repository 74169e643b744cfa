// Carries out placements: PreBind, Bind, PostBind, so many at a time, beside the scheduling. Source: schedule_one.go bindingCycle.
import type { Profile } from '../framework/profile.ts';
import type { Placement } from '../framework/plugin.ts';
import { isRejected, type Status, statusMessage } from '../framework/status.ts';

/** Bindings under way at a time; scheduling waits for room. */
const MOST_AT_A_TIME = 256;

export class Binder {
  readonly #stop = new AbortController();
  readonly #underWay = new Set<Promise<void>>();

  get hasRoom(): boolean {
    return this.#underWay.size < MOST_AT_A_TIME;
  }

  /** `report` is told the failure, if any, and must not throw. */
  bind(profile: Profile, placement: Placement, report: (failure: Status | undefined) => void): void {
    const run = async (): Promise<void> => {
      const failure = await runBinding(profile, placement, this.#stop.signal);
      this.#underWay.delete(binding);
      report(failure);
    };
    const binding = run();
    this.#underWay.add(binding);
  }

  /** Ends what waits (volumes, extenders) and resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error('the scheduler stops'));
    await Promise.all(this.#underWay);
  }
}

/** The first failure. What a plugin throws is an error of the attempt, not the end of the scheduler. */
async function runBinding(profile: Profile, placement: Placement, signal: AbortSignal): Promise<Status | undefined> {
  let asked = '';
  try {
    for (const plugin of profile.preBind) {
      asked = `running PreBind plugin "${plugin.name}"`;
      const status = await plugin.preBind?.(placement, signal);
      if (status !== undefined && status.code !== 'Skip') return isRejected(status) ? status : failure(asked, statusMessage(status));
    }
    for (const plugin of profile.bind) {
      asked = `running Bind plugin "${plugin.name}"`;
      const status = await plugin.bind?.(placement, signal);
      if (status?.code === 'Skip') continue;
      if (status !== undefined) return isRejected(status) ? status : failure(asked, statusMessage(status));
      for (const { postBind } of profile.postBind) postBind?.(placement);
      return undefined;
    }
    return failure('running Bind plugins', 'no plugin bound the pod');
  } catch (error) {
    return failure(asked, error instanceof Error ? error.message : String(error));
  }
}

const failure = (what: string, message: string): Status => ({ code: 'Error', reasons: [`${what}: ${message}`], plugin: '' });
