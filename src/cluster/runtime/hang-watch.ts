// A containerd that hangs tells nobody: it is asked now and then, and started anew when it has not answered for minutes.
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { Containerd } from './containerd.ts';

/** Between an answer and the next question, and how long each may take. Milliseconds. */
const ASK_EVERY_MS = 60_000;
const ANSWER_MS = 60_000;
/** Questions in a row without an answer. Source: kubernetes/cluster/gce health-monitor.sh, which gives a runtime as long. */
const MOST_UNANSWERED = 3;

export interface HangWatchDeps {
  readonly runtime: Pick<CriClient['runtime'], 'version'>;
  readonly containerd: Pick<Containerd, 'restart'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Resolves when `signal` aborts. One that is gone is not its concern: the broken connection tells of that. */
export async function restartWhenHung({ runtime, containerd, clock, logger, signal }: HangWatchDeps): Promise<void> {
  for (let unanswered = 0; ;) {
    try {
      await wait(clock, unanswered === 0 ? ASK_EVERY_MS : 0, signal);
      unanswered = (await answers(runtime, signal)) ? 0 : unanswered + 1;
      if (unanswered < MOST_UNANSWERED) continue;
      unanswered = 0;
      await containerd.restart(signal);
    } catch (error) {
      if (signal.aborted) return;
      logger.error('containerd cannot be started anew', { error });
    }
  }
}

/** Any answer is one, a refusal too. */
async function answers(runtime: HangWatchDeps['runtime'], signal: AbortSignal): Promise<boolean> {
  try {
    await runtime.version({}, { timeoutMs: ANSWER_MS, signal });
    return true;
  } catch (error) {
    if (!(error instanceof CriError)) throw error;
    return error.code !== 'DeadlineExceeded';
  }
}
