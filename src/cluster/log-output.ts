// How text leaves by a file descriptor without holding up the process, whatever the descriptor is.
import { fstatSync, openSync, write } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** Writes all of `text`, then calls `done`, with the error when not all of it could be written. One at a time. */
export type Output = (text: string, done: (error: Error | null) => void) => void;

const STANDARD_ERROR = 2;

/** What can be waited for (pipes, sockets) is; files and terminals are written to by a thread that may wait. */
export function outputTo(fd: number): Output {
  const kind = fstatSync(fd);
  if (kind.isFIFO() || kind.isSocket()) return toStream(streamOf(fd));
  return kind.isCharacterDevice() ? toFile(waiting(fd)) : toFile(fd);
}

/** Node makes one stream of standard error; two of one descriptor would take each other's events. */
function streamOf(fd: number): Writable {
  return fd === STANDARD_ERROR ? process.stderr : new Socket({ fd, readable: false, writable: true });
}

function toStream(stream: Writable): Output {
  // A reader that went away: every write says so to its own caller.
  stream.on('error', () => {});
  return (text, done) => void stream.write(text, (error) => done(error ?? null));
}

function toFile(fd: number): Output {
  const send = (bytes: Uint8Array, done: (error: Error | null) => void): void =>
    write(fd, bytes, (error, written) => {
      if (error !== null || written === bytes.length) return done(error);
      send(bytes.subarray(written), done);
    });
  return (text, done) => send(Buffer.from(text), done);
}

/** The same terminal, opened once more: whoever shares the first may have made it refuse to wait. */
function waiting(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, 'a');
  } catch {
    return fd; // another's terminal, or no /proc
  }
}
