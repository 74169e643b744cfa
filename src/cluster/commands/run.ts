// `proa run`: the whole cluster in this process, in the foreground, until SIGTERM. What `proa up` keeps running.
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { nodes } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { waitFor } from '#client/wait-for.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { type Paths, pathsOf } from '../instance/paths.ts';
import { ProgressReport } from '../instance/progress.ts';
import { adminKubeconfig, writeKubeconfig } from '../kubeconfig.ts';
import { openLog } from '../log.ts';
import { type Agent, startAgent, startRuntime } from '../node/agent.ts';
import { type ControlPlane, startApi, USERS } from '../node/control-plane.ts';
import { nodeLeaves, serverLeaves } from '../pki/inventory.ts';
import { Pki } from '../pki/store.ts';
import { firstAddress, type Settings } from '../settings/settings.ts';
import { storedSettings } from './up.ts';

/** A first pod network on a loaded machine takes a few seconds. Milliseconds. */
const NODE_READY_MS = 120_000;

export async function run(options: Record<string, string | undefined>): Promise<void> {
  const settings = storedSettings(options);
  const paths = pathsOf(settings);
  const logger = openLog(settings.logLevel);
  const progress = new ProgressReport(paths, systemClock, process.pid);
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => stopping.abort(new Error(`stopped by ${signal}`)));
  }
  const deps = { settings, paths, clock: systemClock, ids: randomIds, logger };
  const parts: { controlPlane?: ControlPlane; agent?: Agent } = {};
  try {
    const pki = await ensurePki(settings, paths);
    progress.reached('certificates');

    // The runtime and the API server need nothing of each other.
    const runtimeStarted = startRuntime({ ...deps, signal: stopping.signal });
    runtimeStarted.catch(() => {}); // awaited below; a failure of the API server comes first
    parts.controlPlane = await startApi({ ...deps, pki });
    progress.reached('API server');
    await parts.controlPlane.startDeciding();
    progress.reached('control plane');
    const runtime = await runtimeStarted;
    progress.reached('container runtime');

    const { controlPlane } = parts;
    const kubelet = controlPlane.loopback(USERS.kubelet(settings.nodeName));
    const proxy = controlPlane.loopback(USERS.proxy);
    const localPath = controlPlane.loopback(USERS.localPath);
    // DNS and the pod network watch what no upstream component of one identity may: they act for the administrator.
    const admin = controlPlane.loopback(USERS.admin);
    parts.agent = await startAgent({ kubelet, proxy, localPath, dns: admin, network: admin }, runtime, {
      ...deps,
      pki,
      signal: stopping.signal,
    });
    progress.reached('node agent');
    await nodeReady(controlPlane, settings, stopping.signal);
    progress.reached('node ready');
    logger.info('the cluster is ready', { node: settings.nodeName, afterMs: Math.round(systemClock.monotonic()) });
    await aborted(stopping.signal);
    logger.info('stopping');
  } catch (error) {
    if (!stopping.signal.aborted) {
      progress.failed((error as Error).message);
      logger.error('the cluster cannot run', { error: error as Error });
      process.exitCode = 1;
    }
  }
  await stop(parts, logger);
}

async function stop(
  { agent, controlPlane }: { readonly agent?: Agent; readonly controlPlane?: ControlPlane },
  logger: Logger,
): Promise<void> {
  await agent?.stop();
  await controlPlane?.stop();
  logger.info('stopped');
  process.exit(); // handles of neighbours (gRPC channels, file watchers) must not keep a stopped cluster alive
}

async function ensurePki(settings: Settings, paths: Paths): Promise<Pki> {
  const pki = new Pki(paths.pki, { clock: systemClock, ids: randomIds });
  for (const name of ['ca', 'front-proxy-ca'] as const) await pki.ensureAuthority(name);
  pki.ensureServiceAccountKey();
  const { nodeName, nodeIP, clusterDomain, tlsNames } = settings;
  const serviceIP = firstAddress(settings.serviceCIDR);
  const subjects = { nodeName, nodeIP, serviceIP, clusterDomain, extraNames: tlsNames };
  for (const leaf of [...serverLeaves(subjects), ...nodeLeaves(subjects)]) await pki.ensureLeaf(leaf);
  writeKubeconfig(paths.adminKubeconfig, adminKubeconfig(`https://${nodeIP}:${settings.port}`, pki.certificate('ca'), pki.read('admin')));
  return pki;
}

async function nodeReady(controlPlane: ControlPlane, { nodeName }: Settings, signal: AbortSignal): Promise<void> {
  await waitFor(
    createClient(controlPlane.loopback(USERS.admin)),
    nodes,
    { name: nodeName },
    {
      until: (node) => isConditionTrue(node?.status.conditions, 'Ready'),
      timeoutMs: NODE_READY_MS,
      clock: systemClock,
      ids: randomIds,
      signal,
    },
  );
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    // A timer of ours would not keep the process alive; the listening sockets do.
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
