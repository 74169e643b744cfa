// `proa reset`: stops the cluster and takes away all it made: pods, mounts, interfaces, rules, cgroups, folders. What of it
// still works does not matter: it is the way out of every other failure.
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { systemClock } from '#base/clock.ts';
import { runProgram } from '#base/program.ts';
import { removeNodeNetwork } from '#network/node-network.ts';
import { lockForCommand } from '../instance/command-lock.ts';
import { keeperOf } from '../instance/keeper-of.ts';
import { LAUNCHER } from '../instance/launcher.ts';
import { readJsonIfWhole } from '../instance/json-file.ts';
import { type CniPlace, type Paths, pathsOf, type Place } from '../instance/paths.ts';
import { endUnkept } from '../instance/unkept.ts';
import { CONTEXT_NAME, KubeconfigError, readKubeconfig, withoutContext, writeKubeconfig } from '../kubeconfig.ts';
import { disconnectLocalNodes, placesOf, stopLocalNodes } from '../local-nodes/local-nodes.ts';
import { localCgroupRoot } from '../local-nodes/plan.ts';
import { removeCgroups, removeCgroupsIn } from '../machine/cgroups.ts';
import { machineDefaults } from '../machine/facts.ts';
import { mountsBelow, removeFolder } from '../machine/folders.ts';
import { releaseNamespaceFolder } from '../machine/namespace-folder.ts';
import { removeForeignPods, removePods } from '../runtime/remove-pods.ts';
import { resolveSome, SettingsError } from '../settings/resolve.ts';
import { runtimeEndpoint, type Settings } from '../settings/settings.ts';
import { CommandError, placeFrom } from './command-line.ts';
import { readStoredSettings } from './stored-settings.ts';

export async function reset(options: Record<string, string | boolean | undefined>): Promise<void> {
  const place = placeFrom(options as Record<string, string | undefined>);
  if (process.getuid?.() !== 0) throw new CommandError('proa reset must run as root: sudo proa reset');
  const unlock = lockForCommand(place, 'reset');
  try {
    await removeAll(place, options['yes'] === true);
  } finally {
    unlock();
  }
}

async function removeAll(place: Place, consent: boolean): Promise<void> {
  const paths = pathsOf(place);
  if (!signsOf(paths).some((file) => existsSync(file))) {
    process.stdout.write(`There is no cluster in ${place.dataDir}, so nothing was removed.\n`);
    return;
  }
  if (!consent && !(await agreed(place))) throw new CommandError('nothing was removed; run proa reset --yes to go ahead');
  const settings = settingsKnown(place);

  const keeper = keeperOf(place);
  await keeper.stop();
  keeper.remove();
  await endUnkept(paths, systemClock);
  await stopLocalNodes(place, systemClock);
  // Each is a machine of its own, and is reset as one: from inside its network.
  const places = placesOf(place);
  for (const { index, dataDir, runDir } of places) {
    if (existsSync(`/run/netns/proa-${index}`))
      await runProgram('nsenter', [
        `--net=/run/netns/proa-${index}`,
        LAUNCHER,
        'reset',
        '--yes',
        `--data-dir=${dataDir}`,
        `--run-dir=${runDir}`,
      ]);
  }
  if (settings.containerRuntimeEndpoint !== '') await removeForeignPods(runtimeEndpoint(settings));
  else if (existsSync(paths.containerdState)) await removePods(paths, settings.cgroupRoot);
  await removeNodeNetwork(readJsonIfWhole<CniPlace>(paths.cniPlace)?.folder ?? paths.cniConf, join(paths.cniConf, '..', 'leases'));
  removeCgroups(settings.cgroupRoot);
  if (places.length > 0)
    removeCgroupsIn(
      localCgroupRoot(settings.cgroupRoot),
      places.map(({ index }) => index),
    );
  if (settings.server === '') await disconnectLocalNodes(places);
  await releaseNamespaceFolder();
  for (const folder of [place.runDir, place.dataDir]) await removeParts(paths, folder);
  const kept = settings.server === '' ? cleanKubeconfig(settings.kubeconfig) : undefined;
  process.stdout.write(`The cluster and all it made are gone.\n${kept === undefined ? '' : `But ${kept}\n`}`);
}

const NEEDED = ['containerRuntimeEndpoint', 'cgroupRoot', 'kubeconfig', 'server'] as const;

/** What the cluster was made with, or, where that is lost or of another version, what `proa up` takes by itself. */
function settingsKnown(place: Place): Pick<Settings, (typeof NEEDED)[number]> {
  try {
    return resolveSome(NEEDED, { flags: {}, file: undefined, machine: { ...machineDefaults(process.env), ...readStoredSettings(place) } });
  } catch (error) {
    if (!(error instanceof CommandError || error instanceof SettingsError)) throw error;
    process.stderr.write(`proa: the settings of the cluster cannot be read; going by the defaults\n`);
    return resolveSome(NEEDED, { flags: {}, file: undefined, machine: machineDefaults(process.env) });
  }
}

async function agreed({ dataDir }: Place): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const { confirm, isCancel } = await import('@clack/prompts');
  const answer = await confirm({ message: `Remove the cluster and everything in ${dataDir}?`, initialValue: false });
  return !isCancel(answer) && answer;
}

/** Files of which one is enough to tell a cluster of ours, whatever was lost of the others. */
const signsOf = ({ stateVersion, settings, installation, store, pki, keeper, progress, containerdSocket }: Paths): readonly string[] => [
  ...[stateVersion, settings, installation, join(store, 'format'), join(pki, 'ca.crt')],
  ...[keeper, progress, containerdSocket],
];

/** What lies in `folder` and is Proa's: the folder may hold other things as well. Names, without their folder; not our lock. */
function partsOf({ lock: _, ...paths }: Paths, folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const ours = new Set(Object.values<string>(paths).map((path) => relative(folder, path).split(sep)[0] as string));
  return readdirSync(folder).filter((name) => ours.has(name.replace(/\.new$/, '')));
}

/** Removes what is Proa's, and the folder unless something else is in it or it is a disk of its own. @throws as removeFolder */
async function removeParts(paths: Paths, folder: string): Promise<void> {
  for (const name of partsOf(paths, folder)) await removeFolder(join(folder, name));
  if (existsSync(folder) && readdirSync(folder).length === 0 && !mountsBelow(folder).includes(folder)) rmdirSync(folder);
}

/** Takes our context out again. @returns why that could not be done */
function cleanKubeconfig(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  try {
    writeKubeconfig(path, withoutContext(readKubeconfig(path), CONTEXT_NAME));
    return undefined;
  } catch (error) {
    if (error instanceof KubeconfigError) return `${path} is no kubeconfig any more and stays as it is`;
    throw error;
  }
}
