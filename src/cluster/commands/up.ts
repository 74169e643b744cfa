// `proa up`: from a machine to a cluster that is ready, and what to type next.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { LAUNCHER } from '../instance/launcher.ts';
import { replaceJson, runningKeeper, startKeeper, stopKeeper } from '../instance/keeper.ts';
import { type Paths, pathsOf } from '../instance/paths.ts';
import { followProgress, type Progress, STEPS } from '../instance/progress.ts';
import { startUnit, systemdRuns } from '../instance/systemd.ts';
import { CONTEXT_NAME, mergeKubeconfig, readKubeconfig, writeKubeconfig } from '../kubeconfig.ts';
import { DEBIAN_PACKAGES, installDebianPackages, missingDebianPackages } from '../machine/debian.mjs';
import { findProblems } from '../machine/preflight.ts';
import { isRunning, processIdentity } from '../machine/processes.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { firstAddress, SETTINGS, type Settings } from '../settings/settings.ts';
import { STATE_VERSION } from '../version.ts';
import { CommandError, readStoredSettings, settingsFrom } from './command-line.ts';

/** Part of what objects in the store say: another value would contradict them. */
const FIXED_AT_CREATION = [
  'podCIDR',
  'serviceCIDR',
  'clusterDNS',
  'clusterDomain',
  'nodeName',
  'store',
] as const satisfies readonly (keyof Settings)[];

/** A first start on a slow disk, images unpacked, takes far less. Milliseconds. */
const READY_DEADLINE_MS = 180_000;

export interface UpOptions extends Readonly<Record<string, string | boolean | undefined>> {
  readonly yes?: boolean;
}

export async function up(options: UpOptions): Promise<void> {
  const settings = withNodeNetwork(settingsFrom(options as Record<string, string | undefined>));
  const paths = pathsOf(settings);
  if (runningKeeper(paths) !== undefined) {
    say(`The cluster is already running. Stop it with proa down, look at it with proa status.`);
    return;
  }
  const problems = await findProblems(settings);
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
  refuseChanges(settings);
  await ensurePackages(settings, options.yes === true);

  prepareFolders(settings);
  const command = [LAUNCHER, 'run', '--data-dir', settings.dataDir, '--run-dir', settings.runDir];
  if (systemdRuns()) startUnit(command);
  else startKeeper(paths, command, process.env);
  await ready(paths, settings);

  writeKubeconfig(settings.kubeconfig, mergeKubeconfig(readKubeconfig(settings.kubeconfig), readKubeconfig(paths.adminKubeconfig)));
  say(`
kubectl is set up: context ${CONTEXT_NAME} in ${settings.kubeconfig}. Try

  proa kubectl get nodes
  proa kubectl create deployment web --image=nginx --replicas=2
  proa kubectl get pods --watch`);
}

/** What every process of the cluster reads: who wrote the data folder, and with which settings. */
export function prepareFolders(settings: Settings): void {
  const paths = pathsOf(settings);
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o711 });
  writeFileSync(paths.stateVersion, `${STATE_VERSION}\n`);
  replaceJson(paths.settings, settings);
}

/** Nodes of one machine know each other by the network between them; clients still reach it by its own address. */
function withNodeNetwork(settings: Settings): Settings {
  const address = firstAddress(settings.nodeCIDR);
  if (settings.nodes === 1 || settings.nodeIP === address) return settings;
  return { ...settings, nodeIP: address, tlsNames: [...new Set([...settings.tlsNames, settings.nodeIP])] };
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function refuseChanges(settings: Settings): void {
  const stored = readStoredSettings(settings);
  const changed = FIXED_AT_CREATION.filter((key) => stored[key] !== undefined && stored[key] !== String(settings[key]));
  if (changed.length === 0) return;
  const lines = changed.map((key) => {
    const flag = SETTINGS.find((setting) => setting.key === key)?.flag;
    return `--${flag} ${String(settings[key])}: the cluster in ${settings.dataDir} was made with ${stored[key]}, which cannot be changed later; keep that, or start anew with proa reset`;
  });
  throw new CommandError(lines.join('\n'));
}

async function ensurePackages({ containerRuntimeEndpoint }: Settings, consent: boolean): Promise<void> {
  const wanted = (DEBIAN_PACKAGES.get('cluster') ?? []).filter(
    ({ name }) => containerRuntimeEndpoint === '' || (name !== 'containerd' && name !== 'runc'),
  );
  const missing = missingDebianPackages(wanted);
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(', ');
  if (!consent && !(await agreed(`Proa needs the Debian packages ${names}. Install them now?`))) {
    throw new CommandError(`needs ${names}: run proa up --yes, or apt-get install ${missing.map(({ name }) => name).join(' ')}`);
  }
  installDebianPackages(missing, say);
}

/** Without a terminal nobody can agree. */
async function agreed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ message: question });
  return !isCancel(answer) && answer;
}

/** Shows each step as it is reached and resolves after the last. @throws CommandError when the cluster does not start */
async function ready(paths: Paths, { dataDir }: Settings): Promise<void> {
  mkdirSync(dirname(paths.progress), { recursive: true });
  const stop = new AbortController();
  let shown = 0;
  let starting: { readonly pid: number; readonly identity: string } | undefined;
  const failure = await new Promise<string | undefined>((resolve) => {
    const look = (progress: Progress | undefined): void => {
      if (progress === undefined) return;
      if (progress.pid !== starting?.pid) {
        starting = { pid: progress.pid, identity: processIdentity(progress.pid) };
        shown = 0;
      }
      for (const { step, afterMs } of progress.done.slice(shown)) say(`  ${step.padEnd(20)} ${(afterMs / 1000).toFixed(2)} s`);
      shown = progress.done.length;
      if (progress.failure !== undefined) resolve(progress.failure);
      else if (progress.done.length === STEPS.length) resolve(undefined);
    };
    systemClock.after(READY_DEADLINE_MS, () => {
      const alive = starting !== undefined && isRunning(starting.pid, starting.identity);
      resolve(
        `the cluster is not ready after ${READY_DEADLINE_MS / 1000} s (its process ${alive ? 'still runs' : 'is gone'}); see proa logs`,
      );
    });
    followProgress(paths, look, stop.signal);
  });
  stop.abort();
  if (failure === undefined) return;
  await stopKeeper(paths, systemClock);
  throw new CommandError(`the cluster did not start: ${failure}\nThe log is ${join(dataDir, 'log', 'proa.log')}`);
}

/** For other commands: the settings the running or stopped cluster was started with. @throws CommandError if none was */
export function storedSettings(options: Record<string, string | undefined>): Settings {
  const settings = settingsFrom(options);
  if (Object.keys(readStoredSettings(settings)).length === 0)
    throw new CommandError(`there is no cluster in ${settings.dataDir}: make one with proa up`);
  return resolveSettings({ flags: {}, file: undefined, machine: readStoredSettings(settings) });
}
