// A disk in memory that does what real ones may do: lose what was not synced, keep any part of it, run full, fail.
import { basename, dirname } from 'node:path';
import type { Ids } from '#base/ids.ts';
import type { Disk, DiskFile } from '../disk.ts';

const PAGE_BYTES = 512;

interface Content {
  /** What a reader sees. */
  bytes: Buffer;
  /** What is left after a power loss at the least. */
  durable: Buffer;
}

/** Name to content. Names change durably only with syncDirectory. */
type Names = Map<string, Content>;

type NameChange = (names: Names) => void;

/** `writeDurably` is what comes after the `write` of it. */
export type DiskCall = 'write' | 'writeDurably' | 'sync' | 'truncate' | 'open' | 'rename' | 'remove' | 'syncDirectory' | 'read';

/** Thrown by calls that fail, as the operating system would. */
export function diskError(code: 'ENOSPC' | 'EIO' | 'ENOENT' | 'EEXIST', what: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

export class MemoryDisk implements Disk {
  #names: Names;
  #durableNames: Names;
  /** Since the last syncDirectory, in order. */
  #nameChanges: NameChange[] = [];
  /** Called before every call that can fail: throws to make it fail, returns a promise to make it slow. */
  onCall: (call: DiskCall, path: string) => void | Promise<void> = () => {};
  /** Bytes all files together may have. */
  capacity = Infinity;

  constructor(names: Names = new Map()) {
    this.#names = new Map(names);
    this.#durableNames = new Map(names);
  }

  /** The disk as it is found after the power was lost now: of what was not synced, any part may be there. */
  afterPowerLoss(ids: Ids): MemoryDisk {
    const names = new Map(this.#durableNames);
    const kept = Math.floor(ids.fraction() * (this.#nameChanges.length + 1));
    for (const change of this.#nameChanges.slice(0, kept)) change(names);
    return new MemoryDisk(new Map([...names].map(([name, content]) => [name, settled(content, ids)])));
  }

  /** The disk as a process that was killed leaves it: everything that was written is there, and no more of it durable than was. */
  afterKill(): MemoryDisk {
    return new MemoryDisk(
      new Map([...this.#names].map(([name, { bytes, durable }]) => [name, { bytes: Buffer.from(bytes), durable: Buffer.from(durable) }])),
    );
  }

  /** The bytes of a file, to look at or to damage. */
  bytesOf(name: string): Buffer {
    const content = this.#names.get(name);
    if (content === undefined) throw diskError('ENOENT', name);
    return content.bytes;
  }

  /** Replaces a file's bytes, durably. */
  setBytes(name: string, bytes: Buffer): void {
    this.#names.set(name, { bytes, durable: bytes });
    this.#durableNames = new Map(this.#names);
  }

  get names(): readonly string[] {
    return [...this.#names.keys()].toSorted();
  }

  async open(path: string, mode: 'create' | 'write' | 'read'): Promise<DiskFile> {
    await this.#call('open', path);
    const name = basename(path);
    const present = this.#names.get(name);
    if (mode !== 'create') {
      if (present === undefined) throw diskError('ENOENT', path);
      return this.#file(path, present);
    }
    if (present !== undefined) throw diskError('EEXIST', path);
    const content: Content = { bytes: Buffer.alloc(0), durable: Buffer.alloc(0) };
    this.#change((names) => names.set(name, content));
    return this.#file(path, content);
  }

  async list(): Promise<readonly string[]> {
    return this.names;
  }

  async makeDirectory(): Promise<void> {
    // There is one directory, and it is always there.
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#call('rename', from);
    if (dirname(from) !== dirname(to)) throw new Error('one directory only');
    const content = this.#names.get(basename(from));
    if (content === undefined) throw diskError('ENOENT', from);
    this.#change((names) => {
      names.delete(basename(from));
      names.set(basename(to), content);
    });
  }

  async remove(path: string): Promise<void> {
    await this.#call('remove', path);
    this.#change((names) => names.delete(basename(path)));
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#call('syncDirectory', directory);
    this.#durableNames = new Map(this.#names);
    this.#nameChanges = [];
  }

  async lock(): Promise<() => Promise<void>> {
    return async () => {};
  }

  async freeBytes(): Promise<number> {
    return this.capacity;
  }

  #change(change: NameChange): void {
    change(this.#names);
    this.#nameChanges.push(change);
  }

  async #call(call: DiskCall, path: string): Promise<void> {
    // As with a real disk, the answer comes in a later turn.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    await this.onCall(call, path);
  }

  #used(): number {
    return [...this.#names.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  #file(path: string, content: Content): DiskFile {
    const read = (into: Uint8Array, position: number): number => content.bytes.copy(into, 0, position, position + into.length);
    const write = async (data: Uint8Array, position: number): Promise<void> => {
      const copy = Buffer.from(data); // what is written is what was there when the call was made
      await this.#call('write', path);
      const grows = Math.max(0, position + copy.length - content.bytes.length);
      if (this.#used() + grows > this.capacity) throw diskError('ENOSPC', path);
      content.bytes = overwritten(content.bytes, copy, position);
    };
    return {
      path,
      write,
      // The disk may fail between what a reader sees and what is durable, and nothing but these bytes becomes so.
      writeDurably: async (data, position) => {
        const copy = Buffer.from(data);
        await write(copy, position);
        await this.#call('writeDurably', path);
        content.durable = overwritten(content.durable, copy, position);
      },
      sync: async () => {
        await this.#call('sync', path);
        content.durable = Buffer.from(content.bytes);
      },
      truncate: async (length) => {
        await this.#call('truncate', path);
        content.bytes = Buffer.from(content.bytes.subarray(0, length));
      },
      read: async (into, position) => {
        await this.#call('read', path);
        return read(into, position);
      },
      readSync: read,
      size: async () => content.bytes.length,
      close: async () => {},
    };
  }
}

/** `bytes` with `data` at `position`, zeros before it where they ended earlier. */
function overwritten(bytes: Buffer, data: Buffer, position: number): Buffer {
  const result = Buffer.alloc(Math.max(bytes.length, position + data.length));
  bytes.copy(result);
  data.copy(result, position);
  return result;
}

/** A file after a power loss: each page old or new, the length anywhere between. */
function settled({ bytes, durable }: Content, ids: Ids): Content {
  const [shorter, longer] = [Math.min(bytes.length, durable.length), Math.max(bytes.length, durable.length)];
  const result = Buffer.alloc(shorter + Math.floor(ids.fraction() * (longer - shorter + 1)));
  for (let page = 0; page < result.length; page += PAGE_BYTES) {
    const source = ids.fraction() < 0.5 ? bytes : durable;
    if (page < source.length) source.copy(result, page, page, Math.min(page + PAGE_BYTES, result.length));
  }
  return { bytes: result, durable: Buffer.from(result) };
}
