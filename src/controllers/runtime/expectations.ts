// What a controller did that its informer has not shown yet: until it has, the controller's view is older than its own
// writes, and it must not act on it. Source: controller_utils.go ControllerExpectations, UIDTrackingControllerExpectations.
import type { Clock } from '#base/clock.ts';

/** After this long something was missed and acting on the cache is better than waiting. Source: ExpectationsTimeout. */
const TIMEOUT_MS = 5 * 60 * 1000;

interface Expected {
  /** Creations still to be seen. */
  creations: number;
  /** Uids of deletions still to be seen. */
  readonly deletions: Set<string>;
  readonly since: number;
}

export class Expectations {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Expected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether everything done for `key` has been seen, or has been waited for long enough. */
  satisfied(key: string): boolean {
    const expected = this.#byKey.get(key);
    if (expected === undefined) return true;
    return (expected.creations <= 0 && expected.deletions.size === 0) || this.#clock.monotonic() - expected.since > TIMEOUT_MS;
  }

  expectCreations(key: string, count: number): void {
    this.expect(key, count, []);
  }

  expectDeletions(key: string, uids: readonly string[]): void {
    this.expect(key, 0, uids);
  }

  /** Of a pass that both creates and deletes. */
  expect(key: string, creations: number, deletions: readonly string[]): void {
    this.#byKey.set(key, { creations, deletions: new Set(deletions), since: this.#clock.monotonic() });
  }

  /** `count` creations were seen, or will never be. */
  creationsObserved(key: string, count = 1): void {
    const expected = this.#byKey.get(key);
    if (expected !== undefined) expected.creations -= count;
  }

  /** Safe to call for a deletion nobody expected. */
  deletionObserved(key: string, uid: string): void {
    this.#byKey.get(key)?.deletions.delete(uid);
  }

  forget(key: string): void {
    this.#byKey.delete(key);
  }
}
