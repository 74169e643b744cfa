// `proa reset`: stops the cluster and takes away all it made: pods, mounts, interfaces, rules, cgroups, folders.
import { existsSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { connectCri } from '#cri/client.ts';
import { PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import { runProgram } from '#base/program.ts';
import { removeNodeNetwork } from '#network/node-network.ts';
import { stopKeeper } from '../instance/keeper.ts';
import { LAUNCHER } from '../instance/launcher.ts';
import { type Paths, pathsOf } from '../instance/paths.ts';
import { stopUnit, systemdRuns } from '../instance/systemd.ts';
import { CONTEXT_NAME, readKubeconfig, withoutContext, writeKubeconfig } from '../kubeconfig.ts';
import { disconnectLocalNodes, placesOf, stopLocalNodes } from '../local-nodes/local-nodes.ts';
import { cniBinFolders } from '../machine/facts.ts';
import { removeFolder } from '../machine/folders.ts';
import { removePodLogs } from '../machine/pod-logs.ts';
import { Containerd } from '../runtime/containerd.ts';
import type { Settings } from '../settings/settings.ts';
import { CommandError } from './command-line.ts';
import { storedSettings } from './up.ts';

/** Longest that stopping one pod may take. Milliseconds. */
const STOP_POD_MS = 30_000;

export async function reset(options: Record<string, string | boolean | undefined>): Promise<void> {
  const settings = storedSettings(options as Record<string, string | undefined>);
  if (process.getuid?.() !== 0) throw new CommandError('proa reset must run as root: sudo proa reset');
  if (options['yes'] !== true && !(await agreed(settings))) throw new CommandError('nothing was removed; run proa reset --yes to go ahead');
  const paths = pathsOf(settings);
  const deps = { clock: systemClock, logger: silentLogger };

  if (systemdRuns()) stopUnit({ remove: true });
  await stopKeeper(paths, systemClock);
  await stopLocalNodes(settings, systemClock);
  // Each is a machine of its own, and is reset as one: from inside its network.
  const places = placesOf(settings);
  for (const { index, dataDir, runDir } of places) {
    if (existsSync(`/run/netns/proa-${index}`) && existsSync(pathsOf({ dataDir, runDir }).settings))
      await runProgram('nsenter', [
        `--net=/run/netns/proa-${index}`,
        LAUNCHER,
        'reset',
        '--yes',
        `--data-dir=${dataDir}`,
        `--run-dir=${runDir}`,
      ]);
  }
  if (settings.containerRuntimeEndpoint === '' && existsSync(paths.containerdRoot)) await removePods(paths, deps);
  await removeNodeNetwork(paths.cniConf, join(paths.cniConf, '..', 'leases'));
  removeCgroups(settings.cgroupRoot);
  if (settings.server === '') await disconnectLocalNodes(places);
  for (const folder of [settings.runDir, settings.dataDir]) await removeFolder(folder);
  if (settings.server === '' && existsSync(settings.kubeconfig))
    writeKubeconfig(settings.kubeconfig, withoutContext(readKubeconfig(settings.kubeconfig), CONTEXT_NAME));
  process.stdout.write('The cluster and all it made are gone.\n');
}

async function agreed({ dataDir }: Settings): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ message: `Remove the cluster and everything in ${dataDir}?`, initialValue: false });
  return !isCancel(answer) && answer;
}

/** Containers outlive their supervisor: containerd is started if need be, told to end them, and then ended itself. */
async function removePods(paths: Paths, deps: { readonly clock: typeof systemClock; readonly logger: typeof silentLogger }): Promise<void> {
  const containerd = new Containerd(
    {
      root: paths.containerdRoot,
      state: paths.containerdState,
      socket: paths.containerdSocket,
      cniBinDirs: cniBinFolders(),
      cniConfDir: paths.cniConf,
      snapshotter: 'overlayfs',
      pauseImage: PAUSE_IMAGE,
      restrictOOMScoreAdj: true,
    },
    paths.containerdLog,
    deps,
  );
  const signal = new AbortController().signal;
  await containerd.start(signal);
  const cri = connectCri({ endpoint: containerd.endpoint, ...deps });
  try {
    await cri.ready(signal);
    const { items } = await cri.runtime.listPodSandbox({});
    await Promise.all(
      items.map(async ({ id: podSandboxId }) => {
        await cri.runtime.stopPodSandbox({ podSandboxId }, { timeoutMs: STOP_POD_MS });
        await cri.runtime.removePodSandbox({ podSandboxId }, { timeoutMs: STOP_POD_MS });
      }),
    );
    removePodLogs(new Set(items.map(({ metadata }) => metadata?.uid ?? '')));
  } finally {
    cri.close();
    await containerd.stop();
  }
}

/** Only folders without processes can be removed; the innermost first. */
function removeCgroups(root: string): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => / - cgroup2? /.test(line))
    .map((line) => line.split(' ')[4] as string);
  for (const mount of mounts) removeTree(join(mount, root, 'kubepods'));
}

function removeTree(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeTree(join(folder, entry.name));
  }
  rmdirSync(folder);
}
