// How long a DaemonSet waits before it replaces another failed pod on a node: a kubelet that refuses pods would otherwise
// get them as fast as it can refuse them. Source: failedPodsBackoff.
import type { Clock } from '#base/clock.ts';

/** Milliseconds. Source: flowcontrol.NewBackOff in NewDaemonSetsController. */
const FIRST_MS = 1000;
const LONGEST_MS = 15 * 60 * 1000;

interface Delay {
  readonly ms: number;
  readonly since: number;
}

export class FailedPods {
  readonly #clock: Clock;
  /** By DaemonSet key, then node. */
  readonly #delays = new Map<string, Map<string, Delay>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds left; 0 when a pod may be replaced. */
  left(key: string, node: string): number {
    const delay = this.#delays.get(key)?.get(node);
    return delay === undefined ? 0 : Math.max(0, delay.ms - (this.#clock.monotonic() - delay.since));
  }

  /** A failed pod of the node is being replaced; after two of the longest delays in peace it starts again. */
  replaced(key: string, node: string): void {
    const since = this.#clock.monotonic();
    const nodes = this.#delays.get(key) ?? new Map<string, Delay>();
    this.#delays.set(key, nodes);
    const before = nodes.get(node);
    const grows = before !== undefined && since - before.since < 2 * LONGEST_MS;
    nodes.set(node, { ms: grows ? Math.min(LONGEST_MS, before.ms * 2) : FIRST_MS, since });
  }

  /** The DaemonSet is gone, or has another template: failures say nothing about it any more. */
  forget(key: string): void {
    this.#delays.delete(key);
  }
}
