// Pods with `hostUsers: false` get user and group ids of their own, which they keep over restarts of the kubelet.
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Pod } from '#api/types.ts';
import type { KnownPods } from '../pod/known-pods.ts';
import { namesIn } from '../volumes/exists.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import { MappingsError, nextRange, readMappings, writeMappings, type IdRange } from './range-plan.ts';

/** Name of the file in a pod's directory. Source: mappingsFile. */
const MAPPINGS_FILE = 'userns';

/** The pod cannot have a user namespace; the message is upstream's. */
export class UserNamespaceError extends Error {
  override readonly name = 'UserNamespaceError';
}

export interface UserNamespacesDeps {
  readonly paths: KubeletPaths;
  /** As many pods can have ids of their own. */
  readonly maxPods: number;
  /** Whether the runtime's handler of that name can. */
  readonly supports: (runtimeHandler: string) => boolean;
}

/** Source: pkg/kubelet/userns UsernsManager. */
export class UserNamespaces {
  readonly #deps: UserNamespacesDeps;
  readonly #ranges = new Map<string, IdRange>();
  /** Ranges are given one at a time: the directory is read and written in between. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(deps: UserNamespacesDeps) {
    this.#deps = deps;
  }

  /**
   * Finds what pods have since before the kubelet was started.
   * @throws MappingsError: with ids of a pod unknown, others could be given the same
   */
  async load(): Promise<void> {
    for (const uid of await namesIn(this.#deps.paths.pods())) {
      const range = await this.#read(uid);
      if (range !== undefined) this.#ranges.set(uid, range);
    }
  }

  /**
   * The pod's range, found or given; undefined for a pod that runs with the node's ids.
   * @throws UserNamespaceError; Source: GetOrCreateUserNamespaceMappings
   */
  async ensure(pod: Pod, runtimeHandler: string): Promise<IdRange | undefined> {
    if (pod.spec.hostUsers !== false) return undefined;
    if (!this.#deps.supports(runtimeHandler)) {
      const who = runtimeHandler === '' ? 'runtime' : `RuntimeClass handler "${runtimeHandler}"`;
      throw new UserNamespaceError(`can't set \`spec.hostUsers: false\`, ${who} does not support user namespaces`);
    }
    const given = this.#turn.then(() => this.#give(pod.metadata.uid));
    this.#turn = given.catch(() => undefined);
    return given;
  }

  /** The pod's directory is gone. */
  release(uid: string): void {
    this.#ranges.delete(uid);
  }

  keepOnly(known: KnownPods): void {
    for (const uid of this.#ranges.keys()) if (!known.has(uid)) this.#ranges.delete(uid);
  }

  async #give(uid: string): Promise<IdRange> {
    try {
      const known = this.#ranges.get(uid) ?? (await this.#read(uid));
      if (known !== undefined) return known;
    } catch (error) {
      if (!(error instanceof MappingsError)) throw error;
      throw new UserNamespaceError(`user namespace: ${error.message}`);
    }
    const range = nextRange(this.#ranges.values(), this.#deps.maxPods);
    if (range === undefined) {
      throw new UserNamespaceError('create user namespace: could not find an empty slot to allocate a user namespace');
    }
    await this.#write(uid, range);
    this.#ranges.set(uid, range);
    return range;
  }

  /** @throws MappingsError */
  async #read(uid: string): Promise<IdRange | undefined> {
    try {
      return readMappings(await readFile(join(this.#deps.paths.pod(uid), MAPPINGS_FILE), 'utf8'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Durable before anything runs with the ids: they must not be given twice after a power failure. */
  async #write(uid: string, range: IdRange): Promise<void> {
    const folder = this.#deps.paths.pod(uid);
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const path = join(folder, MAPPINGS_FILE);
    const temporary = `${path}.new`;
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(writeMappings(range));
      await file.sync();
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    const directory = await open(folder, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }
}
