// pure
// Storage as it would be with changes, over storage as it is.
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '#api/types.ts';
import { claimKey, type Storage, StorageOver } from '../plugins/volume-binding/storage.ts';
import type { StorageChange } from './trial-world.ts';

/** What a Storage has besides: names to choose from. */
export interface ListedStorage extends Storage {
  claimsOf(namespace: string): Iterable<PersistentVolumeClaim>;
  storageClasses(): Iterable<StorageClass>;
}

export class TrialStorage extends StorageOver<ListedStorage> implements ListedStorage {
  #claims: ReadonlyMap<string, PersistentVolumeClaim> = new Map();
  #volumes: ReadonlyMap<string, PersistentVolume> = new Map();

  /** Gives what takes it back. */
  apply({ claims = [], volumes = [] }: StorageChange): () => void {
    const before = [this.#claims, this.#volumes] as const;
    this.#claims = new Map([...this.#claims, ...claims.map((claim) => [claimKey(claim), claim] as const)]);
    this.#volumes = new Map([...this.#volumes, ...volumes.map((volume) => [volume.metadata.name, volume] as const)]);
    return () => void ([this.#claims, this.#volumes] = before);
  }

  claimsOf(namespace: string): Iterable<PersistentVolumeClaim> {
    return this.base.claimsOf(namespace);
  }

  /** New ones last. */
  override *volumes(): Iterable<PersistentVolume> {
    for (const volume of this.base.volumes()) if (!this.#volumes.has(volume.metadata.name)) yield volume;
    yield* this.#volumes.values();
  }

  storageClasses(): Iterable<StorageClass> {
    return this.base.storageClasses();
  }

  protected override ownVolume(name: string): PersistentVolume | undefined {
    return this.#volumes.get(name);
  }

  protected override ownClaim(key: string): PersistentVolumeClaim | undefined {
    return this.#claims.get(key);
  }
}
