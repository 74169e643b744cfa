// Names of container images: `registry.example:5000/team/app:1.2@sha256:…`. Source: distribution reference,
// kubernetes pkg/util/parsers ParseImageName.

export interface ImageReference {
  /** `docker.io` when the name has none. */
  readonly domain: string;
  /** `library/nginx`. */
  readonly path: string;
  /** `latest` when neither tag nor digest is given; empty with a digest alone. */
  readonly tag: string;
  /** `sha256:…`; empty for none. */
  readonly digest: string;
}

const COMPONENT = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const DOMAIN = String.raw`(?:${COMPONENT}(?:\.${COMPONENT})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?`;
const PATH_COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(
  String.raw`^(${DOMAIN})/(${PATH_COMPONENT}(?:/${PATH_COMPONENT})*)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$`,
);
const IDENTIFIER = /^[a-f0-9]{64}$/;
const MAX_NAME_LENGTH = 255;

/** Undefined for a name no image can have. */
export function parseImageReference(image: string): ImageReference | undefined {
  if (IDENTIFIER.test(image)) return undefined;
  const match = REFERENCE.exec(withDomain(image));
  if (match === null) return undefined;
  const [, domain = '', path = '', tag = '', digest = ''] = match;
  if (domain.length + 1 + path.length > MAX_NAME_LENGTH) return undefined;
  return { domain, path, tag: tag === '' && digest === '' ? 'latest' : tag, digest };
}

/** Source: reference.splitDockerDomain. */
function withDomain(image: string): string {
  const slash = image.indexOf('/');
  const first = slash === -1 ? '' : image.slice(0, slash);
  const isDomain = first !== '' && (/[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first);
  const domain = !isDomain || first === 'index.docker.io' ? 'docker.io' : first;
  const rest = isDomain ? image.slice(slash + 1) : image;
  return `${domain}/${domain === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest}`;
}
