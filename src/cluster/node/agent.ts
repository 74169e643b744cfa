// The node's side of a cluster: container runtime, kubelet and what runs beside it. Each has the identity and the client it would
// have in a process of its own.
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Transport } from '#client/contract.ts';
import { createClient } from '#client/client.ts';
import { createInformerFactory } from '#client/informer/informer-factory.ts';
import { connectCri } from '#cri/client.ts';
import type { CriClient } from '#cri/contract.ts';
import { ensurePauseImage } from '#cri/pause/pause-image.ts';
import { imageMounterFor } from '#kubelet/images/containerd-image-mounter.ts';
import { createKubelet, type Kubelet } from '#kubelet/kubelet.ts';
import { apiAccess } from '#kubelet/server/api-access.ts';
import { createKubeletServer } from '#kubelet/server/server.ts';
import { replaceJson } from '../instance/json-file.ts';
import type { CniPlace, Paths } from '../instance/paths.ts';
import { cniFolders, usesSystemdCgroups } from '../runtime/runtime-info.ts';
import { restartWhenHung } from '../runtime/hang-watch.ts';
import { endOrphanShims } from '../runtime/orphan-shims.ts';
import { reviveWhenGone } from '../runtime/revive.ts';
import { prepareNamespaceFolder } from '../machine/namespace-folder.ts';
import { ownContainerd } from '../runtime/own-containerd.ts';
import { listOf } from '../settings/networks.ts';
import { labelsOf } from '../settings/value.ts';
import type { Settings } from '../settings/settings.ts';
import type { KeyedCertificate } from '../pki/certificate.ts';
import { type PartIdentities, RESOLV_CONF, runParts } from './agent-parts.ts';
import { kubeletConfigOf, startKubelet } from './kubelet-config.ts';

export interface AgentIdentities extends PartIdentities {
  readonly kubelet: Transport;
}

/** What the kubelet serves with. */
export interface Serving {
  /** Certificates of the cluster's authority, PEM; there before any other. */
  authority(): string;
  /** Resolves when there is a certificate; asked once the node is registered. */
  ready(): Promise<unknown>;
  read(): KeyedCertificate;
}

