// Follows files that an administrator changes while the server runs: a new content is loaded, a bad one is reported and
// what was in force stays. Source: the reload loops of authentication, authorization and encryption configuration.
import { watch, type FSWatcher } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { CancelTimer, Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';

/** Between looks at a file whose folder does not tell of changes, milliseconds. Source: UpdateAuthenticationConfigTimeout's poll, one minute. */
const LOOK_MS = 60_000;
/** After a change was announced: writers replace several files, or write in pieces. Milliseconds. */
const SETTLE_MS = 100;

export interface FollowedFiles {
  readonly paths: readonly string[];
  /** What is in force now, in the order of `paths`. */
  readonly current: readonly string[];
  /** Takes the new contents over. What it throws is logged, and the contents are offered again when they change. */
  load(contents: readonly string[]): void | Promise<void>;
  /** Told at each look at which one of them cannot be read. */
  readonly onUnreadable?: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Returns what stops following. */
export function followFiles({ paths, current, load, onUnreadable, clock, logger }: FollowedFiles): () => void {
  let known = current;
  let stopped = false;
  let busy: Promise<void> | undefined;
  let timer: CancelTimer | undefined;
  const watchers: FSWatcher[] = [];

  const look = async (): Promise<void> => {
    let contents: readonly string[];
    try {
      contents = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
    } catch (error) {
      if (stopped) return;
      onUnreadable?.();
      return logger.warn('a configuration file cannot be read; the last one stays in force', { paths, error });
    }
    if (stopped || contents.every((text, i) => text === known[i])) return;
    known = contents;
    try {
      await load(contents);
      logger.info('configuration reloaded', { paths });
    } catch (error) {
      logger.error('configuration not reloaded; the last one stays in force', { paths, error });
    }
  };
  let settling = false;
  const arm = (delayMs: number): void => {
    if (settling) return; // a busy folder must not put the look off for ever
    settling = delayMs === SETTLE_MS;
    timer?.();
    timer = clock.after(delayMs, () => {
      settling = false;
      busy = (busy ?? Promise.resolve()).then(look).then(() => {
        if (!stopped) arm(LOOK_MS);
      });
    });
  };
  // Folders, not files: an editor or a mounted Secret replaces the file.
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    try {
      const watcher = watch(folder, { persistent: false }, () => arm(SETTLE_MS));
      watcher.on('error', (error) => logger.debug('folder is not watched; it is looked at every minute', { folder, error }));
      watchers.push(watcher);
    } catch (error) {
      logger.debug('folder cannot be watched; it is looked at every minute', { folder, error });
    }
  }
  arm(LOOK_MS);
  return () => {
    stopped = true;
    timer?.();
    for (const watcher of watchers) watcher.close();
  };
}
