// How a webhook of the server itself is asked again when it fails: for tokens and authorization, and for the audit log.
// Source: apiserver pkg/util/webhook webhook.go WithExponentialBackoff, DefaultShouldRetry.
import { StatusError } from '#apimachinery/errors.ts';
import { wait, type Clock } from '#base/clock.ts';
import { OutboundError } from './contract.ts';

/** Source: DefaultRetryBackoffWithInitialDelay of 500 ms: five attempts, half as long again each time. */
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 500;
const GROWTH = 1.5;

export interface Patience {
  readonly clock: Clock;
  /** Ends a pause; no attempt follows but the one that `atEnd` asks for. */
  readonly signal: AbortSignal;
  /** Milliseconds. Default 500. */
  readonly firstPauseMs?: number;
  /**
   * Whether another attempt may go better. Default: a webhook that is dead, silent or talks nonsense is not asked again:
   * whoever waits for it would wait longer for the same answer.
   */
  readonly isPassing?: (error: unknown) => boolean;
  /** What becomes of a call whose pause the signal ends: it fails, or is made one last time. Default `fail`. */
  readonly atEnd?: 'fail' | 'call';
}

/**
 * The result of the first call that succeeds.
 * @throws whatever the last call threw
 */
export async function patiently<T>(
  call: () => Promise<T>,
  { clock, signal, firstPauseMs = FIRST_PAUSE_MS, isPassing = isPassingFailure, atEnd = 'fail' }: Patience,
): Promise<T> {
  let pause = firstPauseMs;
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= ATTEMPTS || signal.aborted || !isPassing(error)) throw error;
      await wait(clock, pause, signal).catch(() => {
        if (atEnd === 'fail') throw error;
      });
    }
    pause *= GROWTH;
  }
}

const PASSING: ReadonlySet<string> = new Set(['InternalError', 'Timeout', 'TooManyRequests']);

function isPassingFailure(error: unknown): boolean {
  if (error instanceof OutboundError) return error.kind === 'reset';
  return error instanceof StatusError && (PASSING.has(error.reason) || (error.details?.retryAfterSeconds ?? 0) > 0);
}
