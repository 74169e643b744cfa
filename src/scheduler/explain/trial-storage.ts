// pure
// Storage as it would be with changes, over storage as it is.
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  VolumeAttachment,
} from '#api/types.ts';
import { claimKey, type Storage } from '../plugins/volume-binding/storage.ts';
import type { StorageChange } from './trial-world.ts';

/** What a Storage has besides: names to choose from. */
export interface ListedStorage extends Storage {
  claimsOf(namespace: string): Iterable<PersistentVolumeClaim>;
  storageClasses(): Iterable<StorageClass>;
}

export class TrialStorage implements ListedStorage {
  readonly #base: ListedStorage;
  #claims: ReadonlyMap<string, PersistentVolumeClaim> = new Map();
  #volumes: ReadonlyMap<string, PersistentVolume> = new Map();

  constructor(base: ListedStorage) {
    this.#base = base;
  }

  /** Gives what takes it back. */
  apply({ claims = [], volumes = [] }: StorageChange): () => void {
    const before = [this.#claims, this.#volumes] as const;
    this.#claims = new Map([...this.#claims, ...claims.map((claim) => [claimKey(claim), claim] as const)]);
    this.#volumes = new Map([...this.#volumes, ...volumes.map((volume) => [volume.metadata.name, volume] as const)]);
    return () => void ([this.#claims, this.#volumes] = before);
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#claims.get(`${namespace}/${name}`) ?? this.#base.claim(namespace, name);
  }

  claimsOf(namespace: string): Iterable<PersistentVolumeClaim> {
    return this.#base.claimsOf(namespace);
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#volumes.get(name) ?? this.#base.volume(name);
  }

  *volumes(): Iterable<PersistentVolume> {
    for (const volume of this.#base.volumes()) if (!this.#volumes.has(volume.metadata.name)) yield volume;
    yield* this.#volumes.values();
  }

  storageClass(name: string): StorageClass | undefined {
    return this.#base.storageClass(name);
  }

  storageClasses(): Iterable<StorageClass> {
    return this.#base.storageClasses();
  }

  driver(name: string): CSIDriver | undefined {
    return this.#base.driver(name);
  }

  capacities(): Iterable<CSIStorageCapacity> {
    return this.#base.capacities();
  }

  csiNode(name: string): CSINode | undefined {
    return this.#base.csiNode(name);
  }

  attachments(node: string): Iterable<VolumeAttachment> {
    return this.#base.attachments(node);
  }

  spareVolumes(node: string): number {
    return this.#base.spareVolumes(node);
  }
}
