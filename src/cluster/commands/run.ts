// `proa run`: the whole cluster in this process, in the foreground, until SIGTERM. What `proa up` keeps running; without a
// node it is `proa server`.
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { nodes } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { waitFor } from '#client/wait-for.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { type Paths, pathsOf } from '../instance/paths.ts';
import { ProgressReport } from '../instance/progress.ts';
import { adminKubeconfig, writeKubeconfig } from '../kubeconfig.ts';
import { LocalNodes, localNodes } from '../local-nodes/local-nodes.ts';
import { openLog } from '../log.ts';
import { type Agent, startAgent, startRuntime } from '../node/agent.ts';
import { type ControlPlane, startApi } from '../node/control-plane.ts';
import { runProcess, stopSignal } from '../node/process.ts';
import { USERS } from '../node/users.ts';
import { nodeLeaves, serverLeaves } from '../pki/inventory.ts';
import { keepRenewed } from '../pki/renewals.ts';
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
  const signal = stopSignal();
  const deps = { settings, paths, clock: systemClock, ids: randomIds, logger };
  await runProcess({ logger, signal, progress }, async (stops) => {
    const pki = new Pki(paths.pki, { clock: systemClock, ids: randomIds });
    await ensurePki(pki, settings, paths);
    progress.reached('certificates');

    const further = new LocalNodes(settings, { clock: systemClock, ids: randomIds, logger });
    await further.connect();
    // The runtime and the API server need nothing of each other.
    const runtimeStarted = startRuntime({ ...deps, signal });
    runtimeStarted.catch(() => {}); // awaited below; a failure of the API server comes first
    const controlPlane = await startApi({ ...deps, pki });
    stops.push(() => controlPlane.stop());
    progress.reached('API server');
    await controlPlane.startDeciding();
    progress.reached('control plane');
    const runtime = await runtimeStarted;
    progress.reached('container runtime');

    const loopback = (user: Parameters<ControlPlane['loopback']>[0]) => controlPlane.loopback(user);
    const identities = {
      kubelet: loopback(USERS.kubelet(settings.nodeName)),
      proxy: loopback(USERS.proxy),
      localPath: loopback(USERS.localPath),
      dns: loopback(USERS.dns),
      network: loopback(USERS.network),
    };
    const serving = {
      ready: async () => {},
      read: () => ({ ...pki.read('kubelet-server'), clientCa: pki.certificate('ca') }),
    };
    const agent: Agent = await startAgent(identities, runtime, { ...deps, serving, signal });
    stops.push(() => agent.stop());
    progress.reached('node agent');
    await further.start(createClient(loopback(USERS.admin)), pki.certificate('ca'));
    await nodesReady(controlPlane, settings, signal);
    progress.reached('node ready');
    logger.info('the cluster is ready', { node: settings.nodeName, afterMs: Math.round(systemClock.monotonic()) });

    void keepRenewed(
      {
        renew: () => ensurePki(pki, settings, paths),
        renewed() {
          controlPlane.renewTls();
          agent.renewTls();
        },
        clock: systemClock,
        logger,
      },
      signal,
    );
  });
}

/** @returns whether anything is new */
async function ensurePki(pki: Pki, settings: Settings, paths: Paths): Promise<boolean> {
  for (const name of ['ca', 'front-proxy-ca'] as const) await pki.ensureAuthority(name);
  pki.ensureServiceAccountKey();
  const { nodeName, nodeIP, clusterDomain, tlsNames } = settings;
  const serviceIP = firstAddress(settings.serviceCIDR);
  const subjects = { nodeName, nodeIP, serviceIP, clusterDomain, extraNames: tlsNames };
  let renewed = false;
  for (const leaf of [...serverLeaves(subjects), ...nodeLeaves(subjects)]) if (await pki.ensureLeaf(leaf)) renewed = true;
  writeKubeconfig(paths.adminKubeconfig, adminKubeconfig(`https://${nodeIP}:${settings.port}`, pki.certificate('ca'), pki.read('admin')));
  return renewed;
}

async function nodesReady(controlPlane: ControlPlane, settings: Settings, signal: AbortSignal): Promise<void> {
  const client = createClient(controlPlane.loopback(USERS.admin));
  const names = [settings.nodeName, ...localNodes(settings).map(({ name }) => name)];
  await Promise.all(
    names.map((name) =>
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
  );
}
