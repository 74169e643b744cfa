// The files that processes of a cluster write their words to: kept below a size, and read from a place on.
import {
  appendFileSync,
  closeSync,
  existsSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { type Clock, wait } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { Settings } from '../settings/settings.ts';
import type { Paths } from './paths.ts';

/** Between looks: no event tells of a size, and one that tells of each write would cost more than the writes. Milliseconds. */
const LOOK_EVERY_MS = 15_000;

/** Older files beside the one that is written: `proa.log.1` is the youngest. Source: kubelet containerLogMaxFiles 5, less the first. */
const OLDER_FILES = 4;

/** What was appended meanwhile is moved in pieces of so many bytes. */
const PIECE = 1 << 20;

const MIB = 1 << 20;

export interface LogFilesDeps {
  /** Each is written by appending (O_APPEND), by whatever process has it open. */
  readonly files: readonly string[];
  /** Bytes from which on a file is moved aside. */
  readonly maxBytes: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What a machine's cluster writes, its containerd's words too. */
export function boundLogs({
  settings,
  paths,
  ...deps
}: Omit<LogFilesDeps, 'files' | 'maxBytes'> & {
  readonly settings: Pick<Settings, 'logMaxSize'>;
  readonly paths: Pick<Paths, 'log' | 'containerdLog'>;
}): Promise<void> {
  return boundLogFiles({ ...deps, files: [paths.log, paths.containerdLog], maxBytes: settings.logMaxSize * MIB });
}

/** Until the signal aborts. Resolves then. */
export async function boundLogFiles({ files, maxBytes, clock, logger, signal }: LogFilesDeps): Promise<void> {
  while (!signal.aborted) {
    for (const file of files) {
      try {
        if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) >= maxBytes) await moveAside(file);
      } catch (error) {
        logger.error('a log file was cut without a copy', { file, error: error as Error });
      }
    }
    await wait(clock, LOOK_EVERY_MS, signal).catch(() => {});
  }
}

/**
 * Copies the file to `FILE.1`, the older ones one number up, and empties it: those who have it open, other programs among them,
 * go on writing to the same file. What they write between the last look and the cut, microseconds, is lost.
 * @throws Error when there is no room for a copy; the file is empty then too
 */
export async function moveAside(file: string): Promise<void> {
  const descriptor = openSync(file, 'r+');
  try {
    const numbered = (number: number): string => `${file}.${number}`;
    rmSync(numbered(OLDER_FILES), { force: true }); // first: its room may be what the copy needs
    const copy = `${file}.new`;
    await copyFile(file, copy);
    appendRest(descriptor, copy);
    for (let number = OLDER_FILES; number > 1; number--) {
      if (existsSync(numbered(number - 1))) renameSync(numbered(number - 1), numbered(number));
    }
    renameSync(copy, numbered(1));
  } finally {
    ftruncateSync(descriptor, 0);
    closeSync(descriptor);
  }
}

/** What has been written since `copy` was made. */
function appendRest(descriptor: number, copy: string): void {
  const piece = Buffer.alloc(PIECE);
  for (let at = statSync(copy).size; ;) {
    const read = readSync(descriptor, piece, 0, PIECE, at);
    if (read === 0) return;
    appendFileSync(copy, piece.subarray(0, read));
    at += read;
  }
}

/** The text from byte `start` on; all of it, when the file has been moved aside since. */
export function textSince(file: string, start: number): string {
  const bytes = readFileSync(file);
  return bytes.toString('utf8', bytes.length < start ? 0 : start);
}
