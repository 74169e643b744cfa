// Growing, jittered delays between attempts. Pure: time and randomness are given.

export interface BackoffPolicy {
  /** First delay, milliseconds. */
  readonly initialMs: number;
  /** No delay before jitter is longer, milliseconds. */
  readonly maxMs: number;
  readonly factor: number;
  /** Up to this share of a delay is added to it at random. */
  readonly jitter: number;
  /** A pause this long since the last delay, milliseconds, starts again from `initialMs`. */
  readonly resetAfterMs: number;
}

/** The delay last handed out; `undefined` before the first. */
export interface BackoffState {
  readonly baseMs: number;
  /** Clock.monotonic() when it was handed out. */
  readonly at: number;
}

/** The next delay in milliseconds. `fraction` in [0, 1) decides the jitter. Source: apimachinery wait.Backoff.DelayWithReset. */
export function nextDelay(
  policy: BackoffPolicy,
  state: BackoffState | undefined,
  now: number,
  fraction: number,
): { readonly delayMs: number; readonly state: BackoffState } {
  const fresh = state === undefined || now - state.at > policy.resetAfterMs;
  const baseMs = fresh ? policy.initialMs : Math.min(state.baseMs * policy.factor, policy.maxMs);
  return { delayMs: baseMs * (1 + policy.jitter * fraction), state: { baseMs, at: now } };
}
