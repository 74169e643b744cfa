// pure
// Image references as container runtimes understand them.

export interface ImageReference {
  /** `docker.io`, `registry.example.com:5000` */
  readonly registry: string;
  /** `library/nginx` */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:…` */
  readonly digest?: string;
}

const DEFAULT_REGISTRY = 'docker.io';
const DEFAULT_NAMESPACE = 'library';
const DEFAULT_TAG = 'latest';

/** Source: distribution/reference regexp.go: path components, tag, digest. */
const REPOSITORY = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const REGISTRY =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;
const TAG = /^[\w][\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** Source: distribution/reference NameTotalLengthMax. */
const LONGEST_NAME = 255;

/**
 * Reads a reference with Docker's short forms: `nginx` is `docker.io/library/nginx:latest`.
 * Source: distribution/reference ParseDockerRef.
 * @throws RangeError for what is no reference
 */
export function parseReference(text: string): ImageReference {
  const invalid = (): never => {
    throw new RangeError(`invalid reference format: ${JSON.stringify(text)}`);
  };
  const at = text.indexOf('@');
  const digest = at === -1 ? undefined : text.slice(at + 1);
  const named = at === -1 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const hasTag = colon > named.lastIndexOf('/');
  const tag = hasTag ? named.slice(colon + 1) : undefined;
  const { registry, repository } = splitName(hasTag ? named.slice(0, colon) : named);

  if (!REGISTRY.test(registry) || !REPOSITORY.test(repository) || registry.length + repository.length >= LONGEST_NAME) invalid();
  if (tag !== undefined && !TAG.test(tag)) invalid();
  if (digest !== undefined && !DIGEST.test(digest)) invalid();
  const ending = { ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
  return { registry, repository, ...(tag === undefined && digest === undefined ? { tag: DEFAULT_TAG } : ending) };
}

function splitName(name: string): { readonly registry: string; readonly repository: string } {
  const slash = name.indexOf('/');
  const first = slash === -1 ? '' : name.slice(0, slash);
  const isRegistry = first.includes('.') || first.includes(':') || first === 'localhost' || first !== first.toLowerCase();
  const registry = isRegistry ? (first === 'index.docker.io' ? DEFAULT_REGISTRY : first) : DEFAULT_REGISTRY;
  const path = isRegistry ? name.slice(slash + 1) : name;
  return { registry, repository: registry === DEFAULT_REGISTRY && !path.includes('/') ? `${DEFAULT_NAMESPACE}/${path}` : path };
}

/** The full form, which is the name the runtime keeps an image under. With a digest, the tag is left out. */
export function formatReference({ registry, repository, tag, digest }: ImageReference): string {
  return `${registry}/${repository}${digest === undefined ? `:${tag ?? DEFAULT_TAG}` : `@${digest}`}`;
}

/** The full form of a reference as people write it. @throws RangeError as parseReference */
export function normalizeReference(text: string): string {
  return formatReference(parseReference(text));
}
