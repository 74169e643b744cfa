// Where log lines leave the process: in order, off the main thread, and never in its way. A disk that is full or too slow
// costs lines, and the log says later how many; it never ends or holds up what is being logged.
import { writeSync } from 'node:fs';
import type { Clock } from '#base/clock.ts';
import { type Output, outputTo } from './log-output.ts';

/** Text that may wait for a slow disk. Characters. */
const MOST_WAITING = 4 << 20;
/** A write that takes longer is stuck, milliseconds. Source: healthz.LogHealthz, two minutes. */
const BLOCKED_MS = 120_000;

export class LogSink {
  readonly #fd: number;
  readonly #output: Output;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** When the batch that leaves now was begun. */
  #since = 0;
  /** Written now. */
  #leaving = '';
  #waiting: string[] = [];
  #size = 0;
  #lost = 0;
  #idle = Promise.withResolvers<void>();

  constructor(fd: number, clock: Pick<Clock, 'monotonic'>) {
    this.#fd = fd;
    this.#output = outputTo(fd);
    this.#clock = clock;
  }

  /** What was given out last is not through after two minutes: a pipe that nobody reads, a disk that hangs. */
  get blocked(): boolean {
    return this.#leaving !== '' && this.#clock.monotonic() - this.#since > BLOCKED_MS;
  }

  /** Lines that could not be written so far, and of which the log does not tell yet. */
  get lost(): number {
    return this.#lost;
  }

  write(line: string): void {
    if (this.#size + line.length > MOST_WAITING) {
      this.#lost++;
      return;
    }
    this.#waiting.push(line);
    this.#size += line.length;
    if (this.#leaving === '') this.#next();
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    if (this.#leaving !== '') await this.#idle.promise;
  }

  /** What still waits, at the end of the process: written now, or never. What was on its way may come twice. */
  flush(): void {
    const text = this.#leaving + this.#waiting.join('');
    this.#waiting = [];
    try {
      if (text !== '') writeSync(this.#fd, text);
    } catch {
      // the disk takes no more, and nobody is left to be told
    }
  }

  #next(): void {
    if (this.#waiting.length === 0) {
      this.#leaving = '';
      this.#idle.resolve();
      this.#idle = Promise.withResolvers<void>();
      return;
    }
    const lines = this.#waiting;
    const lost = this.#lost;
    this.#waiting = [];
    this.#size = 0;
    const told = lost === 0 ? '' : `${JSON.stringify({ level: 40, lost, msg: 'log lines were lost: they could not be written' })}\n`;
    this.#since = this.#clock.monotonic();
    this.#leaving = told + lines.join('');
    this.#output(this.#leaving, (error) => {
      this.#lost = error === null ? this.#lost - lost : this.#lost + lines.length;
      this.#next();
    });
  }
}
