// Keeps the log files of running containers small: the current one is put aside, old ones are packed, the oldest go.
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { CriError } from '#cri/errors.ts';
import type { RuntimeService } from '#cri/gen/services.ts';

export interface LogRotationDeps {
  readonly runtime: RuntimeService;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bytes. */
  readonly maxSize: number;
  /** The current file counts. */
  readonly maxFiles: number;
  readonly running: () => Iterable<{ readonly id: string; readonly logPath: string }>;
}

const PACKED = '.gz';
const UNFINISHED = '.tmp';

/** Source: logs containerLogManager. */
export class LogRotation {
  readonly #deps: LogRotationDeps;

  constructor(deps: LogRotationDeps) {
    this.#deps = deps;
  }

  /** Looks at every running container's log. */
  async rotateAll(): Promise<void> {
    for (const { id, logPath } of this.#deps.running()) {
      if (logPath === '') continue;
      try {
        const { size } = await stat(logPath);
        if (size >= this.#deps.maxSize) await this.#rotate(id, logPath);
      } catch (error) {
        const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
        if (missing && (await this.#reopen(id, logPath))) continue;
        if (!(error instanceof CriError) && (error as NodeJS.ErrnoException).syscall === undefined) throw error;
        this.#deps.logger.warn('Failed to rotate log for container', { path: logPath, id, error });
      }
    }
  }

  /** A log that is gone was put aside by a rotation that could not be finished. */
  async #reopen(containerId: string, path: string): Promise<boolean> {
    try {
      await this.#deps.runtime.reopenContainerLog({ containerId });
      return true;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      this.#deps.logger.warn('Container exited before its log could be opened again', { containerId, path, error });
      return false;
    }
  }

  /** Source: rotateLog. */
  async #rotate(containerId: string, path: string): Promise<void> {
    const { runtime, clock, maxFiles } = this.#deps;
    const kept = await this.#tidy(path, maxFiles - 2); // beside the current file and the one put aside now
    for (const file of kept) if (!file.endsWith(PACKED)) await pack(file);
    const aside = `${path}.${stamp(clock.now())}`;
    await rename(path, aside);
    try {
      await runtime.reopenContainerLog({ containerId });
    } catch (error) {
      await rename(aside, path); // the container goes on writing to it
      throw error;
    }
  }

  /** Removes what is unfinished and what is too much; the rest, the oldest first. */
  async #tidy(path: string, keep: number): Promise<readonly string[]> {
    const directory = dirname(path);
    const prefix = `${basename(path)}.`;
    const names = (await readdir(directory)).filter((name) => name.startsWith(prefix)).toSorted();
    const whole = names.filter((name) => !name.endsWith(UNFINISHED));
    const packed = new Set(whole.filter((name) => name.endsWith(PACKED)));
    const doubled = whole.filter((name) => packed.has(name + PACKED)); // packed, but not yet removed
    const usable = whole.filter((name) => !doubled.includes(name));
    const excess = usable.slice(0, Math.max(0, usable.length - Math.max(0, keep)));
    for (const name of [...names.filter((each) => each.endsWith(UNFINISHED)), ...doubled, ...excess]) await unlink(join(directory, name));
    return usable.slice(excess.length).map((name) => join(directory, name));
  }
}

/** `20260102-150405`. Source: timestampFormat. */
function stamp(now: number): string {
  return new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}

async function pack(file: string): Promise<void> {
  const unfinished = `${file}${UNFINISHED}`;
  await pipeline(createReadStream(file), createGzip(), createWriteStream(unfinished));
  await rename(unfinished, `${file}${PACKED}`);
  await unlink(file);
}
