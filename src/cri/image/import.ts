// Brings images into containerd without a registry. CRI has no call for that, so containerd's own client does it.
import { type Clock, wait } from '#base/clock.ts';
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ImageService } from '../gen/services.ts';
import type { Image } from '../gen/objects.ts';
import { imageArchive, type OciImage } from './oci-image.ts';
import { ProgramError } from '#base/program.ts';
import { ctr } from '../ctr.ts';
import { normalizeReference } from './reference.ts';

export interface ImportTarget {
  /** containerd's socket, a path: its own services are there beside CRI. */
  readonly address: string;
  /** The same containerd over CRI. */
  readonly images: ImageService;
  readonly clock: Clock;
  /** The snapshotter that containerd's CRI is configured with. Default: overlayfs. */
  readonly snapshotter?: string;
  readonly signal?: AbortSignal;
}

/** containerd tells its CRI part of a new image by an event, which has no end that could be awaited. Milliseconds. */
const LOOK_EVERY_MS = 10;
const LOOK_FOR_MS = 10_000;

export class ImageImportError extends Error {
  override readonly name = 'ImageImportError';
}

/**
 * Imports the image and resolves once pods can use it.
 * @throws ProgramError with containerd's words when it refuses; ImageImportError when CRI does not come to see the image
 */
export async function importImage(image: OciImage, target: ImportTarget): Promise<Image> {
  await ctrImport(imageArchive(image), target);
  return seen(image.name, target);
}

/** What containerd says of bytes that are not what they should be, rather than of itself. */
const OF_THE_ARCHIVE = /unrecognized image format|archive\/tar|gzip|zstd|unexpected EOF|unexpected commit digest/;

/**
 * Imports an archive file: OCI layout or `docker save`, with one or more named images in it.
 * @throws ImageImportError when it is no archive, names no image, containerd refuses it, or CRI does not come to see one
 */
export async function importArchive(path: string, target: ImportTarget): Promise<Image[]> {
  const said = await ctrImport(createReadStream(path), target).catch((error: unknown) => {
    if (!(error instanceof ProgramError)) throw error;
    const why = error.stderr.trim();
    const said = OF_THE_ARCHIVE.test(why) ? `it is no archive of OCI or Docker images, or damaged (${why})` : why || error.message;
    throw new ImageImportError(`${path} cannot be imported: ${said}`, { cause: error });
  });
  const names = [...said.matchAll(/^(?:unpacking )?(\S+[:@]\S+)(?: \(sha256:|\s+saved)/gm)].map(([, name]) => name as string);
  if (names.length === 0) throw new ImageImportError(`${path} names no image; containerd said: ${said.trim()}`);
  return Promise.all(names.map((name) => seen(name, target)));
}

/** Keeps the image from being removed to free disk space. Source: containerd pkg/cri/labels PinnedImageLabelKey (1.7). */
export async function pinImage(name: string, target: ImportTarget): Promise<void> {
  const { address, signal } = target;
  const args = ['images', 'label', normalizeReference(name), 'io.cri-containerd.pinned=pinned'];
  await ctr(address, args, signal === undefined ? {} : { signal });
}

function ctrImport(input: Readable, { address, snapshotter = 'overlayfs', signal }: ImportTarget): Promise<string> {
  const args = ['images', 'import', `--snapshotter=${snapshotter}`, '-'];
  return ctr(address, args, { input, ...(signal === undefined ? {} : { signal }) });
}

async function seen(name: string, { images, clock, signal }: ImportTarget): Promise<Image> {
  const deadline = clock.monotonic() + LOOK_FOR_MS;
  for (;;) {
    const { image } = await images.imageStatus({ image: { image: name } }, signal === undefined ? {} : { signal });
    if (image !== undefined) return image;
    if (clock.monotonic() > deadline) throw new ImageImportError(`containerd imported ${name}, but its CRI does not list it`);
    await wait(clock, LOOK_EVERY_MS, signal);
  }
}
