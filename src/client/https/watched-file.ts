// A small file whose content may be replaced while the process runs: certificates, keys, tokens.
import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';

/** Most often a file is looked at, milliseconds. */
const CHECK_EVERY_MS = 10_000;

export class WatchedFile {
  readonly path: string;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #content: string | undefined;
  #mark = '';
  #checkedAt = Number.NEGATIVE_INFINITY;
  #checking: Promise<string> | undefined;

  constructor(path: string, clock: Clock, logger: Logger) {
    this.path = path;
    this.#clock = clock;
    this.#logger = logger;
  }

  /**
   * The content, at most ten seconds old. Once read, a file that cannot be read any more keeps its last content.
   * @throws the file system's error when it was never read
   */
  async read(): Promise<string> {
    if (this.#content !== undefined && this.#clock.monotonic() - this.#checkedAt < CHECK_EVERY_MS) return this.#content;
    this.#checking ??= this.#check().finally(() => {
      this.#checking = undefined;
    });
    return this.#checking;
  }

  /** The next read looks at the file again. */
  expire(): void {
    this.#checkedAt = Number.NEGATIVE_INFINITY;
  }

  async #check(): Promise<string> {
    try {
      const { mtimeMs, size, ino } = await stat(this.path);
      const mark = `${mtimeMs}/${size}/${ino}`;
      if (this.#content === undefined || mark !== this.#mark) this.#content = await readFile(this.path, 'utf8');
      this.#mark = mark;
    } catch (error) {
      if (this.#content === undefined) throw error;
      this.#logger.warn('cannot read a file again, its last content stays in use', { path: this.path, error });
    }
    this.#checkedAt = this.#clock.monotonic();
    return this.#content;
  }
}
