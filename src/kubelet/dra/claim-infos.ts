// What this node knows of claims that its pods use, kept over a restart: a claim that a driver has prepared must be given back
// to it, whatever happens to the pod. Source: pkg/kubelet/cm/dra claiminfo.go, state.
import { join } from 'node:path';
import type { Logger } from '#base/log.ts';
import { isSystemError } from '#base/system-error.ts';
import type { ClaimReference, PreparedDevice } from '../plugins/plugin-api.ts';
import { StateFile } from '../state-file.ts';

export interface ClaimInfo extends ClaimReference {
  /** Uids of pods that the claim is prepared for. */
  readonly pods: Set<string>;
  /** What each driver prepared; empty until it has. */
  readonly drivers: Map<string, readonly PreparedDevice[]>;
  /** By this run of the kubelet. */
  prepared: boolean;
}

/** As it is in the file. */
interface Kept extends ClaimReference {
  readonly podUIDs: readonly string[];
  readonly driverState: Readonly<Record<string, readonly PreparedDevice[]>>;
}

export class ClaimInfos {
  readonly #file: StateFile;
  readonly #logger: Logger;
  readonly #infos = new Map<string, ClaimInfo>();

  constructor(rootDir: string, logger: Logger) {
    this.#file = new StateFile(join(rootDir, 'dra_manager_state'), { flush: true });
    this.#logger = logger;
  }

  /** @throws Error when there is a file that cannot be read: pods' devices would be forgotten */
  async load(): Promise<void> {
    try {
      const text = (await this.#file.read()) ?? '[]';
      for (const { podUIDs, driverState, ...reference } of JSON.parse(text) as readonly Kept[])
        this.add({ ...reference, pods: new Set(podUIDs), drivers: new Map(Object.entries(driverState)), prepared: false });
    } catch (error) {
      if (isSystemError(error)) throw error;
      throw new Error(`${this.#file.path} is damaged: drain the node and remove the file`, { cause: error });
    }
    this.#logger.debug('claims of an earlier run', { claims: this.#infos.size });
  }

  get(namespace: string, name: string): ClaimInfo | undefined {
    return this.#infos.get(`${namespace}/${name}`);
  }

  add(info: ClaimInfo): void {
    this.#infos.set(`${info.namespace}/${info.name}`, info);
  }

  delete({ namespace, name }: ClaimReference): void {
    this.#infos.delete(`${namespace}/${name}`);
  }

  all(): readonly ClaimInfo[] {
    return [...this.#infos.values()];
  }

  ofPod(uid: string): readonly ClaimInfo[] {
    return [...this.#infos.values()].filter(({ pods }) => pods.has(uid));
  }

  pods(): ReadonlySet<string> {
    return new Set([...this.#infos.values()].flatMap(({ pods }) => [...pods]));
  }

  /** Resolves once what is known now is on disk. @throws Error when it cannot be written */
  save(): Promise<void> {
    const kept = [...this.#infos.values()].map(({ namespace, name, uid, pods, drivers }): Kept => ({
      namespace,
      name,
      uid,
      podUIDs: [...pods],
      driverState: Object.fromEntries(drivers),
    }));
    return this.#file.replace(JSON.stringify(kept));
  }
}
