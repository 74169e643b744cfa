// What is asked again when a token or authorization webhook fails. Source: apiserver pkg/util/webhook webhook.go
// WithExponentialBackoff, DefaultShouldRetry.
import { StatusError } from '#apimachinery/errors.ts';
import { wait, type Clock } from '#base/clock.ts';
import { OutboundError } from './contract.ts';

/** Source: DefaultRetryBackoffWithInitialDelay of 500 ms: five attempts, half as long again each time. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const GROWTH = 1.5;

/**
 * The result of the first call that succeeds. A webhook that is dead, silent or talks nonsense is not asked again: whoever
 * waits for it would wait longer for the same answer.
 * @throws whatever the last call threw, also when the signal ends the pause after it
 */
export async function patiently<T>(call: () => Promise<T>, { clock, signal }: { clock: Clock; signal: AbortSignal }): Promise<T> {
  let pause = FIRST_PAUSE_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!isPassing(error) || attempt >= ATTEMPTS || signal.aborted) throw error;
      await wait(clock, pause, signal).catch(() => {
        throw error;
      });
    }
    pause *= GROWTH;
  }
}

const PASSING: ReadonlySet<string> = new Set(['InternalError', 'Timeout', 'TooManyRequests']);

function isPassing(error: unknown): boolean {
  if (error instanceof OutboundError) return error.kind === 'reset';
  return error instanceof StatusError && (PASSING.has(error.reason) || (error.details?.retryAfterSeconds ?? 0) > 0);
}
