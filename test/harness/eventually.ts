// For what no event tells, such as what a change does to packets.
import { systemClock, wait } from '#base/clock.ts';

/** Longest wait; far more than anything takes. Milliseconds. */
const PATIENCE_MS = 60_000;

/** Asserts again and again until it holds, for `patienceMs`. @throws Error with what the assertion threw at the end as its cause */
export async function eventually(assertion: () => Promise<void>, patienceMs: number = PATIENCE_MS): Promise<void> {
  const began = systemClock.monotonic();
  for (let attempt = 1; ; attempt++) {
    try {
      return await assertion();
    } catch (error) {
      const forMs = Math.round(systemClock.monotonic() - began);
      if (forMs > patienceMs) throw new Error(`after ${attempt} attempts in ${forMs} ms: ${(error as Error).message}`, { cause: error });
      await wait(systemClock, 50);
    }
  }
}
