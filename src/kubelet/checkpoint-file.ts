// A manager's file of what it gave to whom, as JSON with a checksum, written before anybody uses it.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/** The file is not what was written, or of another policy. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

export interface Checkpoint {
  readonly policyName: string;
}

/** `manager`: `CPU`, `memory`, as messages name it. */
export class CheckpointFile<T extends Checkpoint> {
  readonly #path: string;
  readonly #manager: string;

  constructor(path: string, manager: string) {
    this.#path = path;
    this.#manager = manager;
  }

  /** Undefined when there is none. @throws CheckpointError; Error with the kernel's code */
  read(policyName: string): T | undefined {
    const advice = `please drain this node and delete the ${this.#manager} manager checkpoint file "${this.#path}" before restarting Kubelet`;
    const problem = (why: string): CheckpointError => new CheckpointError(`could not restore state from checkpoint: ${why}, ${advice}`);
    let content: string;
    try {
      content = readFileSync(this.#path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    let read: T & { readonly checksum?: number };
    try {
      read = JSON.parse(content) as typeof read;
    } catch (error) {
      throw problem((error as Error).message);
    }
    const { checksum, ...state } = read;
    if (checksum !== checksumOf(state)) throw problem('checkpoint is corrupted');
    if (state.policyName !== policyName)
      throw problem(`configured policy "${policyName}" differs from state checkpoint policy "${state.policyName}"`);
    return state as unknown as T;
  }

  /** Whoever reads finds the old state or the new one. @throws Error with the kernel's code */
  write(state: T): void {
    writeFileSync(`${this.#path}.new`, JSON.stringify({ ...state, checksum: checksumOf(state) }), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }
}

const checksumOf = (state: object): number => crc32(JSON.stringify(state));
