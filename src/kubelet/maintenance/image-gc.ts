// Removes images nothing uses when the disk fills up.
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import { isSystemError } from '#base/system-error.ts';
import type { CriClient } from '#cri/contract.ts';
import { CriError } from '#cri/errors.ts';
import type { KubeletEvents } from '../events/events.ts';
import type { PullRecords } from '../images/pull-records.ts';
import type { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { bytesToFree, removable, tooLittleFreed, tooOld, type Disk, type ImageGcPolicy, type ImageRecord } from './image-gc-plan.ts';

export interface ImageGcDeps {
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly events: KubeletEvents;
  readonly policy: ImageGcPolicy;
  readonly metrics: KubeletMetrics;
  readonly records: Pick<PullRecords, 'keepOnly'>;
  /** The file system images lie on. */
  readonly disk: () => Promise<Disk>;
  /** Images that always stay, by name: the sandboxes'. */
  readonly keep: readonly string[];
  /** Images that are volumes of pods, as the pods write them. */
  readonly mounted: () => readonly string[];
}

/** A pass that did not bring about what it was for. */
class ImageGcError extends Error {
  override readonly name = 'ImageGcError';
}

interface Seen {
  readonly firstSeen: number;
  lastUsed: number;
}

/** Source: pkg/kubelet/images image_gc_manager.go. */
export class ImageGc {
  readonly #deps: ImageGcDeps;
  readonly #seen = new Map<string, Seen>();
  #failed = false;

  constructor(deps: ImageGcDeps) {
    this.#deps = deps;
  }

  /** One pass by the policy. */
  async collect(): Promise<void> {
    await this.#guarded(async (images, now) => {
      const { policy, disk, logger, events } = this.#deps;
      const old = tooOld(images, policy, now);
      for (const image of old) await this.#remove(image, 'age'); // what cannot be removed is tried again
      const figures = await disk();
      if (figures.capacityBytes === 0) {
        const message = 'invalid capacity 0 on image filesystem';
        events.node('Warning', 'InvalidDiskCapacity', message);
        throw new ImageGcError(message);
      }
      const bytes = bytesToFree(figures, policy);
      if (bytes === 0) return;
      logger.info('Disk usage on image filesystem is over the high threshold, trying to free bytes down to the low threshold', { bytes });
      const left = images.filter((image) => !old.includes(image));
      const freed = await this.#free(removable(left, policy.minAgeMs, now), bytes);
      if (freed >= bytes) return;
      const message = tooLittleFreed(figures, freed);
      events.node('Warning', 'FreeDiskSpaceFailed', message);
      throw new ImageGcError(message);
    });
  }

  /** Removes every image nothing uses, young ones too. Source: DeleteUnusedImages. */
  async removeUnused(): Promise<void> {
    await this.#guarded(async (images, now) => {
      await this.#free(removable(images, 0, now), Infinity);
    });
  }

  async #guarded(pass: (images: readonly ImageRecord[], now: number) => Promise<void>): Promise<void> {
    const { clock, logger, events } = this.#deps;
    try {
      const now = clock.monotonic();
      await pass(await this.#detect(now), now);
      this.#failed = false;
    } catch (error) {
      if (!(error instanceof CriError || error instanceof ImageGcError || isSystemError(error))) throw error;
      logger.warn('Image garbage collection failed', { error });
      // Once may be a runtime that is just coming up. Source: StartGarbageCollection.
      if (this.#failed) events.node('Warning', 'ImageGCFailed', error.message);
      this.#failed = true;
    }
  }

  /** Source: detectImages. */
  async #detect(now: number): Promise<readonly ImageRecord[]> {
    const { cri, keep, mounted, records } = this.#deps;
    const [{ images }, { containers }] = await Promise.all([cri.image.listImages({}), cri.runtime.listContainers({})]);
    const used = new Set(containers.flatMap(({ imageRef, imageId, image }) => [imageRef, imageId, image?.image ?? '']));
    for (const reference of mounted()) {
      const { image } = await cri.image.imageStatus({ image: { image: reference } });
      if (image !== undefined) used.add(image.id);
    }
    const present = new Set(images.map(({ id }) => id));
    for (const id of this.#seen.keys()) if (!present.has(id)) this.#seen.delete(id);
    await records.keepOnly(present);
    return images.map(({ id, size, pinned, repoTags, repoDigests }) => {
      const names = [id, ...repoTags, ...repoDigests];
      const inUse = names.some((name) => used.has(name));
      const seen = this.#seen.get(id) ?? { firstSeen: now, lastUsed: 0 };
      if (inUse) seen.lastUsed = now;
      this.#seen.set(id, seen);
      return {
        id,
        size,
        inUse,
        pinned: pinned || names.some((name) => keep.includes(name)),
        firstSeen: seen.firstSeen,
        lastUsed: seen.lastUsed,
      };
    });
  }

  /** Removes images until `bytes` are free. @returns bytes freed @throws ImageGcError when images could not be removed */
  async #free(images: readonly ImageRecord[], bytes: number): Promise<number> {
    let freed = 0;
    const failures: string[] = [];
    for (const image of images) {
      if (freed >= bytes) break;
      const failure = await this.#remove(image, 'space');
      if (failure === undefined) freed += image.size;
      else failures.push(failure.message);
    }
    if (failures.length === 0) return freed;
    const told = failures.length === 1 ? failures[0] : `[${[...new Set(failures)].join(', ')}]`;
    throw new ImageGcError(`wanted to free ${bytes} bytes, but freed ${freed} bytes space with errors in image deletion: ${told}`);
  }

  /** Says why when it could not be. */
  async #remove({ id, size }: ImageRecord, reason: 'age' | 'space'): Promise<CriError | undefined> {
    const { cri, logger, metrics } = this.#deps;
    try {
      logger.info('Removing image to free bytes', { image: id, size });
      await cri.image.removeImage({ image: { image: id } });
      this.#seen.delete(id);
      metrics.imagesCollected.of(reason).add();
      return undefined;
    } catch (error) {
      if (!(error instanceof CriError)) throw error;
      logger.warn('Removing an image failed', { image: id, error });
      return error;
    }
  }
}
