// Volumes that are the files of an image.
import { mkdir } from 'node:fs/promises';
import type { Pod, Secret, Volume } from '#api/types.ts';
import type { Input } from '#cri/contract.ts';
import type { ImageSpec, PodSandboxConfig } from '#cri/gen/objects.ts';
import type { AnyContainer } from '../pod/containers.ts';
import type { Mounter } from '../volumes/mounter.ts';
import type { KubeletPaths } from '../volumes/paths.ts';
import { namesIn } from '../volumes/exists.ts';
import type { ImageManager } from './image-manager.ts';

/** What a container mounts of an image: a path on the node, or the image itself where the runtime mounts it. */
export type ImageMount = { readonly path: string; readonly readOnly: true } | { readonly image: Input<ImageSpec> };

/** Shows the files of an image at a path: for runtimes that cannot mount images into containers by themselves. */
export interface ImageMounter {
  /** `image`: the runtime's id of one it has. `target` exists and is empty. @throws MountError */
  mount(image: string, target: string): Promise<void>;
  /** Undoes mount; nothing when nothing is mounted there. @throws MountError */
  unmount(target: string): Promise<void>;
}

export interface ImageVolumesDeps {
  readonly images: ImageManager;
  readonly paths: KubeletPaths;
  readonly mounter: Mounter;
  /** Undefined where the runtime mounts images. */
  readonly imageMounter: ImageMounter | undefined;
}

export interface ImageVolumeRequest {
  readonly pod: Pod;
  readonly container: AnyContainer;
  readonly secrets: readonly Secret[];
  readonly sandbox: Input<PodSandboxConfig>;
  readonly signal: AbortSignal | undefined;
}

/** Directory below a pod's volumes. */
const PLUGIN = 'kubernetes.io/image';

/** Source: kubeGenericRuntimeManager getImageVolumes, toKubeContainerImageVolumes. */
export class ImageVolumes {
  readonly #deps: ImageVolumesDeps;

  constructor(deps: ImageVolumesDeps) {
    this.#deps = deps;
  }

  /** The image volumes the container mounts, by name. @throws ImageError when one cannot be had; MountError */
  async ensure(request: ImageVolumeRequest): Promise<ReadonlyMap<string, ImageMount>> {
    const wanted = new Set((request.container.volumeMounts ?? []).map(({ name }) => name));
    const mounts = new Map<string, ImageMount>();
    for (const volume of request.pod.spec.volumes ?? []) {
      if (volume.image !== undefined && wanted.has(volume.name)) mounts.set(volume.name, await this.#ensureOne(volume, request));
    }
    return mounts;
  }

  /** Before the pod's directory goes. @throws MountError */
  async release(podUid: string): Promise<void> {
    const { imageMounter, paths } = this.#deps;
    if (imageMounter === undefined) return;
    for (const name of await namesIn(paths.volumesOf(podUid, PLUGIN))) await imageMounter.unmount(paths.volume(podUid, PLUGIN, name));
  }

  async #ensureOne({ name, image: source }: Volume, { pod, secrets, sandbox, signal }: ImageVolumeRequest): Promise<ImageMount> {
    const { images, paths, mounter, imageMounter } = this.#deps;
    const reference = source?.reference ?? '';
    const ref = await images.ensure({
      pod,
      containerName: undefined,
      image: reference,
      pullPolicy: source?.pullPolicy ?? 'IfNotPresent',
      secrets,
      sandbox,
      signal,
    });
    if (imageMounter === undefined) return { image: { image: ref, userSpecifiedImage: reference } };
    const path = paths.volume(pod.metadata.uid, PLUGIN, name);
    if (!(await mounter.list()).some((mount) => mount.path === path)) {
      await mkdir(path, { recursive: true, mode: 0o750 });
      await imageMounter.mount(ref, path);
    }
    return { path, readOnly: true };
  }
}

/** References of all images that volumes of these pods are made of. */
export function imageVolumeReferences(pods: Iterable<Pod>): readonly string[] {
  const references = new Set<string>();
  for (const { spec } of pods)
    for (const { image } of spec.volumes ?? []) if (image?.reference !== undefined) references.add(image.reference);
  return [...references];
}
