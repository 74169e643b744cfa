// pure
// Prefers nodes that have the pod's images, large ones above all, and not when only few have them. Source: plugins/imagelocality.
import { MAX_NODE_SCORE, type Plugin } from '../framework/plugin.ts';
import { podImages } from '../state/images.ts';
import { PLUGIN } from './names.ts';

const MEGABYTE = 1024 * 1024;
/** Less than this in all counts for nothing. Source: minThreshold. */
const MIN_BYTES = 23 * MEGABYTE;
/** More than this for each container counts no more. Source: maxContainerThreshold. */
const MAX_BYTES_PER_CONTAINER = 1000 * MEGABYTE;

/** `bytes`: sizes of the images that are there, each scaled by the share of nodes that have it. Source: calculatePriority. */
export function imageScore(bytes: number, containers: number): number {
  const max = MAX_BYTES_PER_CONTAINER * containers;
  const clamped = Math.min(Math.max(bytes, MIN_BYTES), max);
  return Math.floor((MAX_NODE_SCORE * (clamped - MIN_BYTES)) / (max - MIN_BYTES));
}

export const imageLocality: Plugin = {
  name: PLUGIN.imageLocality,
  sign: (pod) => podImages(pod).toSorted(),
  preScore({ pod }, cluster) {
    // Where no node has any of them, all nodes get the same.
    const images = podImages(pod).filter((image) => cluster.imageSpread(image) > 0);
    if (images.length === 0) return undefined;
    const containers = (pod.spec.initContainers?.length ?? 0) + pod.spec.containers.length;
    const shares = images.map((image) => cluster.imageSpread(image) / cluster.nodeCount);
    return {
      scope: 'node',
      normalize: 'none',
      score(slot) {
        let bytes = 0;
        images.forEach((image, i) => {
          const size = cluster.imageSize(slot, image);
          if (size !== undefined) bytes += Math.floor(size * (shares[i] as number));
        });
        return imageScore(bytes, containers);
      },
    };
  },
};
