// What a controller did that its informer has not shown yet: until it has, the controller's view is older than its own
// writes, and it must not act on it. Source: controller_utils.go ControllerExpectations, UIDTrackingControllerExpectations.
import { isStatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';

/** After this long something was missed and acting on the cache is better than waiting. Source: ExpectationsTimeout. */
const TIMEOUT_MS = 5 * 60 * 1000;

interface Expected {
  /** Names of creations still to be seen. */
  readonly creations: Set<string>;
  /** Uids of deletions still to be seen. */
  readonly deletions: Set<string>;
  readonly since: number;
}

export class Expectations {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Expected>();
  /** By key, uids of deletions that may have been carried out and were not seen. */
  readonly #asked = new Map<string, Set<string>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether everything done for `key` has been seen, or has been waited for long enough. */
  satisfied(key: string): boolean {
    const expected = this.#byKey.get(key);
    if (expected === undefined) return true;
    return (expected.creations.size === 0 && expected.deletions.size === 0) || this.#clock.monotonic() - expected.since > TIMEOUT_MS;
  }

  expectDeletions(key: string, uids: readonly string[]): void {
    this.expect(key, [], uids);
  }

  /** `creations`: names; `deletions`: uids. What was expected before is expected no more. */
  expect(key: string, creations: readonly string[], deletions: readonly string[]): void {
    this.#byKey.set(key, { creations: new Set(creations), deletions: new Set(deletions), since: this.#clock.monotonic() });
    if (deletions.length === 0) return;
    const asked = this.#asked.get(key);
    if (asked === undefined) this.#asked.set(key, new Set(deletions));
    else for (const uid of deletions) asked.add(uid);
  }

  /** Uids of deletions that may have been carried out, however long ago, and were not seen; as it is now: later changes do not show. */
  asked(key: string): ReadonlySet<string> {
    return new Set(this.#asked.get(key));
  }

  /** It was seen, or may never be. Safe to call for a creation nobody expected. */
  creationObserved(key: string, name: string): void {
    this.#byKey.get(key)?.creations.delete(name);
  }

  /** Safe to call for a deletion nobody expected. */
  deletionObserved(key: string, uid: string): void {
    this.#byKey.get(key)?.deletions.delete(uid);
    this.#drop(key, uid);
  }

  /** It may never be seen. Only a refusal says that it was not carried out. */
  deletionFailed(key: string, uid: string, error: unknown): void {
    this.#byKey.get(key)?.deletions.delete(uid);
    if (isStatusError(error) && error.code < 500) this.#drop(key, uid);
  }

  forget(key: string): void {
    this.#byKey.delete(key);
    this.#asked.delete(key);
  }

  #drop(key: string, uid: string): void {
    const asked = this.#asked.get(key);
    if (asked?.delete(uid) === true && asked.size === 0) this.#asked.delete(key);
  }
}
