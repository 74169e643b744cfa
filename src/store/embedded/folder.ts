// The small files of a store's folder: which format it is in, and how much of it was there at the last clean close.
import { join } from 'node:path';
import type { Disk } from './disk.ts';
import { StoreCorruptError, StoreFormatError } from './errors.ts';
import { parseSegmentName, UNFINISHED } from './segment.ts';

/** Raised by every change after which older versions could no longer read the folder. */
export const FORMAT = 1;

const FORMAT_FILE = 'format';
const FORMAT_LINE = /^proa embedded store, format (\d+)\n$/;
const CLEAN_FILE = 'clean';
const CLEAN_LINE = /^segment (\d+) ends at (\d+)\n$/;

/** What a clean close leaves behind: a later, shorter file has lost something that no crash explains. */
export interface CleanMark {
  /** Number of the last segment. */
  readonly segment: number;
  /** Bytes of its file. */
  readonly end: number;
}

/** Makes a new folder a store's, or checks that it is one this version reads. @throws StoreFormatError */
export async function claimFormat(disk: Disk, directory: string): Promise<void> {
  const text = await readText(disk, join(directory, FORMAT_FILE));
  if (text !== undefined) return checkFormat(directory, text);
  const segments = (await disk.list(directory)).filter((name) => parseSegmentName(name) !== undefined);
  if (segments.length > 0)
    throw new StoreFormatError(
      `${directory} holds parts of a store, but its file "${FORMAT_FILE}" is missing: restore the store from a snapshot`,
    );
  await writeFormat(disk, directory);
}

function checkFormat(directory: string, text: string): void {
  const match = FORMAT_LINE.exec(text);
  if (match === null)
    throw new StoreFormatError(
      `${join(directory, FORMAT_FILE)} does not say which format the store is in: restore the store from a snapshot`,
    );
  if (Number(match[1]) === FORMAT) return;
  throw new StoreFormatError(
    `${directory} was left by another version of proa: it is in format ${match[1]}, this version reads format ${FORMAT}; ` +
      'run the version that wrote it, or restore a snapshot into an empty folder',
  );
}

/** Makes the folder a store's. */
export async function writeFormat(disk: Disk, directory: string): Promise<void> {
  await writeText(disk, directory, FORMAT_FILE, `proa embedded store, format ${FORMAT}\n`);
}

/** Whether the folder is a store's, of whatever format. */
export async function hasFormat(disk: Disk, directory: string): Promise<boolean> {
  return (await readText(disk, join(directory, FORMAT_FILE))) !== undefined;
}

/** @throws StoreCorruptError */
export async function readCleanMark(disk: Disk, directory: string): Promise<CleanMark | undefined> {
  const path = join(directory, CLEAN_FILE);
  const text = await readText(disk, path);
  if (text === undefined) return undefined;
  const match = CLEAN_LINE.exec(text);
  if (match === null) throw new StoreCorruptError(path, 'it cannot be read');
  return { segment: Number(match[1]), end: Number(match[2]) };
}

export async function writeCleanMark(disk: Disk, directory: string, { segment, end }: CleanMark): Promise<void> {
  await writeText(disk, directory, CLEAN_FILE, `segment ${segment} ends at ${end}\n`);
}

/** Puts `text` in the place of the file in one step, durably. */
async function writeText(disk: Disk, directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  await disk.remove(path + UNFINISHED);
  const file = await disk.open(path + UNFINISHED, 'create');
  try {
    await file.write(Buffer.from(text), 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.rename(path + UNFINISHED, path);
  await disk.syncDirectory(directory);
}

async function readText(disk: Disk, path: string): Promise<string | undefined> {
  const file = await disk.open(path, 'read').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(await file.size());
    await file.read(bytes, 0);
    return bytes.toString('utf8');
  } finally {
    await file.close();
  }
}
