// Registry credentials from programs on the node, kept as long as they say. Source: pkg/credentialprovider/plugin.
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { StatusError } from '#apimachinery/errors.ts';
import { parseYaml, YamlError } from '#apimachinery/yaml.ts';
import type { Logger } from '#base/log.ts';
import { serviceaccounts } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { ConnectionError, type Client } from '#client/contract.ts';
import type { TokenManager } from '../volumes/tokens.ts';
import { askPlugin, CredentialPluginError, type CredentialPluginDeps, type CredentialRequest } from './credential-plugin.ts';
import {
  type CredentialProvider,
  CredentialProviderConfigError,
  credentialProviderProblems,
  readCredentialProviderConfig,
} from './credential-provider-config.ts';
import { matchesRepository, type Entry, type ObjectId } from './credentials.ts';

/** Milliseconds between two removals of what has expired. Source: cachePurgeInterval. */
const PURGE_MS = 15 * 60_000;

export interface CredentialProviders {
  /** For the pull of `repository` (`docker.io/library/nginx`) by `pod`. A provider that fails is logged and has none. */
  entries(repository: string, pod: Pod): Promise<readonly Entry[]>;
}

export const NO_CREDENTIAL_PROVIDERS: CredentialProviders = { entries: () => Promise.resolve([]) };

export interface CredentialProvidersDeps extends CredentialPluginDeps {
  readonly client: Client;
  readonly tokens: TokenManager;
  readonly logger: Logger;
}

/** `path`: a file, or a folder of `.json`, `.yaml` and `.yml` ones. @throws CredentialProviderConfigError */
export function credentialProviders(path: string, deps: CredentialProvidersDeps): CredentialProviders {
  if (!isFolder(deps.binDir)) throw new CredentialProviderConfigError(`plugin binary directory ${deps.binDir} did not exist`);
  const providers = readFiles(path);
  const problems = credentialProviderProblems(providers);
  if (problems.length > 0) throw new CredentialProviderConfigError(`failed to validate credential provider config: ${shown(problems)}`);
  for (const { name } of providers) {
    if (!isProgram(join(deps.binDir, name)))
      throw new CredentialProviderConfigError(`plugin binary executable ${join(deps.binDir, name)} did not exist`);
  }
  const askers = providers.map((provider) => new Asker(provider, deps));
  return {
    async entries(repository, pod) {
      return (await Promise.all(askers.map((asker) => asker.entries(repository, pod)))).flat();
    },
  };
}

/** Source: readCredentialProviderConfig. */
function readFiles(path: string): readonly CredentialProvider[] {
  const found = filesAt(path).flatMap((file) => {
    try {
      return readCredentialProviderConfig(parseYaml(readFileSync(file, 'utf8')));
    } catch (error) {
      if (!(error instanceof CredentialProviderConfigError || error instanceof YamlError)) throw error;
      throw new CredentialProviderConfigError(`error decoding config "${file}": ${error.message}`);
    }
  });
  const twice = found.find(({ name }, index) => found.findIndex((other) => other.name === name) < index);
  if (twice === undefined) return found;
  throw new CredentialProviderConfigError(`duplicate provider name "${twice.name}" found in configuration file(s)`);
}

function filesAt(path: string): readonly string[] {
  if (!isThere(path)) throw new CredentialProviderConfigError(`unable to access path "${path}"`);
  if (!isFolder(path)) return [path];
  const files = readdirSync(path, { withFileTypes: true })
    .filter((entry) => !entry.isDirectory() && ['.json', '.yaml', '.yml'].includes(extname(entry.name)))
    .map(({ name }) => join(path, name))
    .toSorted();
  if (files.length === 0) throw new CredentialProviderConfigError(`no configuration files found in directory "${path}"`);
  return files;
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function isProgram(path: string): boolean {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return false;
    throw error;
  }
}

const shown = (problems: readonly string[]): string => (problems.length === 1 ? (problems[0] as string) : `[${problems.join(', ')}]`);

/** What a provider is told of a pod's service account. */
interface Asking {
  readonly account: ObjectId;
  readonly token: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Kept {
  readonly entries: readonly Entry[];
  readonly expires: number;
}

/** One provider and what it answered. */
class Asker {
  readonly #provider: CredentialProvider;
  readonly #deps: CredentialProvidersDeps;
  /** By what an answer holds for. */
  readonly #kept = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<readonly Entry[]>>();
  #purged: number;

  constructor(provider: CredentialProvider, deps: CredentialProvidersDeps) {
    this.#provider = provider;
    this.#deps = deps;
    this.#purged = deps.clock.monotonic();
  }

