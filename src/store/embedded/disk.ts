// The files the engine works on, as an interface so that tests can make a disk fail; and the real one.
import { constants, fdatasync, ftruncate, readSync, write, type Stats } from 'node:fs';
import * as fs from 'node:fs';
import { mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { promisify } from 'node:util';
import { syncFolder } from '#base/sync-folder.ts';
import { lockFolder } from './lock.ts';

export interface DiskFile {
  readonly path: string;
  /** Writes all of `data` at `position`; not durable before `sync`. */
  write(data: Uint8Array, position: number): Promise<void>;
  /** As `write`, and durable when it resolves: one call of the thread pool where `write` and `sync` are two. */
  writeDurably(data: Uint8Array, position: number): Promise<void>;
  /** Makes everything written to this file durable. */
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  /** Reads up to `into.length` bytes; fewer only at the end of the file. */
  read(into: Uint8Array, position: number): Promise<number>;
  readSync(into: Uint8Array, position: number): number;
  size(): Promise<number>;
  close(): Promise<void>;
}

export interface Disk {
  /** `create` fails where the file exists; `write` opens an existing file for reading and writing. */
  open(path: string, mode: 'create' | 'write' | 'read'): Promise<DiskFile>;
  list(directory: string): Promise<readonly string[]>;
  makeDirectory(directory: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** Makes created, renamed and removed names of a directory durable. */
  syncDirectory(directory: string): Promise<void>;
  /** Keeps other openers out until the result is called. @throws StoreLockedError */
  lock(directory: string): Promise<() => Promise<void>>;
  /** Bytes that an unprivileged process can still write. */
  freeBytes(directory: string): Promise<number>;
}

const FLAGS = {
  create: constants.O_CREAT | constants.O_EXCL | constants.O_RDWR,
  write: constants.O_RDWR,
  read: constants.O_RDONLY,
} as const;

const FILE_MODE = 0o600;
const DIRECTORY_MODE = 0o700;

const syncData = promisify(fdatasync);
const truncateTo = promisify(ftruncate);
const writeOnce = promisify(write) as (
  fd: number,
  data: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;
const readOnce = promisify(fs.read) as (
  fd: number,
  into: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesRead: number }>;
const statOf = promisify(fs.fstat) as (fd: number) => Promise<Stats>;
const openFile = promisify(fs.open) as (path: string, flags: number, mode: number) => Promise<number>;
const closeFile = promisify(fs.close);

/** The machine's file system. */
export const nodeDisk: Disk = {
  open: async (path, mode) => nodeFile(path, await openFile(path, FLAGS[mode], FILE_MODE)),
  list: (directory) => readdir(directory),
  async makeDirectory(directory) {
    const made = await mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    if (made === undefined) return;
    // What is written inside lasts only as long as the names that lead there.
    for (let path = resolve(directory); path !== dirname(resolve(made)); path = dirname(path)) await syncFolder(dirname(path));
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  syncDirectory: syncFolder,
  lock: lockFolder,
  async freeBytes(directory) {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  },
};

function nodeFile(path: string, fd: number): DiskFile {
  /** Of the same file, open for writes that are durable when they return; made when first needed. */
  let durable: Promise<number> | undefined;
  async function writeAll(to: number, data: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < data.length;) {
      const { bytesWritten } = await writeOnce(to, data, done, data.length - done, position + done);
      if (bytesWritten === 0) throw new Error(`${path}: no byte could be written at ${position + done}`);
      done += bytesWritten;
    }
  }
  return {
    path,
    write: (data, position) => writeAll(fd, data, position),
    async writeDurably(data, position) {
      // By descriptor, for by now another file may have the name.
      durable ??= openFile(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_DSYNC, 0);
      let to: number;
      try {
        to = await durable;
      } catch (error) {
        durable = undefined;
        throw error;
      }
      await writeAll(to, data, position);
    },
    sync: () => syncData(fd),
    truncate: (length) => truncateTo(fd, length),
    async read(into, position) {
      let done = 0;
      while (done < into.length) {
        const { bytesRead } = await readOnce(fd, into, done, into.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    readSync(into, position) {
      let done = 0;
      while (done < into.length) {
        const bytesRead = readSync(fd, into, done, into.length - done, position + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return done;
    },
    size: async () => (await statOf(fd)).size,
    async close() {
      const opened = await durable?.catch(() => undefined); // whoever wrote was told
      if (opened !== undefined) await closeFile(opened);
      await closeFile(fd);
    },
  };
}
