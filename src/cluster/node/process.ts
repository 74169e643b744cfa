// What every long-running process of Proa shares: how it is told to stop, and how it ends.
import type { Logger } from '#base/log.ts';
import { plainly } from '../commands/command-error.ts';
import type { ProgressReport } from '../instance/progress.ts';

/** Aborted by SIGTERM or SIGINT. */
export function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
  }
  return stopping.signal;
}

export interface ProcessDeps {
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Absent where nobody waits for it. */
  readonly progress?: ProgressReport;
}

/** What a process is there for. */
export interface Work {
  /** Settles when that ended, by the signal or by a fault that nobody expected. */
  readonly ended: Promise<void>;
}

/**
 * Runs `start`, then until the signal aborts or the work that it gives ends, then everything that was put in `stops`, the last
 * first. Never returns: handles of neighbours (gRPC channels, file watchers) must not keep a stopped process alive.
 */
export async function runProcess(
  { logger, signal, progress }: ProcessDeps,
  start: (stops: (() => Promise<void> | void)[]) => Promise<Work | void>,
): Promise<never> {
  const stops: (() => Promise<void> | void)[] = [];
  try {
    const work = await start(stops);
    await Promise.race([aborted(signal), ...(work === undefined ? [] : [work.ended])]);
    logger.info('stopping');
  } catch (error) {
    if (!signal.aborted) {
      const plain = plainly(error);
      const said = plain ?? (error as Error).message;
      progress?.failed(said);
      if (plain === undefined || progress !== undefined) logger.error('cannot run', { error: error as Error });
      if (progress === undefined) process.stderr.write(`proa: ${said}\n`);
      process.exitCode = 1;
    }
  }
  for (let stop = stops.pop(); stop !== undefined; stop = stops.pop()) await stop();
  if (signal.aborted) logger.info('stopped');
  process.exit();
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // A timer of ours would not keep the process alive; the listening sockets do.
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