  async entries(repository: string, pod: Pod): Promise<readonly Entry[]> {
    const { matchImages, tokenAttributes } = this.#provider;
    if (!matchImages.some((pattern) => matchesRepository(pattern, repository))) return [];
    try {
      const asking = tokenAttributes === undefined ? undefined : await this.#accountOf(pod);
      if (asking === 'refused') return [];
      return await this.#keptOrAsked(repository, asking);
    } catch (error) {
      if (!(error instanceof CredentialPluginError || error instanceof StatusError || error instanceof ConnectionError)) throw error;
      this.#deps.logger.error('Failed getting credential from external registry credential provider', {
        provider: this.#provider.name,
        image: repository,
        error,
      });
      return [];
    }
  }

  /** Undefined for a pod without one where that is allowed. Source: serviceAccountProvider. */
  async #accountOf(pod: Pod): Promise<Asking | 'refused' | undefined> {
    const attributes = this.#provider.tokenAttributes;
    if (attributes === undefined) return undefined;
    const { namespace } = pod.metadata;
    const name = pod.spec.serviceAccountName ?? '';
    if (name === '') return attributes.requireServiceAccount === true ? 'refused' : undefined;
    const { metadata } = await this.#deps.client.get(serviceaccounts, { name, namespace });
    const has = metadata.annotations ?? {};
    const needed = attributes.requiredServiceAccountAnnotationKeys;
    if (needed.some((key) => !Object.hasOwn(has, key))) return 'refused'; // how a workload opts in
    const wanted = [...needed, ...attributes.optionalServiceAccountAnnotationKeys];
    const token = await this.#deps.tokens.token(pod, {
      audience: attributes.serviceAccountTokenAudience,
      expirationSeconds: 3600,
      path: '',
    });
    return {
      account: { namespace, name, uid: metadata.uid },
      token,
      annotations: Object.fromEntries(wanted.flatMap((key) => (Object.hasOwn(has, key) ? [[key, has[key] as string]] : []))),
    };
  }

  async #keptOrAsked(repository: string, asking: Asking | undefined): Promise<readonly Entry[]> {
    const account = this.#accountKey(asking);
    const keys = { Image: repository, Registry: repository.split('/')[0] as string, Global: 'global' };
    const keyOf = (what: string): string => JSON.stringify([what, account]);
    this.#purge();
    for (const what of [keys.Image, keys.Registry, keys.Global]) {
      const kept = this.#kept.get(keyOf(what));
      if (kept !== undefined && kept.expires >= this.#deps.clock.monotonic()) return kept.entries;
    }
    const flight = JSON.stringify([repository, asking?.token, asking?.annotations]);
    const underWay = this.#underWay.get(flight);
    if (underWay !== undefined) return underWay;
    const asked = this.#ask(repository, asking, (type) => {
      if (!Object.hasOwn(keys, type))
        throw new CredentialPluginError(`credential provider plugin did not return a valid cacheKeyType: "${type}"`);
      return keyOf(keys[type as keyof typeof keys]);
    }).finally(() => this.#underWay.delete(flight));
    this.#underWay.set(flight, asked);
    return asked;
  }

  async #ask(repository: string, asking: Asking | undefined, keyOf: (type: string) => string): Promise<readonly Entry[]> {
    const { clock } = this.#deps;
    const request: CredentialRequest = {
      image: repository,
      ...(asking === undefined ? {} : { serviceAccountToken: asking.token }),
      ...(asking === undefined || Object.keys(asking.annotations).length === 0 ? {} : { serviceAccountAnnotations: asking.annotations }),
    };
    const answer = await askPlugin(this.#provider, request, this.#deps);
    const key = keyOf(answer.cacheKeyType);
    const entries =
      asking === undefined
        ? answer.entries
        : answer.entries.map(({ pattern, credential }) => ({ pattern, credential: { ...credential, serviceAccount: asking.account } }));
    const keptFor = answer.cacheDuration ?? this.#provider.defaultCacheDuration ?? 0;
    if (keptFor > 0) this.#kept.set(key, { entries, expires: clock.monotonic() + keptFor });
    return entries;
  }

  /** Whose answers are told apart: those of accounts, or of single tokens. Source: generateServiceAccountCacheKey. */
  #accountKey(asking: Asking | undefined): unknown {
    if (asking === undefined) return undefined;
    const byToken = this.#provider.tokenAttributes?.cacheType === 'Token';
    return [asking.account, asking.annotations, byToken ? createHash('sha256').update(asking.token).digest('hex') : ''];
  }

  #purge(): void {
    const now = this.#deps.clock.monotonic();
    if (now - this.#purged < PURGE_MS) return;
    this.#purged = now;
    for (const [key, { expires }] of this.#kept) if (expires < now) this.#kept.delete(key);
  }
}
