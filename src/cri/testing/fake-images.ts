// The fake's image service: what containerd answers, over a map.
import { createHash } from 'node:crypto';
import type { Input } from '../contract.ts';
import { CriError } from '../errors.ts';
import type {
  ImageFsInfoResponse,
  ImageStatusRequest,
  ImageStatusResponse,
  ListImagesResponse,
  PullImageRequest,
  PullImageResponse,
  RemoveImageRequest,
} from '../gen/calls.ts';
import type { Image } from '../gen/objects.ts';
import { normalizeReference } from '../image/reference.ts';

export interface FakeImageOptions {
  /** Bytes. */
  readonly size?: number;
  /** User the image's programs run as; absent for root by default. */
  readonly uid?: number;
  readonly username?: string;
  readonly pinned?: boolean;
}

export class FakeImages {
  readonly #local = new Map<string, Image>();
  readonly #remote = new Map<string, Image>();

  /** Makes an image local, as an import does. @returns as CRI shows it */
  add(name: string, options: FakeImageOptions = {}): Image {
    const image = makeImage(name, options);
    this.#local.set(image.id, image);
    return image;
  }

  /** Lets an image be pulled. */
  publish(name: string, options: FakeImageOptions = {}): void {
    this.#remote.set(normalizeReference(name), makeImage(name, options));
  }

  /** By name in any form, digest, id or the first characters of the id. */
  find(name: string): Image | undefined {
    const reference = reads(name);
    for (const image of this.#local.values()) {
      const hex = image.id.slice('sha256:'.length);
      if (image.id === name || (name.length > 0 && hex.startsWith(name))) return image;
      if (reference !== undefined && [...image.repoTags, ...image.repoDigests].includes(reference)) return image;
    }
    return undefined;
  }

  get all(): readonly Image[] {
    return [...this.#local.values()];
  }

  readonly handlers = {
    listImages: (): Input<ListImagesResponse> => ({ images: this.all }),
    imageStatus: ({ image }: ImageStatusRequest): Input<ImageStatusResponse> => ({ image: this.find(image?.image ?? '') }),
    pullImage: ({ image }: PullImageRequest): Input<PullImageResponse> => this.#pull(image?.image ?? ''),
    removeImage: ({ image }: RemoveImageRequest): Record<string, never> => {
      this.#local.delete(this.find(image?.image ?? '')?.id ?? '');
      return {};
    },
    imageFsInfo: (): Input<ImageFsInfoResponse> => {
      const used = this.all.reduce((total, { size }) => total + size, 0);
      return {
        imageFilesystems: [{ fsId: { mountpoint: '/var/lib/fake' }, usedBytes: { value: used }, inodesUsed: { value: this.all.length } }],
      };
    },
  };

  #pull(name: string): Input<PullImageResponse> {
    const unknown = (details: string): CriError => new CriError({ code: 'Unknown', details, method: 'PullImage' });
    const reference = reads(name);
    if (reference === undefined) throw unknown(`failed to parse image reference "${name}": invalid reference format`);
    const image = this.#remote.get(reference);
    if (image === undefined) {
      const details = `failed to pull and unpack image "${reference}": failed to resolve reference "${reference}": ${reference}: not found`;
      throw new CriError({ code: 'NotFound', details, method: 'PullImage' });
    }
    this.#local.set(image.id, image);
    return { imageRef: image.id };
  }
}

function reads(name: string): string | undefined {
  try {
    return normalizeReference(name);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** Bytes; nothing in particular, but a kubelet refuses an image of none. Source: cri-client remote_image.go. */
const SIZE = 1_000_000;

function makeImage(name: string, { size = SIZE, uid, username = '', pinned = false }: FakeImageOptions): Image {
  const reference = normalizeReference(name);
  const hash = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`;
  return {
    id: hash(reference),
    repoTags: reference.includes('@') ? [] : [reference],
    repoDigests: [
      `${reference.replace(/@.*|:[^:/]*$/, '')}@${reference.includes('@') ? reference.split('@')[1] : hash(`manifest of ${reference}`)}`,
    ],
    size,
    username,
    pinned,
    ...(uid === undefined ? {} : { uid: { value: uid } }),
  };
}
