// Pods that were counted and lost their finalizer, by Job, until the informer shows it: an older view of them must not
// be counted once more. Source: tracking_utils.go uidTrackingExpectations.

export class Releases {
  readonly #byJob = new Map<string, Set<string>>();

  expect(key: string, uids: readonly string[]): void {
    const known = this.#byJob.get(key);
    if (known === undefined) this.#byJob.set(key, new Set(uids));
    else for (const uid of uids) known.add(uid);
  }

  /** The informer shows it, or it was refused. */
  observed(key: string, uid: string): void {
    const known = this.#byJob.get(key);
    if (known?.delete(uid) === true && known.size === 0) this.#byJob.delete(key);
  }

  /** As it is now: later changes do not show. */
  pending(key: string): ReadonlySet<string> {
    return new Set(this.#byJob.get(key));
  }

  forget(key: string): void {
    this.#byJob.delete(key);
  }
}
