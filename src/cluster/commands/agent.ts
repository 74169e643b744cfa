// `proa agent`: the node's side alone, of a cluster whose API server is elsewhere. Joins with a token the first time.
import { existsSync } from 'node:fs';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { createClient } from '#client/client.ts';
import { boundLogs } from '../instance/log-files.ts';
import { pathsOf } from '../instance/paths.ts';
import { type ClusterConfig, readClusterConfig } from '../join/cluster-config.ts';
import { fetchAuthority } from '../join/cluster-info.ts';
import { NodeIdentity, type NodeIdentityDeps } from '../join/node-identity.ts';
import { givenToken } from '../join/given-token.ts';
import { joinRefusal } from '../join/refusals.ts';
import { bootstrapToken } from '../join/token.ts';
import { forgetToken } from '../local-nodes/local-nodes.ts';
import { openLog } from '../log.ts';
import { findAgentProblems, ipv6Problem } from '../machine/preflight.ts';
import { startAgent, startRuntime } from '../node/agent.ts';
import { runProcess, stopSignal } from '../node/process.ts';
import { keepRenewed } from '../pki/renewals.ts';
import { Pki } from '../pki/store.ts';
import type { Settings } from '../settings/settings.ts';
import { CommandError, settingsFrom } from './command-line.ts';
import { storeSettings } from './stored-settings.ts';
import { prepareFolders } from './up.ts';

type Options = Record<string, string | undefined>;

export async function agent(options: Options): Promise<void> {
  const machine = settingsFrom(options);
  const { server } = machine;
  if (server === '') throw new CommandError('agent needs --server https://host:port of the cluster to join');
  const problems = await findAgentProblems(machine);
  if (problems.length > 0) throw new CommandError(problems.join('\n'));
  const paths = pathsOf(machine);
  await prepareFolders(machine);

  const logger = openLog(machine.logLevel);
  const signal = stopSignal();
  const base = { clock: systemClock, ids: randomIds, logger, signal };
  void boundLogs({ ...base, settings: machine, paths });
  await runProcess({ logger, signal }, async (stops) => {
    const { pki, cluster } = await join(machine, server, options, base).catch((error: unknown) => {
      throw joinRefusal(error, server, systemClock.now());
    });
    const settings = { ...ofCluster(options, cluster), server };
    const problem = ipv6Problem(settings);
    if (problem !== undefined) throw new CommandError(problem);
    const identity = new NodeIdentity(pki, settings, base);
    storeSettings(settings);

    const deps = { ...base, settings, paths };
    const runtime = await startRuntime(deps);
    stops.push(() => runtime.stop());
    const identities = {
      kubelet: identity.transport('kubelet-client'),
      proxy: identity.transport('kube-proxy'),
      localPath: identity.transport('local-path'),
      dns: identity.transport('dns'),
      network: identity.transport('pod-network'),
    };
    const serving = {
      authority: () => pki.certificate('ca'),
      ready: () => identity.ensureServing(),
      read: () => pki.read('kubelet-server'),
    };
    const running = await startAgent(identities, runtime, { ...deps, serving });
    stops.push(() => running.stop());
    logger.info('the node agent runs', { node: settings.nodeName, server });
    void keepRenewed(
      {
        renew: async () => [await identity.ensureClients(), await identity.ensureServing()].includes(true),
        renewed: () => running.renewTls(),
        clock: systemClock,
        logger,
      },
      signal,
    );
  });
}

/** The machine's settings as they are in this cluster, whose families say which addresses the node has. @throws SettingsError */
function ofCluster(options: Options, cluster: ClusterConfig): Settings {
  return settingsFrom({ ...options, ...cluster });
}

interface Joined {
  readonly pki: Pki;
  readonly cluster: ClusterConfig;
}

/** What a member of the cluster has; made with the token the first time. @throws CommandError when there is none */
async function join(machine: Settings, server: string, options: Options, deps: NodeIdentityDeps): Promise<Joined> {
  const pki = new Pki(pathsOf(machine).pki, deps);
  const given = givenToken(options);
  if (!existsSync(pki.certificatePath('ca'))) await pki.keepAuthority(await fetchAuthority(server, given().authorityHash, deps));
  const identity = new NodeIdentity(pki, machine, deps);
  if (!identity.joined) await identity.bootstrap(bootstrapToken(given()));
  if (options['tokenFile'] !== undefined) forgetToken(options['tokenFile']);
  await identity.ensureClients();
  return { pki, cluster: await readClusterConfig(createClient(identity.transport('kubelet-client')), deps.signal) };
}
