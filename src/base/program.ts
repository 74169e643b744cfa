// Other programs, run to their end, without a shell.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface ProgramOptions {
  /** Becomes standard input; empty otherwise. */
  readonly input?: Readable;
  /** Working folder. */
  readonly cwd?: string;
  /** Over this process's own variables. */
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** Milliseconds after which it is ended, and not waited for any more. */
  readonly timeoutMs?: number;
}

/** A program that could not be started, or did not end with status 0. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError';
  /** The end of what it wrote to standard error. */
  readonly stderr: string;

  constructor(message: string, stderr: string, options?: ErrorOptions) {
    super(stderr === '' ? message : `${message}: ${stderr}`, options);
    this.stderr = stderr;
  }
}

/** Bytes of standard output and of standard error that are kept: a listing of all packages is a few hundred thousand. */
const MOST_OUTPUT = 16 << 20;

/**
 * Standard output of a program that ended with status 0.
 * @throws ProgramError otherwise, when it takes too long, and when it writes more than 16 MiB; what reading `input` failed with; the signal's
 * reason when aborted
 */
export async function runProgram(
  file: string,
  args: readonly string[],
  { input, cwd, env, signal, timeoutMs }: ProgramOptions = {},
): Promise<string> {
  signal?.throwIfAborted();
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, LC_ALL: 'C', ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  if (child.pid === undefined) {
    input?.destroy();
    throw await notStarted(file, child);
  }
  const kill = (): void => void child.kill('SIGKILL');
  signal?.addEventListener('abort', kill, { once: true });
  const limit = timeLimit(file, child, timeoutMs);
  try {
    const fed = input === undefined ? Promise.resolve(child.stdin.end()) : pipeline(input, child.stdin);
    const all = Promise.all([
      collect(child.stdout, kill),
      collect(child.stderr, kill),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
      // A program that ends before it read everything says why by its status.
      fed.then(
        () => undefined,
        (error: unknown) => error,
      ),
    ]);
    const [stdout, stderr, [code, killedBy], feeding] = await Promise.race([all, limit.exceeded]);
    signal?.throwIfAborted();
    if (isInputError(feeding)) throw feeding;
    if (code !== 0) throw new ProgramError(`${file} ended with ${code ?? killedBy}`, lastLines(stderr));
    return stdout;
  } finally {
    signal?.removeEventListener('abort', kill);
    limit.clear();
  }
}

/** Longest that a program may take which only speaks to the kernel. Milliseconds. */
const KERNEL_MS = 60_000;

/** As `runProgram`, of `ip`, `nft` and their like: one that hangs must not stop for ever whoever keeps a network in order. */
export const runNetworkProgram: typeof runProgram = (file, args, options) => runProgram(file, args, { timeoutMs: KERNEL_MS, ...options });

interface TimeLimit {
  readonly exceeded: Promise<never>;
  clear(): void;
}

/** A program that waits in the kernel does not even end when it is killed: it is left alone then. */
function timeLimit(file: string, child: ChildProcess, timeoutMs: number | undefined): TimeLimit {
  const { promise, reject } = Promise.withResolvers<never>();
  if (timeoutMs === undefined) return { exceeded: promise, clear() {} };
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    child.unref();
    for (const stream of child.stdio) stream?.destroy();
    reject(new ProgramError(`${file} did not end within ${timeoutMs / 1000} s`, ''));
  }, timeoutMs);
  return { exceeded: promise, clear: () => clearTimeout(timer) };
}

/** Where descriptors ran out the child has no streams, only the error that follows. */
async function notStarted(file: string, child: ChildProcess): Promise<ProgramError> {
  const [error] = (await once(child, 'error')) as [Error];
  return new ProgramError(`${file} cannot be started`, error.message, { cause: error });
}

/** An error of the input itself, rather than of a program that ended before it read all of it. */
function isInputError(error: unknown): boolean {
  return error !== undefined && !(error instanceof Error && 'code' in error && INPUT_UNREAD.has(error.code));
}

/** ECANCELED: the write was still under way when the program's end closed the pipe. */
const INPUT_UNREAD: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'ECANCELED', 'ERR_STREAM_PREMATURE_CLOSE']);

async function collect(stream: Readable, kill: () => void): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_OUTPUT) {
      kill();
      throw new ProgramError(`output of more than ${MOST_OUTPUT} bytes`, '');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Lines of standard error that go into an error's message. */
const LINES_SHOWN = 5;

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-LINES_SHOWN).join('\n');
}
