// A real containerd of the test's own, with runc and the CRI plugin. Importing this isolates the test file: the shims,
// containers, mounts and network namespaces that it leaves behind end with its machine.
import './isolated.ts';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { connectCri } from '#cri/client.ts';
import { type Running, start, succeed } from './command.ts';
import { eventually } from './eventually.ts';
import type { Owner } from './scope.ts';
import { temporaryFolder } from './temp.ts';

export interface ContainerdOptions {
  readonly snapshotter?: 'overlayfs' | 'native';
  /** Image of the sandboxes; it must be imported before the first. */
  readonly sandboxImage?: string;
  /** Where it searches CNI plugins. Default: Debian's folder. */
  readonly pluginFolder?: string;
  /** Leaves the cgroups of containers to systemd. */
  readonly systemdCgroup?: boolean;
}

export interface Containerd {
  /** Path of the unix socket that serves CRI. */
  readonly socket: string;
  /** Folder for CNI configuration lists; without one in it only pods on the host's network run. */
  readonly cniConfigFolder: string;
  /** The process that runs now. */
  readonly process: Running;
  /** Runs containerd's own client in CRI's namespace: `['images', 'import', PATH]`. @returns its standard output */
  ctr(args: readonly string[]): Promise<string>;
  /** Ends it at once, as a crash does; containers go on. */
  kill(): Promise<void>;
  /** Starts it again over the same state, after `kill`. */
  restart(): Promise<void>;
}

/** The CRI plugin's namespace. Source: containerd pkg/cri/constants K8sContainerdNamespace. */
const CRI_NAMESPACE = 'k8s.io';

/** Source: linux/capability.h CAP_SYS_RESOURCE. */
const CAP_SYS_RESOURCE = 24n;

/** Resolves when containerd serves. @throws Error with its last lines when it does not start */
export async function startContainerd(owner: Owner, options: ContainerdOptions = {}): Promise<Containerd> {
  const folder = temporaryFolder(owner);
  const socket = join(folder, 'containerd.sock');
  const cniConfigFolder = join(folder, 'cni');
  mkdirSync(cniConfigFolder);
  const config = join(folder, 'config.toml');
  writeFileSync(config, configuration(folder, socket, cniConfigFolder, options));

  let running = await serving(owner, config, socket);
  return {
    socket,
    cniConfigFolder,
    get process() {
      return running;
    },
    ctr: (args) => succeed('ctr', [`--address=${socket}`, `--namespace=${CRI_NAMESPACE}`, ...args]),
    kill: () => running.stop('SIGKILL'),
    async restart() {
      running = await serving(owner, config, socket);
    },
  };
}

async function serving(owner: Owner, config: string, socket: string): Promise<Running> {
  const running = start(owner, 'containerd', ['--config', config]);
  await running.line(/msg="containerd successfully booted/);
  await criInitialized(socket);
  return running;
}

/**
 * The CRI plugin recovers its state after containerd has booted, and refuses nearly every call until then.
 * Source: containerd pkg/cri/server instrumentedService.checkInitialized.
 */
async function criInitialized(socket: string): Promise<void> {
  const cri = connectCri({ endpoint: `unix://${socket}`, clock: systemClock, logger: silentLogger });
  try {
    await eventually(async () => void (await cri.runtime.listPodSandbox({})));
  } finally {
    cri.close();
  }
}

function configuration(
  folder: string,
  socket: string,
  cni: string,
  { snapshotter = 'overlayfs', sandboxImage, pluginFolder = '/usr/lib/cni', systemdCgroup }: ContainerdOptions,
): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return [
    'version = 2',
    `root = ${quoted(join(folder, 'root'))}`,
    `state = ${quoted(join(folder, 'state'))}`,
    '[grpc]',
    `address = ${quoted(socket)}`,
    '[plugins."io.containerd.internal.v1.opt"]',
    `path = ${quoted(join(folder, 'opt'))}`,
    `[${cri}]`,
    // Without this right no process may lower its score, and every sandbox of a pod would be refused.
    `restrict_oom_score_adj = ${!mayLowerOomScore()}`,
    ...(sandboxImage === undefined ? [] : [`sandbox_image = ${quoted(sandboxImage)}`]),
    `[${cri}.cni]`,
    `bin_dir = ${quoted(pluginFolder)}`,
    `conf_dir = ${quoted(cni)}`,
    `[${cri}.containerd]`,
    `snapshotter = ${quoted(snapshotter)}`,
    ...(systemdCgroup === undefined
      ? []
      : [
          `[${cri}.containerd.runtimes.runc]`,
          'runtime_type = "io.containerd.runc.v2"',
          `[${cri}.containerd.runtimes.runc.options]`,
          `SystemdCgroup = ${systemdCgroup}`,
        ]),
    '',
  ].join('\n');
}

/** A TOML basic string: for paths and names, JSON's form is the same. */
function quoted(text: string): string {
  return JSON.stringify(text);
}

function mayLowerOomScore(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  if (effective === undefined) throw new Error('/proc/self/status has no CapEff');
  return ((BigInt(`0x${effective}`) >> CAP_SYS_RESOURCE) & 1n) === 1n;
}
