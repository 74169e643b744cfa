// Whether the container runtime works, and what it is.
import type { CancelTimer, Clock } from '#base/clock.ts';
import { formatDuration } from '#apimachinery/duration.ts';
import type { Logger } from '#base/log.ts';
import type { NodeRuntimeHandlerFeatures } from '#api/types.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { RuntimeCondition } from '#cri/gen/objects.ts';
import { RELIST_THRESHOLD_MS } from '../pleg/pleg.ts';
import type { RuntimeFacts } from './status.ts';

/** Between two questions, and how old the last good answer may be, milliseconds. Source: updateRuntimeUp, maxWaitForContainerRuntime. */
const PERIOD_MS = 5000;
const FRESH_MS = 30_000;
/** Between two questions while the runtime or its network is not ready: CRI has no event for that, and pods wait. */
const UNREADY_PERIOD_MS = 100;

export interface RuntimeStateDeps {
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Milliseconds since the last list of pods; undefined before the first. */
  readonly sinceList: () => number | undefined;
  /** Problems came or went. */
  readonly changed: () => void;
}

/** Source: pkg/kubelet/runtime.go runtimeState. */
export class RuntimeState {
  readonly #deps: RuntimeStateDeps;
  #facts: RuntimeFacts | undefined;
  #lastGood: number | undefined;
  #conditions: readonly RuntimeCondition[] = [];
  #timer: CancelTimer | undefined;
  #stopped = false;
  #told = '';
  /** When what is in the way of all work began, Clock.monotonic(). */
  #troubledSince: number | undefined;
  #offState: (() => void) | undefined;

  constructor(deps: RuntimeStateDeps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    this.#offState = this.#deps.cri.onStateChange((state) => {
      if (state === 'ready') void this.check();
    });
    await this.check();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.();
    this.#offState?.();
  }

  get facts(): RuntimeFacts | undefined {
    return this.#facts;
  }

  /** What the runtime's handler of that name can do; undefined while the runtime does not say. */
  featuresOf(handler: string): NodeRuntimeHandlerFeatures | undefined {
    return this.#facts?.handlers.find(({ name }) => name === handler)?.features;
  }

  /** Why pods cannot run, in upstream's words. */
  runtimeProblems(): readonly string[] {
    const { clock, sinceList } = this.#deps;
    if (this.#lastGood === undefined) return ['container runtime status check may not have completed yet'];
    const problems: string[] = [];
    if (clock.monotonic() - this.#lastGood >= FRESH_MS) problems.push('container runtime is down');
    const listed = sinceList();
    if (listed === undefined) problems.push('PLEG is not healthy: pleg has yet to be successful');
    else if (listed > RELIST_THRESHOLD_MS) {
      problems.push(
        `PLEG is not healthy: pleg was last seen active ${formatDuration(Math.floor(listed))} ago; threshold is ${formatDuration(RELIST_THRESHOLD_MS)}`,
      );
    }
    const unready = this.#conditions.find(({ type, status }) => type === 'RuntimeReady' && !status);
    if (unready !== undefined) problems.push(`container runtime not ready: ${words(unready)}`);
    return problems;
  }

  /** Why pods have no network. */
  networkProblems(): readonly string[] {
    const unready = this.#conditions.find(({ type, status }) => type === 'NetworkReady' && !status);
    return unready === undefined ? [] : [`container runtime network not ready: ${words(unready)}`];
  }

  /** Milliseconds for which the runtime has kept the kubelet from its work; 0 while it does not. */
  get troubledForMs(): number {
    return this.#troubledSince === undefined ? 0 : this.#deps.clock.monotonic() - this.#troubledSince;
  }

  /** Asks the runtime now. */
  async check(): Promise<void> {
    this.#timer?.();
    try {
      await this.#ask();
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      this.#deps.logger.warn('Container runtime sanity check failed', { error });
    }
    this.#troubledSince = this.runtimeProblems().length === 0 ? undefined : (this.#troubledSince ?? this.#deps.clock.monotonic());
    const told = JSON.stringify([this.runtimeProblems(), this.networkProblems(), this.#facts]);
    if (told !== this.#told) {
      this.#told = told;
      this.#deps.changed();
    }
    if (this.#stopped) return;
    const unready = this.#conditions.some(({ status }) => !status);
    this.#timer = this.#deps.clock.after(unready ? UNREADY_PERIOD_MS : PERIOD_MS, () => void this.check());
  }

  async #ask(): Promise<void> {
    const { cri, clock } = this.#deps;
    const answer = await cri.runtime.status({});
    if (this.#facts === undefined || this.#lastGood === undefined || clock.monotonic() - this.#lastGood >= FRESH_MS) {
      const version = await cri.runtime.version({});
      this.#facts = { name: version.runtimeName, version: version.runtimeVersion, handlers: [], supplementalGroupsPolicy: false };
    }
    this.#facts = {
      ...this.#facts,
      handlers: answer.runtimeHandlers.map(({ name, features }) => ({
        name,
        features: {
          recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
          userNamespaces: features?.userNamespaces ?? false,
        },
      })),
      supplementalGroupsPolicy: answer.features?.supplementalGroupsPolicy ?? false,
    };
    this.#conditions = answer.status?.conditions ?? [];
    const runtimeUp = this.#conditions.every(({ type, status }) => type !== 'RuntimeReady' || status);
    if (runtimeUp) this.#lastGood = clock.monotonic();
  }
}

function words({ type, status, reason, message }: RuntimeCondition): string {
  return `${type}=${status} reason:${reason} message:${message}`;
}
