// `proa up`: from a machine to a cluster that is ready, and what to type next.
import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { makeFolder } from '#base/make-folder.ts';
import { syncFolder } from '#base/sync-folder.ts';
import { replaceText } from '../instance/json-file.ts';
import { lockForCommand } from '../instance/command-lock.ts';
import type { Keeper } from '../instance/keeper.ts';
import { keeperOf } from '../instance/keeper-of.ts';
import { lastWords } from '../instance/last-words.ts';
import { LAUNCHER } from '../instance/launcher.ts';
import { textSince } from '../instance/log-files.ts';
import { type Paths, pathsOf } from '../instance/paths.ts';
import { followStart, isAlive, isReady, type Progress, readProgress, type Start } from '../instance/progress.ts';
import { endUnkept } from '../instance/unkept.ts';
import { CONTEXT_NAME, mergeKubeconfig, readKubeconfig, writeKubeconfig } from '../kubeconfig.ts';
import { DEBIAN_PACKAGES, installDebianPackages, missingDebianPackages } from '../machine/debian.mjs';
import { findProblems, rootProblem } from '../machine/preflight.ts';
import { firstAddress, listOf } from '../settings/networks.ts';
import { SETTINGS, type Settings } from '../settings/settings.ts';
import { STATE_VERSION } from '../version.ts';
import { CommandError, settingsFrom } from './command-line.ts';
import { readStoredSettings, settingsOf, settingText, storeSettings } from './stored-settings.ts';
import { typedName } from './typed-name.ts';

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
  const asked = settingsFrom(options as Record<string, string | undefined>);
  const root = rootProblem('up');
  if (root !== undefined) throw new CommandError(root);
  const unlock = lockForCommand(asked, 'up');
  try {
    await ensureUp(asked, options.yes === true);
  } finally {
    unlock();
  }
}

async function ensureUp(asked: Settings, consent: boolean): Promise<void> {
  const settings = withNodeNetwork(asked);
  const paths = pathsOf(settings);
  const keeper = keeperOf(settings);
  const running = keeper.running();
  if (running && isReady(readProgress(paths))) {
    refuseChanges(settings);
    refuseNow(asked);
    mergeContext(settings, paths);
    const proa = typedName();
    say(`The cluster is already running. Stop it with ${proa} down, look at it with ${proa} status.`);
    return;
  }
  // One that is starting was begun by a command that did not stay to see it ready, or comes back from a crash.
  const before = running ? traces(paths) : await begin(settings, keeper, consent);
  const failure = await ready(paths, before);
  if (failure !== undefined) {
    if (!running) await keeper.stop();
    throw new CommandError(`the cluster ${running ? 'does' : 'did'} not start: ${failure} (log: ${paths.log})`);
  }
  mergeContext(settings, paths);
  const proa = typedName();
  say(`
kubectl is set up: context ${CONTEXT_NAME} in ${settings.kubeconfig}. Try

  ${proa} kubectl get nodes
  ${proa} kubectl create deployment web --image=nginx:stable --replicas=2
  ${proa} kubectl get pods --watch`);
}

/** From a machine to a cluster that starts. @throws CommandError, KeeperError, PackageError */
async function begin(settings: Settings, keeper: Keeper, consent: boolean): Promise<Traces> {
  await endUnkept(pathsOf(settings), systemClock);
  const problems = await findProblems(settings);
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
  refuseChanges(settings);
  await ensurePackages(settings, consent);

  await prepareFolders(settings);
  const { logged } = traces(pathsOf(settings));
  keeper.start([LAUNCHER, 'run', '--data-dir', settings.dataDir, '--run-dir', settings.runDir]);
  return { logged, endedAt: undefined }; // the keeper begins without one
}

function mergeContext({ kubeconfig }: Settings, { adminKubeconfig }: Paths): void {
  writeKubeconfig(kubeconfig, mergeKubeconfig(readKubeconfig(kubeconfig), readKubeconfig(adminKubeconfig)));
}

/** What every process of the cluster reads: who wrote the data folder, and with which settings. */
export async function prepareFolders(settings: Settings): Promise<void> {
  const paths = pathsOf(settings);
  // What will be acknowledged inside lasts only as long as the names that lead there.
  for (const made of makeFolder(settings.dataDir, 0o711)) await syncFolder(dirname(made));
  replaceText(paths.stateVersion, `${STATE_VERSION}\n`);
  storeSettings(settings);
}

/** Nodes of one machine know each other by the network between them; clients still reach it by its own address. */
function withNodeNetwork(settings: Settings): Settings {
  const nodeIP = listOf(settings.nodeCIDR).map(firstAddress).join(',');
  if (settings.nodes === 1 || settings.nodeIP === nodeIP) return settings;
  return { ...settings, nodeIP, tlsNames: [...new Set([...settings.tlsNames, ...listOf(settings.nodeIP)])] };
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

/** What may change changes from one start to the next. @throws CommandError where a running cluster was asked for other settings */
function refuseNow(asked: Settings): void {
  const now = settingsOf(asked);
  const proa = typedName();
  const lines = SETTINGS.map(({ key, flag }) => ({ flag, had: settingText(now, key), wanted: settingText(asked, key) }))
    .filter(({ had, wanted }) => had !== wanted)
    .map(({ flag, had, wanted }) => `--${flag} ${wanted}: the cluster runs with ${had}; ${proa} down first, then this command again`);
  if (lines.length > 0) throw new CommandError(lines.join('\n'));
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

/** What earlier runs of the cluster process left, so that it is not taken for this one's. */
interface Traces {
  /** Bytes in the log. */
  readonly logged: number;
  /** When the last one that ended by itself did; undefined when none did. Milliseconds since the epoch. */
  readonly endedAt: number | undefined;
}

const traces = ({ log, ended }: Paths): Traces => ({
  logged: statSync(log, { throwIfNoEntry: false })?.size ?? 0,
  endedAt: statSync(ended, { throwIfNoEntry: false })?.mtimeMs,
});

/** Shows each step as it is reached and resolves after the last. @returns the cause, when the cluster does not start */
async function ready(paths: Paths, before: Traces): Promise<string | undefined> {
  const stop = new AbortController();
  let shown = 0;
  let starting: Progress | undefined;
  const failure = await new Promise<string | undefined>((resolve) => {
    const look = ({ progress: told, ended }: Start): void => {
      // What one that is gone had reached counts for nothing: its keeper starts another.
      const progress = told !== undefined && (told.failure !== undefined || isAlive(told)) ? told : undefined;
      if (progress !== undefined && progress.identity !== starting?.identity) {
        starting = progress;
        shown = 0;
      }
      const done = progress?.done ?? [];
      for (const { step, afterMs } of done.slice(shown)) say(`  ${step.padEnd(20)} ${(afterMs / 1000).toFixed(2)} s`);
      shown = done.length;
      if (progress?.failure !== undefined) resolve(progress.failure);
      else if (isReady(progress)) resolve(undefined);
      else if (ended !== undefined && traces(paths).endedAt !== before.endedAt)
        resolve(lastWords(textSince(paths.log, before.logged)) ?? `its process ended with status ${ended}`);
    };
    systemClock.after(READY_DEADLINE_MS, () => {
      const state = starting === undefined ? 'has not told of itself yet' : isAlive(starting) ? 'still runs' : 'is gone';
      resolve(`it is not ready after ${READY_DEADLINE_MS / 1000} s (its process ${state})`);
    });
    followStart(paths, look, stop.signal);
  });
  stop.abort();
  return failure;
}
