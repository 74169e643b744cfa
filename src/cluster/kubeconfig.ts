// Kubeconfig files: what Proa writes, and how its entries join a file that others wrote too.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { dump, load } from 'js-yaml';
import { makeFolder } from '#base/make-folder.ts';
import type { KeyedCertificate } from './pki/certificate.ts';

/** The name of Proa's cluster, user and context. */
export const CONTEXT_NAME = 'proa';

interface Named {
  readonly name: string;
  readonly [key: string]: unknown;
}

interface NamedContext extends Named {
  readonly context?: { readonly namespace?: string; readonly [key: string]: unknown };
}

export interface Kubeconfig {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly clusters?: readonly Named[] | null;
  readonly users?: readonly Named[] | null;
  readonly contexts?: readonly Named[] | null;
  readonly 'current-context'?: string;
  readonly [key: string]: unknown;
}

export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig with one context. `server` is a URL; the CA and the client certificate are PEM. */
export function adminKubeconfig(server: string, authority: string, client: KeyedCertificate, name = CONTEXT_NAME): Kubeconfig {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { 'certificate-authority-data': base64(authority), server } }],
    users: [{ name, user: { 'client-certificate-data': base64(client.certificate), 'client-key-data': base64(client.key) } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    'current-context': name,
  };
}

/**
 * `ours` added to `theirs`: entries of the same name are replaced, all others and unknown keys are kept, and so is the namespace
 * that somebody chose for a context.
 */
export function mergeKubeconfig(theirs: Kubeconfig, ours: Kubeconfig): Kubeconfig {
  const join = (key: 'clusters' | 'users' | 'contexts'): readonly Named[] => {
    const before = theirs[key] ?? [];
    const added = ours[key] ?? [];
    const names = new Set(added.map((entry) => entry.name));
    const now = key === 'contexts' ? added.map((entry) => withNamespace(entry, before)) : added;
    return [...before.filter((entry) => !names.has(entry.name)), ...now];
  };
  return {
    apiVersion: 'v1',
    kind: 'Config',
    ...theirs,
    clusters: join('clusters'),
    users: join('users'),
    contexts: join('contexts'),
    ...(ours['current-context'] === undefined ? {} : { 'current-context': ours['current-context'] }),
  };
}

/** The context with what `kubectl config set-context --namespace` chose for it. */
function withNamespace(ours: Named, before: readonly Named[]): Named {
  const namespace = (before.find(({ name }) => name === ours.name) as NamedContext | undefined)?.context?.namespace;
  return namespace === undefined ? ours : { ...ours, context: { ...(ours as NamedContext).context, namespace } };
}

/** `file` without the entries called `name`. */
export function withoutContext(file: Kubeconfig, name: string): Kubeconfig {
  const drop = (list: readonly Named[] | null | undefined): readonly Named[] => (list ?? []).filter((entry) => entry.name !== name);
  return {
    ...file,
    clusters: drop(file.clusters),
    users: drop(file.users),
    contexts: drop(file.contexts),
    ...(file['current-context'] === name ? { 'current-context': '' } : {}),
  };
}

/** An absent file is an empty kubeconfig. @throws KubeconfigError when the file is not a kubeconfig */
export function readKubeconfig(path: string): Kubeconfig {
  if (!existsSync(path)) return {};
  let value: unknown;
  try {
    value = load(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new KubeconfigError(`${path} is not YAML, so nothing was added to it: ${(error as Error).message.split('\n')[0]}`, {
      cause: error,
    });
  }
  if (value === undefined || value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new KubeconfigError(`${path} is not a kubeconfig, so nothing was added to it`);
  return value as Kubeconfig;
}

/**
 * Brings what is ours in the file up to date and keeps the rest; one that is damaged is made anew. Written only where that changes
 * something. @throws KubeconfigError when it cannot be written
 */
export function keepKubeconfig(path: string, ours: Kubeconfig): void {
  const now = readable(path);
  const next = mergeKubeconfig(now, ours);
  if (!isDeepStrictEqual(now, next)) writeKubeconfig(path, next);
}

function readable(path: string): Kubeconfig {
  try {
    return readKubeconfig(path);
  } catch (error) {
    if (error instanceof KubeconfigError) return {};
    throw error;
  }
}

/**
 * Replaces the file in one step, unless it says the same already; it holds a private key, so only its owner may read it.
 * @throws KubeconfigError when it cannot be written
 */
export function writeKubeconfig(path: string, config: Kubeconfig): void {
  const temporary = `${path}.proa-new`;
  const text = dump(config, { lineWidth: -1 });
  try {
    if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
    makeFolder(dirname(path), 0o700);
    writeFileSync(temporary, text, { mode: 0o600, flush: true });
    renameSync(temporary, path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new KubeconfigError(`${path} cannot be written (${code}): name another file with --kubeconfig`, { cause: error });
  }
}
