// For what no event tells, such as what a change does to packets.
import { systemClock, wait } from '#base/clock.ts';

/** Longest wait; far more than anything takes. Milliseconds. */
const PATIENCE_MS = 60_000;

/** Asserts again and again until it holds. @throws what the assertion throws at the end */
export async function eventually(assertion: () => Promise<void>): Promise<void> {
  const deadline = systemClock.monotonic() + PATIENCE_MS;
  for (;;) {
    try {
      return await assertion();
    } catch (error) {
      if (systemClock.monotonic() > deadline) throw error;
      await wait(systemClock, 50);
    }
  }
}
