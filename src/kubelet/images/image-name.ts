// pure
// Image references: what is one, and the tag that is meant when none is written.

/** A reference that cannot be read; the message is upstream's. */
export class ImageNameError extends Error {
  override readonly name = 'ImageNameError';
}

/** Source: distribution reference regexp.go. */
const DOMAIN = String.raw`(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const PATH_PART = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const REFERENCE = new RegExp(
  String.raw`^((?:${DOMAIN}\/)?${PATH_PART}(?:\/${PATH_PART})*)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);
const MAX_NAME = 255;
const DEFAULT_DOMAIN = 'docker.io';

export interface ImageName {
  /** With its registry: `docker.io/library/nginx`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** @throws ImageNameError; Source: parsers.ParseImageName, reference.ParseNormalizedNamed */
export function parseImageName(image: string): ImageName {
  const fail = (why: string): ImageNameError => new ImageNameError(`couldn't parse image name "${image}": ${why}`);
  if (/^[a-f0-9]{64}$/.test(image)) throw fail(`invalid repository name (${image}), cannot specify 64-byte hexadecimal strings`);
  const slash = image.indexOf('/');
  const first = slash === -1 ? '' : image.slice(0, slash);
  const hasDomain = first !== '' && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const remainder = hasDomain ? image.slice(slash + 1) : image;
  const path = remainder.replace(/[:@].*$/, '');
  if (path.toLowerCase() !== path)
    throw fail('invalid reference format: repository name ' + `(${withLibrary(hasDomain, path)}) must be lowercase`);
  const domain = hasDomain ? (first === 'index.docker.io' ? DEFAULT_DOMAIN : first) : DEFAULT_DOMAIN;
  const full = `${domain}/${domain === DEFAULT_DOMAIN && !remainder.includes('/') ? `library/${remainder}` : remainder}`;
  const match = REFERENCE.exec(full);
  if (match === null) throw fail('invalid reference format');
  const [, repository = '', tag, digest] = match;
  if (repository.length > MAX_NAME) throw fail(`repository name must not be more than ${MAX_NAME} characters`);
  return { repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

function withLibrary(hasDomain: boolean, path: string): string {
  return hasDomain || path.includes('/') ? path : `library/${path}`;
}

/** The reference with `:latest` when it has neither tag nor digest. @throws ImageNameError; Source: applyDefaultImageTag */
export function withDefaultTag(image: string): string {
  const { tag, digest } = parseImageName(image);
  return tag === undefined && digest === undefined ? `${image}:latest` : image;
}
