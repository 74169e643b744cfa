// Proa's own pause image: one static program of some 230 bytes that holds a pod's namespaces open.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importImage, type ImportTarget, pinImage } from '../image/import.ts';
import { type Architecture, buildImage, hostArchitecture, type OciImage } from '../image/oci-image.ts';
import type { Image } from '../gen/objects.ts';
import { ARM64_CODE } from './arm64.ts';
import { elfExecutable } from './elf.ts';
import { X86_64_CODE } from './x86-64.ts';

/** What containerd's `sandbox_image` is set to. The number grows with the program. */
export const PAUSE_IMAGE = 'proa.local/pause:1';

const CODE: Readonly<Record<Architecture, Uint8Array>> = { amd64: X86_64_CODE, arm64: ARM64_CODE };

/** `folder`: an empty or absent folder for the image's layout. */
export function buildPauseImage(folder: string, architecture: Architecture = hostArchitecture()): Promise<OciImage> {
  const program = elfExecutable(architecture, CODE[architecture]);
  return buildImage({
    name: PAUSE_IMAGE,
    folder,
    architecture,
    layers: [{ kind: 'files', files: [{ path: '/pause', content: { bytes: program }, mode: 0o755 }] }],
    // Source: kubernetes build/pause/Dockerfile: nobody in particular, so that a shared process namespace gives no rights.
    config: { entrypoint: ['/pause'], user: '65535:65535' },
  });
}

/**
 * Makes sure that sandboxes can start: builds and imports the image unless it is there. Safe to repeat.
 * @throws ProgramError, ImageImportError, CriError
 */
export async function ensurePauseImage(target: ImportTarget): Promise<Image> {
  const { image } = await target.images.imageStatus({ image: { image: PAUSE_IMAGE } });
  if (image !== undefined) return image;
  const folder = await mkdtemp(join(tmpdir(), 'proa-pause-'));
  try {
    const imported = await importImage(await buildPauseImage(folder), target);
    await pinImage(PAUSE_IMAGE, target);
    return imported;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
