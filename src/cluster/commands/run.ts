// `proa run` and `proa server`: the whole cluster, or its control plane, in this process until SIGTERM.
import { flushCompileCache } from 'node:module';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { nodes } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { waitFor } from '#client/wait-for.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { boundLogs } from '../instance/log-files.ts';
import { type Paths, pathsOf } from '../instance/paths.ts';
import { ProgressReport } from '../instance/progress.ts';
import { adminKubeconfig, keepKubeconfig } from '../kubeconfig.ts';
import { LocalNodes, localNodes } from '../local-nodes/local-nodes.ts';
import { openLog } from '../log.ts';
import { findServerProblems } from '../machine/preflight.ts';
import { type Agent, startAgent, startRuntime } from '../node/agent.ts';
import { markControlPlane } from '../node/control-plane-role.ts';
import { type ControlPlane, materialOf, startApi } from '../node/control-plane.ts';
import { runProcess, stopSignal } from '../node/process.ts';
import { USERS } from '../node/users.ts';
import { nodeLeaves, serverLeaves } from '../pki/inventory.ts';
import { keepRenewed } from '../pki/renewals.ts';
import { Pki } from '../pki/store.ts';
import { firstAddress, firstOf } from '../settings/networks.ts';
import { apiServerAddress, apiServerURL, type Settings } from '../settings/settings.ts';
import { CommandError, settingsFrom, storedSettings } from './command-line.ts';
import { prepareFolders } from './up.ts';

/** A first pod network on a loaded machine takes a few seconds. Milliseconds. */
const NODE_READY_MS = 120_000;

/** What `proa up` keeps running. */
export async function run(options: Record<string, string | undefined>): Promise<void> {
  const settings = storedSettings(options);
  await serve(settings, new ProgressReport(pathsOf(settings), systemClock, process.pid), withNode);
}

/** `proa server`: the control plane alone. @throws CommandError when the machine is not fit */
export async function server(options: Record<string, string | undefined>): Promise<void> {
  const settings = settingsFrom(options);
  const problems = await findServerProblems(settings);
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
  await prepareFolders(settings);
  await serve(settings, undefined, async () => {});
}

interface ServingDeps {
  readonly settings: Settings;
  readonly paths: Paths;
  readonly pki: Pki;
  readonly clock: typeof systemClock;
  readonly ids: typeof randomIds;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  readonly stops: (() => Promise<void> | void)[];
  readonly progress: ProgressReport | undefined;
}

/** Beside a control plane: its node. `begun` is what could be started before the API server was there. */
type Rest = (controlPlane: Promise<ControlPlane>, deps: ServingDeps) => Promise<Agent | void>;

async function serve(settings: Settings, progress: ProgressReport | undefined, rest: Rest): Promise<void> {
  const paths = pathsOf(settings);
  const logger = openLog(settings.logLevel);
  const signal = stopSignal();
  void boundLogs({ settings, paths, clock: systemClock, logger, signal });
  await runProcess({ logger, signal, ...(progress === undefined ? {} : { progress }) }, async (stops) => {
    const pki = new Pki(paths.pki, { clock: systemClock, ids: randomIds });
    await ensurePki(pki, settings, paths);
    progress?.reached('certificates');
    const deps = { settings, paths, pki, clock: systemClock, ids: randomIds, logger, signal, stops, progress };
    const starting = startControlPlane(deps);
    starting.catch(() => {}); // awaited below, whatever comes first
    const agent = await rest(starting, deps);
    const controlPlane = await starting;
    flushCompileCache(); // the next start finds compiled what this one loaded, even if this one is killed
    logger.info('ready', { node: settings.nodeName, afterMs: Math.round(systemClock.monotonic()) });
    void keepRenewed(
      {
        renew: () => ensurePki(pki, settings, paths),
        renewed() {
          controlPlane.renewTls();
          agent?.renewTls();
        },
        clock: systemClock,
        logger,
      },
      signal,
    );
  });
}

async function startControlPlane({ pki, progress, stops, ...deps }: ServingDeps): Promise<ControlPlane> {
  const controlPlane = await startApi({ ...deps, material: materialOf(pki) });
  stops.push(() => controlPlane.stop());
  progress?.reached('API server');
  await controlPlane.startDeciding(pki);
  progress?.reached('control plane');
  return controlPlane;
}

const withNode: Rest = async (starting, { pki, progress, stops, ...deps }) => {
  const { settings, signal } = deps;
  const further = new LocalNodes(settings, deps);
  await further.connect();
  void further.keepConnected(signal);
  // The runtime and the API server need nothing of each other.
  const runtimeStarted = startRuntime(deps);
  runtimeStarted.catch(() => {}); // awaited below; a failure of the API server comes first
  const controlPlane = await starting;
  const runtime = await runtimeStarted;
  progress?.reached('container runtime');

  const loopback = (user: Parameters<ControlPlane['loopback']>[0]) => controlPlane.loopback(user);
  const identities = {
    kubelet: loopback(USERS.kubelet(settings.nodeName)),
    proxy: loopback(USERS.proxy),
    localPath: loopback(USERS.localPath),
    dns: loopback(USERS.dns),
    network: loopback(USERS.network),
  };
  const serving = {
    authority: () => pki.certificate('ca'),
    ready: async () => {},
    read: () => pki.read('kubelet-server'),
  };
  const agent = await startAgent(identities, runtime, { ...deps, serving });
  stops.push(() => agent.stop());
  progress?.reached('node agent');
  await further.start(createClient(loopback(USERS.admin)), pki.certificate('ca'));
  await nodesReady(controlPlane, settings, signal);
  progress?.reached('node ready');
  return agent;
};

/** @returns whether anything is new */
async function ensurePki(pki: Pki, settings: Settings, paths: Paths): Promise<boolean> {
  // Most of this is waiting for the disk, and for a prime number.
  const signing = pki.ensureServiceAccountKey();
  signing.catch(() => {}); // awaited below, whatever comes first
  await Promise.all([pki.ensureAuthority('ca'), pki.ensureAuthority('front-proxy-ca')]);
  const { nodeName, nodeIP, clusterDomain, tlsNames } = settings;
  const serviceIP = firstAddress(firstOf(settings.serviceCIDR));
  const subjects = { nodeName, nodeIP, serviceIP, clusterDomain, extraNames: [...tlsNames, apiServerAddress(settings)] };
  const leaves = [...serverLeaves(subjects), ...nodeLeaves(subjects)];
  const renewed = await Promise.all(leaves.map((leaf) => pki.ensureLeaf(leaf)));
  await signing;
  keepKubeconfig(paths.adminKubeconfig, adminKubeconfig(apiServerURL(settings), pki.certificate('ca'), pki.read('admin')));
  return renewed.includes(true);
}

async function nodesReady(controlPlane: ControlPlane, settings: Settings, signal: AbortSignal): Promise<void> {
  const client = createClient(controlPlane.loopback(USERS.admin));
  const names = [settings.nodeName, ...localNodes(settings).map(({ name }) => name)];
  const marked = markControlPlane(client, settings.nodeName, { clock: systemClock, ids: randomIds, timeoutMs: NODE_READY_MS, signal });
  await Promise.all([
    marked,
    ...names.map((name) =>
      waitFor(
        client,
        nodes,
        { name },
        {
          until: (node) => isConditionTrue(node?.status.conditions, 'Ready'),
          timeoutMs: NODE_READY_MS,
          clock: systemClock,
          ids: randomIds,
          signal,
        },
      ),
    ),
  ]);
}
