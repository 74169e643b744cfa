// Registry credentials from pull secrets, and which of them fit an image.
import { createHash } from 'node:crypto';
import { trimEnd } from '#base/trim-end.ts';
import type { Secret } from '#api/types.ts';

export interface ObjectId {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** With neither of the last two it is the node's own. */
export interface Credential {
  readonly username: string;
  readonly password: string;
  readonly identityToken?: string;
  /** The pull secret it came from. */
  readonly secret?: ObjectId;
  /** For whose token a credential provider gave it. */
  readonly serviceAccount?: ObjectId;
}

export interface Entry {
  /** `registry.example.com/team` without scheme; host labels may be globs. */
  readonly pattern: string;
  readonly credential: Credential;
}

interface DockerAuth {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

const DEFAULT_REGISTRIES: ReadonlySet<string> = new Set(['docker.io', 'index.docker.io', 'registry-1.docker.io']);

/** Entries of pull secrets; what cannot be read is skipped. Source: MakeDockerKeyring. */
export function secretEntries(secrets: readonly Secret[]): readonly Entry[] {
  return secrets.flatMap(({ type, data, metadata: { namespace, name, uid } }) => {
    const secret = { namespace, name, uid };
    if (type === 'kubernetes.io/dockerconfigjson') return configEntries(decode(data?.['.dockerconfigjson']), secret);
    if (type === 'kubernetes.io/dockercfg') return authEntries(parse(decode(data?.['.dockercfg'])), secret);
    return [];
  });
}

/** Entries of a `config.json`. */
export function configEntries(text: string, secret?: Credential['secret']): readonly Entry[] {
  const config = parse(text) as { readonly auths?: unknown } | undefined;
  return authEntries(config?.auths, secret);
}

function authEntries(auths: unknown, secret: Credential['secret']): readonly Entry[] {
  if (typeof auths !== 'object' || auths === null) return [];
  return Object.entries(auths as Readonly<Record<string, DockerAuth>>).map(([url, auth]) => {
    const [username = '', ...rest] = auth.auth === undefined ? [] : decode(auth.auth).split(':');
    return {
      pattern: patternOf(url),
      credential: {
        username: auth.username ?? username,
        password: auth.password ?? trimEnd(rest.join(':'), '\0'),
        ...(auth.identitytoken === undefined ? {} : { identityToken: auth.identitytoken }),
        ...(secret === undefined ? {} : { secret }),
      },
    };
  });
}

/** Without the scheme and the version of the registry's API. */
export const patternOf = (url: string): string => trimEnd(url.replace(/^https?:\/\//, ''), '/').replace(/\/v[12]$/, '');

function decode(base64: string | undefined): string {
  return base64 === undefined ? '' : Buffer.from(base64, 'base64').toString('utf8');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // validated by the API server; another writer's mistake
    throw error;
  }
}

/** Those that fit `repository` (`docker.io/library/nginx`), the most specific first. Source: BasicDockerKeyring.Lookup. */
export function matchingCredentials(entries: readonly Entry[], repository: string): readonly Credential[] {
  return entries
    .filter(({ pattern }) => matchesRepository(pattern, repository))
    .toSorted((a, b) => (a.pattern < b.pattern ? 1 : a.pattern > b.pattern ? -1 : 0))
    .map(({ credential }) => credential);
}

/** Source: URLsMatch: equal ports, as many host labels, each a glob, and the path a prefix. */
export function matchesRepository(pattern: string, repository: string): boolean {
  const [host, path] = split(pattern);
  const [imageHost, imagePath] = split(repository);
  if (DEFAULT_REGISTRIES.has(host) && DEFAULT_REGISTRIES.has(imageHost)) return imagePath.startsWith(path);
  const [name, port = ''] = host.split(':');
  const [imageName, imagePort = ''] = imageHost.split(':');
  if (port !== imagePort) return false;
  const labels = (name ?? '').split('.');
  const imageLabels = (imageName ?? '').split('.');
  if (labels.length !== imageLabels.length) return false;
  return labels.every((label, index) => glob(label, imageLabels[index] as string)) && imagePath.startsWith(path);
}

function split(url: string): readonly [host: string, path: string] {
  const slash = url.indexOf('/');
  return slash === -1 ? [url, ''] : [url.slice(0, slash), url.slice(slash)];
}

function glob(pattern: string, text: string): boolean {
  if (!pattern.includes('*')) return pattern === text;
  const source = pattern.split('*').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${source.join('[^.]*')}$`).test(text);
}

/** Says whether two credentials are the same without keeping either. */
export function credentialHash({ username, password, identityToken = '' }: Credential): string {
  return createHash('sha256')
    .update(JSON.stringify([username, password, identityToken]))
    .digest('hex');
}
