// What can be wrong with a store's folder when it is opened. Each message says what was found and what to do.

/** Bytes of the store are not what was written, outside of what a crash can explain. */
export class StoreCorruptError extends Error {
  override readonly name = 'StoreCorruptError';
  readonly path: string;
  /** Byte offset in the file, where one is to blame. */
  readonly offset: number | undefined;

  constructor(path: string, what: string, offset?: number) {
    super(`${path} is damaged${offset === undefined ? '' : ` at byte ${offset}`}: ${what}; restore the store from a snapshot`);
    this.path = path;
    this.offset = offset;
  }
}

/** Another process has the folder open. */
export class StoreLockedError extends Error {
  override readonly name = 'StoreLockedError';

  /** `pid` is not a number while the other has not told it yet. */
  constructor(directory: string, pid: number) {
    const whom = Number.isNaN(pid) ? 'another process' : `process ${pid}${pid === process.pid ? ' (this one)' : ''}`;
    super(`${directory} is in use by ${whom}`);
  }
}

/** The folder holds something this version of the engine cannot read. */
export class StoreFormatError extends Error {
  override readonly name = 'StoreFormatError';
}

/** Whether the operating system refused a call: no space, an I/O error, a file that is gone. */
export function isDiskError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string';
}
