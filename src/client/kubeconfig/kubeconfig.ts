// Kubeconfig files: their form, how several become one, and what a context means. Pure; ./load-kubeconfig.ts reads them.
import { dirname, isAbsolute, join } from 'node:path';
import { dns1123Label } from '#apimachinery/names.ts';
import { parseYaml } from '#apimachinery/yaml.ts';

export interface ClusterEntry {
  readonly server?: string;
  readonly 'tls-server-name'?: string;
  readonly 'insecure-skip-tls-verify'?: boolean;
  readonly 'certificate-authority'?: string;
  readonly 'certificate-authority-data'?: string;
  readonly 'proxy-url'?: string;
}

export interface ExecEntry {
  readonly command?: string;
  readonly args?: readonly string[] | null;
  readonly env?: readonly { readonly name: string; readonly value: string }[] | null;
  readonly apiVersion?: string;
  readonly installHint?: string;
  readonly provideClusterInfo?: boolean;
  readonly interactiveMode?: string;
}

export interface UserEntry {
  readonly 'client-certificate'?: string;
  readonly 'client-certificate-data'?: string;
  readonly 'client-key'?: string;
  readonly 'client-key-data'?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly as?: string;
  readonly 'as-uid'?: string;
  readonly 'as-groups'?: readonly string[];
  readonly 'as-user-extra'?: Readonly<Record<string, readonly string[]>>;
  readonly 'auth-provider'?: unknown;
  readonly exec?: ExecEntry;
}

export interface ContextEntry {
  readonly cluster?: string;
  readonly user?: string;
  readonly namespace?: string;
}

/** Source: client-go tools/clientcmd/api/v1 Config, with the lists as maps. */
export interface Kubeconfig {
  readonly currentContext: string;
  readonly clusters: ReadonlyMap<string, ClusterEntry>;
  readonly users: ReadonlyMap<string, UserEntry>;
  readonly contexts: ReadonlyMap<string, ContextEntry>;
}

/** The configuration cannot be used; the message is for the person who wrote it. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

export const EMPTY_KUBECONFIG: Kubeconfig = { currentContext: '', clusters: new Map(), users: new Map(), contexts: new Map() };

interface File {
  readonly 'current-context'?: unknown;
  readonly clusters?: unknown;
  readonly users?: unknown;
  readonly contexts?: unknown;
}

function entries<E>(file: File, list: 'clusters' | 'users' | 'contexts', field: string, path: string): Map<string, E> {
  const given = file[list];
  if (given === undefined || given === null) return new Map();
  if (!Array.isArray(given)) throw new KubeconfigError(`${path}: ${list} must be a list`);
  const found = new Map<string, E>();
  for (const item of given as readonly (Readonly<Record<string, unknown>> | null)[]) {
    const name = item?.['name'];
    if (typeof name !== 'string') throw new KubeconfigError(`${path}: an entry of ${list} has no name`);
    // The first of a name wins, as over several files.
    if (!found.has(name)) found.set(name, ((item as Readonly<Record<string, unknown>>)[field] ?? {}) as E);
  }
  return found;
}

/** File references are relative to the file they stand in. */
const absolute = (reference: string, path: string): string =>
  reference === '' || isAbsolute(reference) ? reference : join(dirname(path), reference);

function resolved<E extends object>(entry: E, keys: readonly (keyof E)[], path: string): E {
  const changes = keys.flatMap((key) => (typeof entry[key] === 'string' ? [[key, absolute(entry[key], path)] as const] : []));
  return { ...entry, ...Object.fromEntries(changes) };
}

/** A command is a path only where it has a separator; else it is looked up in PATH. Source: clientcmd GetAuthInfoFileReferences. */
function resolvedUser(user: UserEntry, path: string): UserEntry {
  const files = resolved(user, ['client-certificate', 'client-key', 'tokenFile'], path);
  const command = user.exec?.command;
  return command?.includes('/') === true ? { ...files, exec: { ...user.exec, command: absolute(command, path) } } : files;
}

/** `path`: of the file, for relative references and error texts. @throws KubeconfigError, YamlError */
export function parseKubeconfig(text: string, path: string): Kubeconfig {
  const file = parseYaml(text) as File | null;
  if (file === null) return EMPTY_KUBECONFIG;
  if (typeof file !== 'object' || Array.isArray(file)) throw new KubeconfigError(`${path}: a kubeconfig must be an object`);
  const map = <E>(from: Map<string, E>, change: (entry: E) => E): Map<string, E> =>
    new Map([...from].map(([name, entry]) => [name, change(entry)]));
  return {
    currentContext: typeof file['current-context'] === 'string' ? file['current-context'] : '',
    clusters: map(entries<ClusterEntry>(file, 'clusters', 'cluster', path), (cluster) =>
      resolved(cluster, ['certificate-authority'], path),
    ),
    users: map(entries<UserEntry>(file, 'users', 'user', path), (user) => resolvedUser(user, path)),
    contexts: entries<ContextEntry>(file, 'contexts', 'context', path),
  };
}

/** Of what several say, the first holds. Source: ClientConfigLoadingRules. */
export function mergeKubeconfigs(configs: readonly Kubeconfig[]): Kubeconfig {
  const first = <E>(maps: readonly ReadonlyMap<string, E>[]): Map<string, E> => new Map(maps.toReversed().flatMap((map) => [...map]));
  return {
    currentContext: configs.find(({ currentContext }) => currentContext !== '')?.currentContext ?? '',
    clusters: first(configs.map(({ clusters }) => clusters)),
    users: first(configs.map(({ users }) => users)),
    contexts: first(configs.map(({ contexts }) => contexts)),
  };
}

