// A file of what the kubelet must know after a restart: replaced whole, one write after the other.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

/** The file is not what was written. */
export class StateDamagedError extends Error {
  override readonly name = 'StateDamagedError';
}

/** A line with the checksum of the rest, in hex, stands before the text; files from before there was one have none. */
export class StateFile {
  readonly path: string;
  readonly #flush: boolean;
  #settled: Promise<void> = Promise.resolve();

  /** `flush`: what is written survives a power failure. */
  constructor(path: string, { flush = false }: { readonly flush?: boolean } = {}) {
    this.path = path;
    this.#flush = flush;
  }

  /** Undefined when there is none. @throws StateDamagedError; Error with the kernel's code */
  async read(): Promise<string | undefined> {
    try {
      const content = await readFile(this.path, 'utf8');
      if (/^[[{]/.test(content)) return content;
      const text = content.slice(content.indexOf('\n') + 1);
      if (content !== withChecksum(text)) throw new StateDamagedError(`${this.path} is damaged`);
      return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Whoever reads finds the old text or the new one. @throws Error with the kernel's code */
  replace(text: string): Promise<void> {
    const fresh = `${this.path}.new`;
    const replaced = this.#settled.then(async () => {
      await writeFile(fresh, withChecksum(text), { flush: this.#flush, mode: 0o600 });
      await rename(fresh, this.path);
    });
    this.#settled = replaced.catch(() => {}); // it is whoever asked that is told
    return replaced;
  }

  /** Resolves when no write is under way. */
  get settled(): Promise<void> {
    return this.#settled;
  }
}

const withChecksum = (text: string): string => `${crc32(text).toString(16).padStart(8, '0')}\n${text}`;