export interface AgentDeps {
  readonly settings: Settings;
  readonly serving: Serving;
  readonly paths: Paths;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** The runtime, started or given, with everything in it that the first pod needs. */
export interface Runtime {
  readonly cri: CriClient;
  /** Path of its socket. */
  readonly socket: string;
  /** Folder that it reads CNI configuration from. */
  readonly cniConfDir: string;
  /** `systemd` or `cgroupfs`; undefined where it does not tell. */
  readonly cgroupDriver: string | undefined;
  stop(): void;
}

/** @throws ContainerdError; CriError, ProgramError when the pause image cannot be made, CriError when a foreign one does not answer */
export async function startRuntime({ settings, paths, clock, logger, signal }: Omit<AgentDeps, 'serving'>): Promise<Runtime> {
  const own = settings.containerRuntimeEndpoint === '' ? ownContainerd(paths, { clock, logger }) : undefined;
  if (own !== undefined) await prepareNamespaceFolder();
  await own?.start(signal);
  const socket = own === undefined ? settings.containerRuntimeEndpoint.replace(/^unix:\/\//, '') : paths.containerdSocket;
  const cri = connectCri({ endpoint: `unix://${socket}`, clock, logger });
  await own?.answering(cri, signal);
  await cri.ready(signal); // another's may come up after us
  if (own !== undefined) {
    await ensurePauseImage({ address: paths.containerdSocket, images: cri.image, clock, signal });
    reviveWhenGone({ cri, containerd: own, clock, logger, signal });
    void restartWhenHung({ runtime: cri.runtime, containerd: own, clock, logger, signal });
    void endOrphanShims({ runtime: cri.runtime, containerd: own, socket, clock, logger, signal });
  }
  const foreign = own === undefined ? (await cri.runtime.status({ verbose: true })).info : undefined;
  return {
    cri,
    socket,
    cniConfDir: foreign === undefined ? paths.cniConf : foreignCniConfDir(foreign, settings, paths),
    cgroupDriver: foreign === undefined ? 'cgroupfs' : usesSystemdCgroups(foreign) ? 'systemd' : undefined,
    // containerd itself runs on: what watches over its containers must not go with this process.
    stop: () => cri.close(),
  };
}

/** As the settings say or the runtime, and noted, so that `proa reset` finds what lies there without either. */
function foreignCniConfDir(info: Readonly<Record<string, string>>, settings: Settings, { cniPlace }: Paths): string {
  const folder = settings.cniConfDir === '' ? cniFolders(info).confDir : settings.cniConfDir;
  replaceJson(cniPlace, { folder } satisfies CniPlace);
  return folder;
}

export interface Agent {
  /** Serves with the certificate that `serving` reads now. */
  renewTls(): void;
  stop(): Promise<void>;
}

/** Resolves once pods of this node are synced; the network, proxy and DNS follow as the API server has what they need. */
export async function startAgent(identities: AgentIdentities, runtime: Runtime, deps: AgentDeps): Promise<Agent> {
  const { settings, paths, clock, ids, logger } = deps;
  const ending = new AbortController();
  const signal = AbortSignal.any([deps.signal, ending.signal]);
  const part = (name: string): Logger => logger.with({ component: name });
  const kubeletClient = createClient(identities.kubelet);
  const informers = createInformerFactory({ client: kubeletClient, logger: part('kubelet'), clock, ids });
  informers.start(signal);
  const imageMounter = await imageMounterFor(runtime.cri, runtime.socket);
  const kubelet: Kubelet = createKubelet({
    client: kubeletClient,
    informers,
    cri: runtime.cri,
    clock,
    ids,
    logger: part('kubelet'),
    ...(imageMounter === undefined ? {} : { imageMounter }),
    config: {
      nodeName: settings.nodeName,
      nodeIPs: listOf(settings.nodeIP),
      port: settings.kubeletPort,
      rootDir: paths.kubelet,
      ...(settings.server === ''
        ? {}
        : { podLogsDir: join(paths.kubelet, 'log', 'pods'), containerLogsDir: join(paths.kubelet, 'log', 'containers') }),
      cgroupRoot: settings.cgroupRoot,
      hostnameOverride: settings.nodeName,
      clusterDNS: listOf(settings.clusterDNS),
      clusterDomain: settings.clusterDomain,
      resolvConf: RESOLV_CONF,
      nodeLabels: labelsOf(settings.nodeLabels),
      imageCredentialProviderConfigFile: settings.imageCredentialProviderConfig,
      imageCredentialProviderBinDir: settings.imageCredentialProviderBinDir,
      ...kubeletConfigOf(settings.kubeletConfig, part('kubelet')),
      ...(runtime.cgroupDriver === undefined ? {} : { cgroupDriver: runtime.cgroupDriver }),
      ...(settings.podManifestPath === '' ? {} : { staticPodPath: settings.podManifestPath }),
    },
  });

  const parts = runParts(identities, { ...deps, cniConfDir: runtime.cniConfDir, authority: () => deps.serving.authority(), signal });
  await startKubelet(kubelet);
  await deps.serving.ready();
  const server = createKubeletServer({
    host: kubelet.view,
    tls: () => ({ ...deps.serving.read(), clientCa: deps.serving.authority() }),
    access: apiAccess({ client: kubeletClient, clock, nodeName: settings.nodeName }),
    address: { host: settings.bindAddress, port: settings.kubeletPort },
    clock,
    logger: part('kubelet-server'),
    flags: {
      'hostname-override': settings.nodeName,
      'node-ip': settings.nodeIP,
      port: String(settings.kubeletPort),
      'root-dir': paths.kubelet,
      'cgroup-root': settings.cgroupRoot,
      'node-labels': settings.nodeLabels.join(','),
      'pod-manifest-path': settings.podManifestPath,
      config: settings.kubeletConfig,
      'image-credential-provider-config': settings.imageCredentialProviderConfig,
      'image-credential-provider-bin-dir': settings.imageCredentialProviderBinDir,
    },
  });
  await server.start();
  return {
    renewTls: () => server.reloadTls(),
    async stop() {
      await server.stop();
      await kubelet.stop();
      ending.abort(new Error('the node agent stops'));
      await parts;
    },
  };
}
