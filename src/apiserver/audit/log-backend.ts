// Events as lines of a file that is replaced when it is large, and of which old ones are removed. Lines go into a bounded
// buffer, and are lost, counted and reported when the disk cannot keep up; whoever must wait for the disk shares one write.
// Source: apiserver plugin/pkg/audit/log; lumberjack.v2 for names and rotation.
import { open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { createReadStream, createWriteStream } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import type { AuditBackend, AuditMode } from './contract.ts';
import type { AuditMetrics } from './metrics.ts';

/** Bytes that may wait for the disk. */
const MAX_BUFFERED = 64 << 20;
const MEGABYTE = 1 << 20;
const DAY_MS = 86_400_000;

export interface LogOptions {
  /** `-` for standard output. Source: --audit-log-path. */
  readonly path: string;
  /** Megabytes; 0: 100. Source: --audit-log-maxsize. */
  readonly maxSize: number;
  /** Old files kept; 0: all. Source: --audit-log-maxbackup. */
  readonly maxBackups: number;
  /** Days; 0: for ever. Source: --audit-log-maxage. */
  readonly maxAge: number;
  /** Old files are packed with gzip. Source: --audit-log-compress. */
  readonly compress: boolean;
  /** Source: --audit-log-mode. */
  readonly mode: AuditMode;
  readonly metrics: AuditMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class LogBackend implements AuditBackend {
  readonly #options: LogOptions;
  #pending: string[] = [];
  #buffered = 0;
  #lost = 0;
  #working: Promise<void> | undefined;
  /** For whoever waits for the lines that are pending. */
  #written: PromiseWithResolvers<boolean> | undefined;
  #file: FileHandle | undefined;
  #size = 0;

  constructor(options: LogOptions) {
    this.#options = options;
  }

  /** Events that were not written. */
  get lost(): number {
    return this.#lost;
  }

  write(event: string): Promise<boolean> | undefined {
    const { mode, metrics } = this.#options;
    if (this.#buffered > MAX_BUFFERED) {
      this.#lost++;
      metrics.lost('buffered', 1);
      return mode === 'batch' ? undefined : Promise.resolve(mode === 'blocking');
    }
    this.#pending.push(event);
    this.#buffered += event.length;
    this.#working ??= this.#drain();
    return mode === 'batch' ? undefined : (this.#written ??= Promise.withResolvers<boolean>()).promise;
  }

  async stop(): Promise<void> {
    await this.#working;
    await this.#file?.close();
    this.#file = undefined;
  }

  /** Writes until nothing is left; what comes meanwhile goes with the next write. */
  async #drain(): Promise<void> {
    await Promise.resolve(); // events of one turn go together
    while (this.#pending.length > 0) {
      const lines = this.#pending;
      const written = this.#written;
      this.#pending = [];
      this.#written = undefined;
      this.#buffered = 0;
      const { mode, metrics, logger, path } = this.#options;
      try {
        await this.#append(Buffer.from(`${lines.join('\n')}\n`));
        written?.resolve(true);
      } catch (error) {
        this.#lost += lines.length;
        metrics.lost('log', lines.length);
        logger.error('audit events were lost', { count: lines.length, path, error });
        written?.resolve(mode === 'blocking');
      }
    }
    this.#working = undefined;
  }

  async #append(bytes: Buffer): Promise<void> {
    const { path, maxSize } = this.#options;
    if (path === '-') return void process.stdout.write(bytes);
    const limit = (maxSize === 0 ? 100 : maxSize) * MEGABYTE;
    if (this.#file === undefined) await this.#open();
    if (this.#size > 0 && this.#size + bytes.length > limit) await this.#rotate();
    await this.#file?.appendFile(bytes);
    this.#size += bytes.length;
  }

  async #open(): Promise<void> {
    // Requests are in it, perhaps secrets: for the owner alone.
    this.#file = await open(this.#options.path, 'a', 0o600);
    this.#size = (await this.#file.stat()).size;
  }

  async #rotate(): Promise<void> {
    const { path, clock, compress } = this.#options;
    await this.#file?.close();
    this.#file = undefined;
    const moved = backupName(path, clock.now());
    await rename(path, moved);
    await this.#open();
    if (compress) {
      await pipeline(createReadStream(moved), createGzip(), createWriteStream(`${moved}.gz`, { mode: 0o600 }));
      await unlink(moved);
    }
    await this.#removeOld();
  }

  async #removeOld(): Promise<void> {
    const { path, maxBackups, maxAge, clock } = this.#options;
    const folder = dirname(path);
    const old = (await readdir(folder))
      .filter((name) => isBackup(path, name))
      .toSorted()
      .toReversed();
    const beyond = maxBackups === 0 ? [] : old.slice(maxBackups);
    const aged: string[] = [];
    if (maxAge > 0) {
      for (const name of old) if (clock.now() - (await stat(join(folder, name))).mtimeMs > maxAge * DAY_MS) aged.push(name);
    }
    for (const name of new Set([...beyond, ...aged])) await unlink(join(folder, name));
  }
}

/** `audit-2026-01-02T03-04-05.006.log`. */
function backupName(path: string, now: number): string {
  const extension = extname(path);
  const time = new Date(now).toISOString().slice(0, -1).replaceAll(':', '-');
  return `${path.slice(0, path.length - extension.length)}-${time}${extension}`;
}

function isBackup(path: string, name: string): boolean {
  const extension = extname(path);
  const stem = `${basename(path, extension)}-`;
  const rest = name.slice(stem.length);
  return (
    name.startsWith(stem) &&
    /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}/.test(rest) &&
    (rest.endsWith(extension) || rest.endsWith(`${extension}.gz`))
  );
}
