// pure
// Image references: what is one, and the tag that is meant when none is written.
import { parseImageReference, type ImageReference } from '#api/image-reference.ts';

/** A reference that cannot be read; the message is upstream's. */
export class ImageNameError extends Error {
  override readonly name = 'ImageNameError';
}

/** @throws ImageNameError; Source: parsers.ParseImageName */
export function parseImageName(image: string): ImageReference {
  const found = parseImageReference(image);
  if (found !== undefined) return found;
  throw new ImageNameError(`couldn't parse image name "${image}": invalid reference format${uppercase(image)}`);
}

/** A repository in upper case is refused in words of its own. Source: reference.ParseNormalizedNamed. */
function uppercase(image: string): string {
  const slash = image.indexOf('/');
  const first = slash === -1 ? '' : image.slice(0, slash);
  const path = (/[.:]/.test(first) || first === 'localhost' ? image.slice(slash + 1) : image).split(/[:@]/, 1)[0] as string;
  if (path.toLowerCase() === path) return '';
  return `: repository name (${path.includes('/') ? path : `library/${path}`}) must be lowercase`;
}

/** `docker.io/library/nginx`. @throws ImageNameError */
export function repositoryOf(image: string): string {
  const { domain, path } = parseImageName(image);
  return `${domain}/${path}`;
}

/** The reference with `:latest` when it has neither tag nor digest. @throws ImageNameError; Source: applyDefaultImageTag */
export function withDefaultTag(image: string): string {
  const { tag, digest } = parseImageName(image);
  return digest === '' && tag !== '' && !image.endsWith(`:${tag}`) ? `${image}:${tag}` : image;
}
