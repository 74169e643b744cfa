// Programs a test runs: to their end, or beside it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { defer, type Owner } from './scope.ts';

export interface Finished {
  /** Exit status; 128 and more for a signal, as shells count. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Written to standard input, which is then closed; empty otherwise. */
  readonly input?: string | Uint8Array;
  /** Instead of this process's own environment. */
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly signal?: AbortSignal;
}

/** Bytes of each output stream; a program that writes more is ended. */
const MOST_OUTPUT = 256 << 20;

/** From `kill -l`: the number a shell adds to 128. */
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGPIPE: 13, SIGTERM: 15 };

/** Runs `file` to its end. A status other than 0 is an answer, not an error. @throws Error when it cannot be started */
export async function run(file: string, args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
  const { input, ...spawnOptions } = options;
  const child = spawn(file, [...args], { ...spawnOptions, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => child.stdin.destroy()); // it ended before it read everything: its status says why
  child.stdin.end(input);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout, child),
    text(child.stderr, child),
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
  ]);
  return { code: code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0), stdout, stderr };
}

/** As `run`, for a command that must succeed: its standard output. @throws Error with all it said when it does not */
export async function succeed(file: string, args: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(file, args, options);
  if (code !== 0) throw new Error(`${[file, ...args].join(' ')} ended with status ${code}:\n${stderr}${stdout}`);
  return stdout;
}

async function text(stream: Readable, child: ChildProcess): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_OUTPUT) {
      child.kill('SIGKILL');
      throw new Error(`${child.spawnfile} wrote more than ${MOST_OUTPUT} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Lines kept of each running program, for the error of one that ends before it should. */
const LINES_KEPT = 200;

/** A line that has not come by then never comes: a test that waited on would tell nothing. Milliseconds. */
const HANGS_AFTER_MS = 180_000;

/** A program that runs beside the test until it is stopped or the test ends. */
export class Running {
  readonly child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #readers = new Set<() => void>();
  readonly #closed: Promise<void>;
  #ended = false;

  constructor(file: string, args: readonly string[], options: Omit<CommandOptions, 'input'> = {}) {
    this.child = spawn(file, [...args], { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => this.#add(line));
    }
    this.#closed = new Promise((resolve) => {
      const end = (): void => {
        this.#ended = true;
        this.#wake();
        resolve();
      };
      this.child.once('close', end).once('error', (error) => {
        this.#add(error.message);
        end();
      });
    });
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error(`${this.child.spawnfile} was not started: ${this.#lines.join('\n')}`);
    return this.child.pid;
  }

  /** Its last lines, of both output streams. */
  get output(): string {
    return this.#lines.join('\n');
  }

  /**
   * The first line, already written or still to come, that `matches`. @throws Error when it ends before that, or has not written it
   * within `withinMs`
   */
  async line(matches: RegExp, withinMs = HANGS_AFTER_MS): Promise<string> {
    const wake = (): void => this.#wake();
    const gone = AbortSignal.timeout(withinMs);
    gone.addEventListener('abort', wake);
    try {
      for (;;) {
        const found = this.#lines.find((line) => matches.test(line));
        if (found !== undefined) return found;
        const why = this.#ended ? 'ended before it wrote' : gone.aborted ? `has not written in ${withinMs} ms` : undefined;
        if (why !== undefined) throw new Error(`${this.child.spawnfile} ${why} ${matches}:\n${this.output}`);
        await new Promise<void>((resolve) => this.#readers.add(resolve));
      }
    } finally {
      gone.removeEventListener('abort', wake);
    }
  }

  /** Sends `signal` and waits for the end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.child.kill(signal);
    await this.#closed;
  }

  /** Waits for the end. */
  ended(): Promise<void> {
    return this.#closed;
  }

  #add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines.shift();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#readers) wake();
    this.#readers.clear();
  }
}

/** Starts `file`, and kills it when `owner` ends if it still runs then. */
export function start(owner: Owner, file: string, args: readonly string[], options: Omit<CommandOptions, 'input'> = {}): Running {
  const running = new Running(file, args, options);
  defer(owner, () => running.stop('SIGKILL'));
  return running;
}
