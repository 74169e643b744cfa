// A file of what the kubelet must know after a restart: replaced whole, one write after the other.
import { readFile, rename, writeFile } from 'node:fs/promises';

export class StateFile {
  readonly path: string;
  readonly #flush: boolean;
  #settled: Promise<void> = Promise.resolve();

  /** `flush`: what is written survives a power failure. */
  constructor(path: string, { flush = false }: { readonly flush?: boolean } = {}) {
    this.path = path;
    this.#flush = flush;
  }

  /** Undefined when there is none. @throws Error with the kernel's code */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Whoever reads finds the old text or the new one. @throws Error with the kernel's code */
  replace(text: string): Promise<void> {
    const fresh = `${this.path}.new`;
    const replaced = this.#settled.then(async () => {
      await writeFile(fresh, text, { flush: this.#flush, mode: 0o600 });
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
