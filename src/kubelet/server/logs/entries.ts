// The entries of a log file, followed across rotations for as long as something may be added.
import { watch, type FSWatcher } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { wait, type Clock } from '#base/clock.ts';
import { isSystemError } from '#base/system-error.ts';
import { tailOffset } from './tail.ts';

export interface EntrySource {
  readonly path: string;
  readonly tailLines: number | undefined;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Absent: the log is read to its end once. Otherwise whether the container still runs. */
  readonly running?: () => Promise<boolean>;
}

const CHUNK = 64 << 10;
/** Most bytes of one entry; the runtime cuts lines at 16 KiB. */
const MOST_ENTRY = 1 << 20;
const LINE_FEED = 0x0a;

/** Without a change of the file, whether the container ended is asked so often, milliseconds. Source: logForceCheckPeriod. */
const CHECK_PERIOD_MS = 1000;

/** Each with its line feed; the last one may lack it. @throws Error when there is no such file */
export async function* logEntries(source: EntrySource): AsyncGenerator<Buffer, void, undefined> {
  const { path, signal } = source;
  const changes = source.running === undefined ? undefined : new Changes(path);
  let file = await open(path, 'r').catch((error: unknown) => {
    changes?.close();
    throw error;
  });
  try {
    let at = source.tailLines === undefined ? 0 : await tailOffset(file, source.tailLines);
    const cutter = new EntryCutter();
    const chunk = Buffer.alloc(CHUNK);
    // Whether the container had ended before the file was last read to its end: then all was read.
    let ended = source.running === undefined;
    while (!signal.aborted) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, at);
      at += bytesRead;
      if (bytesRead > 0) {
        yield* cutter.cut(chunk.subarray(0, bytesRead));
        continue;
      }
      const next = changes === undefined ? undefined : await successor(path, file);
      if (next !== undefined) {
        // What was written before the rotation and after the read above comes first.
        const { bytesRead: late } = await file.read(chunk, 0, CHUNK, at);
        if (late > 0) {
          await next.close();
          at += late;
          yield* cutter.cut(chunk.subarray(0, late));
          continue;
        }
        await file.close();
        file = next;
        at = 0;
        continue;
      }
      if (ended) break;
      ended = await untilChanged(source, changes as Changes);
    }
    yield* cutter.rest();
  } finally {
    changes?.close();
    await file.close();
  }
}

/** Whether the container has ended meanwhile. */
async function untilChanged({ running, clock, signal }: EntrySource, changes: Changes): Promise<boolean> {
  const waiting = new AbortController();
  const stop = AbortSignal.any([signal, waiting.signal]);
  const due = wait(clock, CHECK_PERIOD_MS, stop).then(
    () => 'due' as const,
    () => 'stopped' as const,
  );
  const outcome = await Promise.race([due, changes.next(stop).then(() => 'changed' as const)]);
  waiting.abort();
  return outcome === 'due' && running !== undefined && !(await running());
}

/** The file that `path` means now, if that is another one. */
async function successor(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  try {
    const [now, mine] = await Promise.all([stat(path), file.stat()]);
    if (now.ino === mine.ino && now.dev === mine.dev) return undefined;
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined; // put aside, and not yet begun anew
    throw error;
  }
}

/** Changes of a file, and of what its name means. None is lost between two waits. */
class Changes {
  readonly #watcher: FSWatcher | undefined;
  #changed = false;
  #wake: (() => void) | undefined;

  constructor(path: string) {
    const name = basename(path);
    const note = (): void => {
      this.#changed = true;
      this.#wake?.();
    };
    try {
      this.#watcher = watch(dirname(path), (_event, changed) => {
        if (changed === null || changed === name) note();
      });
    } catch (error) {
      if (!isSystemError(error)) throw error; // the kernel watches no more: the periodic look goes on
    }
    this.#watcher?.on('error', note); // the folder is gone: as above
  }

  next(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        this.#changed = false;
        this.#wake = undefined;
        signal.removeEventListener('abort', done);
        resolve();
      };
      if (this.#changed || signal.aborted) return done();
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
    });
  }

  close(): void {
    this.#watcher?.close();
  }
}

/** Cuts bytes after each line feed. */
class EntryCutter {
  #kept: Buffer[] = [];
  #size = 0;

  *cut(bytes: Buffer): Generator<Buffer, void, undefined> {
    let at = 0;
    for (let end = bytes.indexOf(LINE_FEED); end !== -1; end = bytes.indexOf(LINE_FEED, at)) {
      yield this.#join(bytes.subarray(at, end + 1));
      at = end + 1;
    }
    if (at === bytes.length) return;
    this.#kept.push(Buffer.from(bytes.subarray(at))); // the chunk is used again
    this.#size += bytes.length - at;
    if (this.#size > MOST_ENTRY) throw new Error(`a log entry of more than ${MOST_ENTRY} bytes`);
  }

  *rest(): Generator<Buffer, void, undefined> {
    if (this.#size > 0) yield this.#join(Buffer.alloc(0));
  }

  #join(last: Buffer): Buffer {
    const whole = Buffer.concat([...this.#kept, last]);
    this.#kept = [];
    this.#size = 0;
    return whole;
  }
}
