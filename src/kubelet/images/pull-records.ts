// Which images were pulled with whose credentials, so that a pod without them does not get at what lies on the node.
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from '#base/log.ts';
import { StateFile } from '../state-file.ts';

/** `open`: pulled without credentials, or with the node's own. */
interface PullRecord {
  readonly open: boolean;
  /** Hashes of credentials that could pull it. */
  readonly hashes: readonly string[];
}

/** By the runtime's reference of the image. Source: kubelet images/pullmanager, policy NeverVerifyPreloadedImages. */
export class PullRecords {
  readonly #file: StateFile;
  readonly #logger: Logger;
  #records = new Map<string, PullRecord>();

  constructor(path: string, logger: Logger) {
    this.#file = new StateFile(path);
    this.#logger = logger;
  }

  /** Reads what an earlier kubelet wrote. */
  async load(): Promise<void> {
    try {
      const text = await this.#file.read();
      if (text !== undefined) this.#records = new Map(Object.entries(JSON.parse(text) as Readonly<Record<string, PullRecord>>));
    } catch (error) {
      this.#logger.warn('Image pull records could not be read; images pulled with credentials count as preloaded', {
        path: this.#file.path,
        error,
      });
    }
  }

  /** An image that lies here may be used: nobody pulled it with credentials, or with one of these. */
  mayUse(imageRef: string, hashes: readonly string[]): boolean {
    const record = this.#records.get(imageRef);
    return record === undefined || record.open || hashes.some((hash) => record.hashes.includes(hash));
  }

  async pulled(imageRef: string, hash: string | undefined): Promise<void> {
    const before = this.#records.get(imageRef);
    const open = hash === undefined || (before?.open ?? false);
    const hashes = hash === undefined ? (before?.hashes ?? []) : [...new Set([...(before?.hashes ?? []), hash])];
    if (before !== undefined && before.open === open && before.hashes.length === hashes.length) return;
    this.#records.set(imageRef, { open, hashes });
    await this.#save();
  }

  /** Forgets images that are gone. */
  async keepOnly(imageRefs: ReadonlySet<string>): Promise<void> {
    const before = this.#records.size;
    for (const ref of this.#records.keys()) if (!imageRefs.has(ref)) this.#records.delete(ref);
    if (this.#records.size !== before) await this.#save();
  }

  async #save(): Promise<void> {
    await mkdir(dirname(this.#file.path), { recursive: true, mode: 0o700 });
    await this.#file.replace(JSON.stringify(Object.fromEntries(this.#records)));
  }
}
