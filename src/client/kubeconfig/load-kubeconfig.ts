// Finds and reads the configuration of a client: kubeconfig files, or the service account of the pod it runs in.
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Logger } from '#base/log.ts';
import {
  anonymous,
  basic,
  bearer,
  fileCredentials,
  fixedCredentials,
  type ClientCertificate,
  type CredentialSource,
} from '../https/credentials.ts';
import type { HttpsOptions, Impersonation } from '../https/transport.ts';
import { execCredentials } from './exec-credentials.ts';
import {
  EMPTY_KUBECONFIG,
  KubeconfigError,
  mergeKubeconfigs,
  parseKubeconfig,
  selectContext,
  type ClusterEntry,
  type Kubeconfig,
  type SelectedContext,
  type UserEntry,
} from './kubeconfig.ts';

export interface LoadDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard input is a terminal that a credential program may use. */
  readonly stdin: 'terminal' | 'none';
}

export interface LoadedConfig {
  /** For httpsTransport; a rate limit and a user agent may be added. */
  readonly https: HttpsOptions;
  /** Where commands act that name no namespace. */
  readonly namespace: string;
  /** Name of the context; empty in a cluster. */
  readonly context: string;
}

/**
 * `path`: one file, which must exist; absent: those of $KUBECONFIG, else ~/.kube/config, of which missing ones are
 * left out. `context`: absent for the current one.
 * @throws KubeconfigError, YamlError
 */
export function loadKubeconfig(
  deps: LoadDeps,
  { path, context }: { readonly path?: string; readonly context?: string } = {},
): LoadedConfig {
  const config = path === undefined ? mergeKubeconfigs(kubeconfigPaths(deps.env).map(readIfThere)) : readKubeconfig(path);
  const selected = selectContext(config, context);
  return { https: httpsOptions(selected, deps), namespace: selected.namespace, context: selected.name };
}

/** Source: ClientConfigLoadingRules: the variable replaces the default. */
export function kubeconfigPaths(env: LoadDeps['env']): readonly string[] {
  const given = (env['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return given.length > 0 ? given : [join(env['HOME'] ?? homedir(), '.kube', 'config')];
}

/** @throws KubeconfigError when it cannot be read */
function readKubeconfig(path: string): Kubeconfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new KubeconfigError(`the kubeconfig ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, { cause: error });
  }
  return parseKubeconfig(text, path);
}

function readIfThere(path: string): Kubeconfig {
  try {
    return readKubeconfig(path);
  } catch (error) {
    if (error instanceof KubeconfigError && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return EMPTY_KUBECONFIG;
    throw error;
  }
}

const decoded = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8');

const isGiven = (value: string | undefined): value is string => value !== undefined && value !== '';

function authority({ 'certificate-authority-data': data, 'certificate-authority': file }: ClusterEntry): HttpsOptions['ca'] {
  if (isGiven(data)) return { pem: decoded(data) };
  return isGiven(file) ? { file } : undefined;
}

function impersonation({ as: user, 'as-uid': uid, 'as-groups': groups, 'as-user-extra': extra }: UserEntry): Impersonation | undefined {
  if (!isGiven(user)) return undefined;
  return { user, ...(isGiven(uid) ? { uid } : {}), ...(groups === undefined ? {} : { groups }), ...(extra === undefined ? {} : { extra }) };
}

function httpsOptions({ cluster, user }: SelectedContext, deps: LoadDeps): HttpsOptions {
  const ca = authority(cluster);
  const impersonate = impersonation(user);
  const serverName = cluster['tls-server-name'];
  return {
    server: cluster.server,
    ...(ca === undefined ? {} : { ca }),
    ...(isGiven(serverName) ? { serverName } : {}),
    verify: cluster['insecure-skip-tls-verify'] === true ? 'none' : 'full',
    credentials: credentials(user, cluster, deps),
    ...(impersonate === undefined ? {} : { impersonate }),
    clock: deps.clock,
    logger: deps.logger,
  };
}

/** The key and certificate given inline; `data` overrides a file. A mixed pair is read once. */
function inlineCertificate(user: UserEntry): ClientCertificate | undefined {
  const { 'client-certificate-data': certData, 'client-key-data': keyData, 'client-certificate': certFile, 'client-key': keyFile } = user;
  if (!isGiven(certData) && !isGiven(keyData)) return undefined;
  const value = (data: string | undefined, file: string | undefined): string =>
    isGiven(data) ? decoded(data) : readFileSync(file ?? '', 'utf8');
  return { cert: value(certData, certFile), key: value(keyData, keyFile) };
}

function credentials(user: UserEntry, cluster: ClusterEntry & { readonly server: string }, deps: LoadDeps): CredentialSource {
  const certificate = inlineCertificate(user);
  const { tokenFile, token, username, password, 'client-certificate': certFile, 'client-key': keyFile } = user;
  const hasFiles = certificate === undefined && isGiven(certFile) && isGiven(keyFile);
  const authorization = isGiven(token)
    ? bearer(token)
    : isGiven(username) || isGiven(password)
      ? basic(username ?? '', password ?? '')
      : undefined;
  // A token file is read again when it changes, so it counts more than a token.
  if (hasFiles || isGiven(tokenFile)) {
    const files = fileCredentials(
      { ...(isGiven(tokenFile) ? { tokenFile } : {}), ...(hasFiles ? { certFile, keyFile } : {}) },
      deps.clock,
      deps.logger,
    );
    return {
      current: async () => ({
        ...(authorization === undefined ? {} : { authorization }),
        ...(certificate === undefined ? {} : { certificate }),
        ...(await files.current()),
      }),
      refused: files.refused,
    };
  }
  if (authorization !== undefined || certificate !== undefined) {
    return fixedCredentials({
      ...(authorization === undefined ? {} : { authorization }),
      ...(certificate === undefined ? {} : { certificate }),
    });
  }
  if (user.exec === undefined) return anonymous;
  const ca = authority(cluster);
  const pem = ca === undefined ? undefined : 'pem' in ca ? ca.pem : readFileSync(ca.file, 'utf8');
  const { server, 'tls-server-name': serverName, 'insecure-skip-tls-verify': insecure } = cluster;
  return execCredentials({
    exec: user.exec,
    cluster: {
      server,
      ...(isGiven(serverName) ? { 'tls-server-name': serverName } : {}),
      ...(insecure === true ? { 'insecure-skip-tls-verify': true } : {}),
      ...(pem === undefined ? {} : { 'certificate-authority-data': Buffer.from(pem).toString('base64') }),
    },
    clock: deps.clock,
    env: deps.env,
    stdin: deps.stdin,
  });
}

/** Source: rest.InClusterConfig. */
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

/**
 * The service account of the pod this process runs in; undefined outside a pod. `directory`: where its token, CA and
 * namespace are mounted.
 */
export function inClusterConfig({ clock, logger, env }: LoadDeps, directory = SERVICE_ACCOUNT_DIR): LoadedConfig | undefined {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = env;
  if (!isGiven(host) || !isGiven(port)) return undefined;
  return {
    https: {
      server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      ca: { file: join(directory, 'ca.crt') },
      credentials: fileCredentials({ tokenFile: join(directory, 'token') }, clock, logger),
      clock,
      logger,
    },
    namespace: readFileSync(join(directory, 'namespace'), 'utf8').trim(),
    context: '',
  };
}
