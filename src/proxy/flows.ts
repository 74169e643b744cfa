// Connection-tracking entries of UDP flows that must go. What goes is decided in ./conntrack-plan.ts.
import type { Logger } from '#base/log.ts';
import { ProgramError } from '#base/program.ts';
import type { IpFamily } from '#apimachinery/ip.ts';
import { type FlowRemoval, flowRemovals, listArguments, removalArguments, staleFlows, type UdpFlows } from './conntrack-plan.ts';
import type { RunProgram } from './run-program.ts';

const NONE: UdpFlows = new Map();

export class Flows {
  readonly #run: RunProgram;
  readonly #logger: Logger;
  /** By Service. */
  readonly #served: Readonly<Record<IpFamily, Map<string, UdpFlows>>> = { IPv4: new Map(), IPv6: new Map() };
  readonly #removals: FlowRemoval[] = [];
  /** What an earlier proxy left among tracked connections is gone. */
  #known = false;

  constructor(run: RunProgram, logger: Logger) {
    this.#run = run;
    this.#logger = logger;
  }

  /** What serves the Service's UDP ports from now on. */
  set(service: string, family: IpFamily, now: UdpFlows): void {
    const served = this.#served[family];
    if (this.#known) this.#removals.push(...flowRemovals(served.get(service) ?? NONE, now, family));
    if (now.size === 0) served.delete(service);
    else served.set(service, now);
  }

  /** To be called once the rules are in force: entries made before that follow the old ones. */
  async forgetStale(signal: AbortSignal): Promise<void> {
    if (!this.#known) await this.#recall(signal);
    for (const removal of this.#removals.splice(0)) await this.#forget(removalArguments(removal), signal);
  }

  /** Who served before this proxy began is known by what is tracked alone. */
  async #recall(signal: AbortSignal): Promise<void> {
    this.#known = true;
    for (const family of ['IPv4', 'IPv6'] as const) {
      const all = new Map([...this.#served[family].values()].flatMap((each) => [...each]));
      if (all.size === 0) continue;
      try {
        this.#removals.push(...staleFlows(await this.#run('conntrack', listArguments(family), { signal }), all, family));
      } catch (error) {
        if (!(error instanceof ProgramError)) throw error;
        this.#logger.warn('stale UDP flows of an earlier proxy may remain', { family, error });
      }
    }
  }

  /** conntrack ends with 1 when there was nothing to delete. */
  async #forget(args: readonly string[], signal: AbortSignal): Promise<void> {
    try {
      await this.#run('conntrack', args, { signal });
    } catch (error) {
      if (!(error instanceof ProgramError)) throw error;
      if (!error.message.includes('0 flow entries')) this.#logger.warn('stale UDP flows may remain', { args, error });
    }
  }
}