export interface SelectedContext {
  readonly name: string;
  /** `default` where the context says nothing. */
  readonly namespace: string;
  readonly cluster: ClusterEntry & { readonly server: string };
  readonly user: UserEntry;
}

const isGiven = (value: string | undefined): boolean => value !== undefined && value !== '';

/** Source: clientcmd ConfirmUsable, and what Proa does not do. */
function faults(name: string, context: ContextEntry, config: Kubeconfig): string[] {
  const { user: userName, cluster: clusterName, namespace } = context;
  const cluster = config.clusters.get(clusterName ?? '');
  const user = config.users.get(userName ?? '');
  const found: string[] = [];
  if (!isGiven(userName)) found.push(`user was not specified for context ${JSON.stringify(name)}`);
  else if (user === undefined) found.push(`user ${JSON.stringify(userName)} was not found for context ${JSON.stringify(name)}`);
  if (!isGiven(clusterName)) found.push(`cluster was not specified for context ${JSON.stringify(name)}`);
  else if (cluster === undefined) found.push(`cluster ${JSON.stringify(clusterName)} was not found for context ${JSON.stringify(name)}`);
  if (namespace !== undefined && namespace !== '' && dns1123Label(namespace).length > 0) {
    found.push(
      `namespace ${JSON.stringify(namespace)} for context ${JSON.stringify(name)} does not conform to the kubernetes DNS_LABEL rules`,
    );
  }
  return [
    ...found,
    ...(cluster === undefined ? [] : clusterFaults(clusterName ?? '', cluster)),
    ...(user === undefined ? [] : userFaults(userName ?? '', user)),
  ];
}

function clusterFaults(name: string, cluster: ClusterEntry): string[] {
  const found: string[] = [];
  if (!isGiven(cluster.server)) found.push(`no server found for cluster ${JSON.stringify(name)}`);
  if (isGiven(cluster['proxy-url']))
    found.push(`cluster ${JSON.stringify(name)} asks for the proxy ${JSON.stringify(cluster['proxy-url'])}: proxies are not supported`);
  if (
    cluster['insecure-skip-tls-verify'] === true &&
    (isGiven(cluster['certificate-authority']) || isGiven(cluster['certificate-authority-data']))
  ) {
    found.push('specifying a root certificates file with the insecure flag is not allowed');
  }
  return found;
}

const INTERACTIVE_MODES: readonly (string | undefined)[] = ['Never', 'IfAvailable', 'Always'];

function userFaults(name: string, user: UserEntry): string[] {
  const found: string[] = [];
  const hasCertificate = isGiven(user['client-certificate']) || isGiven(user['client-certificate-data']);
  if (hasCertificate && !isGiven(user['client-key']) && !isGiven(user['client-key-data'])) {
    found.push(`client-key-data or client-key must be specified for ${name} to use the clientCert authentication method.`);
  }
  const methods = [...(isGiven(user.token) ? ['token'] : []), ...(isGiven(user.username) || isGiven(user.password) ? ['basicAuth'] : [])];
  if (methods.length > 1)
    found.push(`more than one authentication method found for ${name}; found [${methods.join(' ')}], only one is allowed`);
  if (user['auth-provider'] !== undefined && user['auth-provider'] !== null)
    found.push(`user ${JSON.stringify(name)} has an auth-provider: use an exec credential plugin instead`);
  if (
    !isGiven(user.as) &&
    (isGiven(user['as-uid']) || (user['as-groups'] ?? []).length > 0 || Object.keys(user['as-user-extra'] ?? {}).length > 0)
  ) {
    found.push(`requesting uid, groups or user-extra for ${name} without impersonating a user`);
  }
  if (user.exec === undefined) return found;
  const { command, apiVersion, interactiveMode, env } = user.exec;
  if (!isGiven(command)) found.push(`command must be specified for ${name} to use exec authentication plugin`);
  if (!isGiven(apiVersion)) found.push(`apiVersion must be specified for ${name} to use exec authentication plugin`);
  if ((env ?? []).some((variable) => !isGiven(variable.name)))
    found.push(`env variable name must be specified for ${name} to use exec authentication plugin`);
  // Version v1beta1 may leave it out, and then means IfAvailable.
  if (!isGiven(interactiveMode) && apiVersion === 'client.authentication.k8s.io/v1')
    found.push(`interactiveMode must be specified for ${name} to use exec authentication plugin`);
  else if (isGiven(interactiveMode) && !INTERACTIVE_MODES.includes(interactiveMode))
    found.push(`invalid interactiveMode for ${name}: ${JSON.stringify(interactiveMode)}`);
  return found;
}

/** The context called `name`, or the current one. @throws KubeconfigError naming everything that is wrong with it */
export function selectContext(config: Kubeconfig, name?: string): SelectedContext {
  if (config.clusters.size === 0 && config.contexts.size === 0 && config.users.size === 0) {
    throw new KubeconfigError(
      'invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
    );
  }
  const wanted = name ?? config.currentContext;
  if (wanted === '') throw new KubeconfigError('no context chosen');
  const context = config.contexts.get(wanted);
  if (context === undefined) throw new KubeconfigError(`context was not found for specified context: ${wanted}`);
  const wrong = faults(wanted, context, config);
  if (wrong.length > 0) throw new KubeconfigError(`invalid configuration: ${wrong.length === 1 ? wrong[0] : `[${wrong.join(', ')}]`}`);
  const cluster = config.clusters.get(context.cluster as string) as ClusterEntry & { readonly server: string };
  const user = config.users.get(context.user as string) as UserEntry;
  return { name: wanted, namespace: isGiven(context.namespace) ? (context.namespace as string) : 'default', cluster, user };
}
