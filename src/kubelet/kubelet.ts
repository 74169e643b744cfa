// The kubelet: brings the pods bound to this node to life and tells the API how they are.
import { mkdir, realpath } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { QueueingEventRecorder, type EventRecorder } from '#client/events/event-recorder.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import type { CriClient } from '#cri/contract.ts';
import { assemble } from './assembly.ts';
import type { CgroupManager } from './cgroups/cgroup-manager.ts';
import { machineCgroups, runtimesDriver } from './cgroups/machine-cgroups.ts';
import { kubeletConfig, type KubeletConfig } from './configuration/config.ts';
import { followApiPods, setStaticPods } from './config-sources/follow-pods.ts';
import { StaticPodSource } from './config-sources/static-pods.ts';
import { EvictionManager } from './eviction/eviction-manager.ts';
import type { ImageMounter } from './images/image-volumes.ts';
import { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import { Maintenance } from './maintenance/maintenance.ts';
import { NodeLease } from './node/lease.ts';
import { readMachine, type MachineFacts } from './node/machine.ts';
import { NodeAgent } from './node/node-agent.ts';
import { extended } from './node/status.ts';
import { PodResourcesServer } from './pod-resources/pod-resources.ts';
import { connectLogind, type Logind } from './shutdown/logind.ts';
import { HealthzServer } from './server/healthz.ts';
import { ShutdownManager } from './shutdown/shutdown-manager.ts';
import { shutdownPeriods } from './shutdown/shutdown-plan.ts';
import { ResourceManagers, withReservedCpus } from './topology/resource-managers.ts';
import type { KubeletParts } from './parts.ts';
import { kubeletView, type KubeletView } from './view.ts';
import { systemMounter, type Mounter } from './volumes/mounter.ts';
import type { VolumePlugin } from './volumes/plugin.ts';

export interface KubeletOptions {
  readonly client: Client;
  /** Its informers must be started by whoever made it. */
  readonly informers: InformerFactory;
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly config: Partial<KubeletConfig> & Pick<KubeletConfig, 'nodeName'>;
  /** Read from the machine when absent. */
  readonly machine?: MachineFacts;
  /** Sends events to the API when absent. */
  readonly events?: EventRecorder;
  /** mount(8) when absent. */
  readonly mounter?: Mounter;
  /** The machine's own when absent. */
  readonly cgroups?: CgroupManager;
  /** Kinds of volumes beyond those every kubelet has. */
  readonly volumePlugins?: readonly VolumePlugin[];
  /** How logind is reached; the machine's own when absent. */
  readonly logind?: () => Promise<Logind>;
  /** For a runtime that cannot mount images into containers. */
  readonly imageMounter?: ImageMounter;
}

export interface Kubelet {
  /**
   * Static pods are synced at once, pods of the API as soon as their informer has synced; registering the node goes on
   * in the background. Resolves when all pods known at the start are being synced.
   */
  start(): Promise<void>;
  /** Containers run on. */
  stop(): Promise<void>;
  /** For the kubelet's server. @throws Error before `start` */
  readonly view: KubeletView;
}

export function createKubelet(options: KubeletOptions): Kubelet {
  const stopping = new AbortController();
  let starting: Promise<RunningKubelet> | undefined;
  let running: RunningKubelet | undefined;
  return {
    async start() {
      starting = startKubelet(options, stopping.signal);
      running = await starting;
      await running.ready;
    },
    async stop() {
      stopping.abort(new Error('the kubelet stops'));
      await (await starting)?.stop();
    },
    get view() {
      if (running === undefined) throw new Error('the kubelet has not been started');
      return running.view;
    },
  };
}

interface RunningKubelet {
  readonly view: KubeletView;
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

async function startKubelet(options: KubeletOptions, signal: AbortSignal): Promise<RunningKubelet> {
  const { client, clock, ids, logger, cri } = options;
  const metrics = new KubeletMetrics();
  const asked = kubeletConfig(options.config);
  await mkdir(asked.rootDir, { recursive: true, mode: 0o750 });
  const deps = { cri, clock, logger, metrics };
  const cgroupDriver = await runtimesDriver(asked.cgroupDriver, deps);
  // The kernel lists mounts by their real paths, and what is mounted must be seen before anything is removed.
  const config = withReservedCpus({ ...asked, cgroupDriver, rootDir: await realpath(asked.rootDir) });
  const machine = options.machine ?? (await readMachine());
  const resources = new ResourceManagers({
    ...deps,
    config,
    topology: machine.topology,
    runtime: cri.runtime,
    devices: () => parts.plugins.deviceManager,
    alive: (uid) => parts.gate.isAlive(uid),
    running: () => runningContainers(parts),
  });
  resources.load();
  const parts: KubeletParts = assemble({
    ...options,
    config,
    machine,
    recorder:
      options.events ?? new QueueingEventRecorder({ client, component: 'kubelet', host: config.nodeName, clock, ids, logger, signal }),
    cgroups: options.cgroups ?? (await machineCgroups(config, machine, { ...deps, resources })),
    resources,
    shuttingDown: () => shutdown.isShuttingDown,
    staticPodsRead: () => statics?.hasRead !== false,
    mounter: options.mounter ?? systemMounter,
    metrics,
    volumePlugins: options.volumePlugins ?? [],
    imageMounter: options.imageMounter,
  });
  const { observer, events, runtimeState, pleg, allocations, records, nodeInformer } = parts;
  const agent = new NodeAgent({
    client,
    clock,
    logger,
    config,
    events,
    listed: () => nodeInformer.get(config.nodeName),
    observe: () => observer.observe(),
  });
  const lease = new NodeLease({
    client,
    clock,
    logger,
    nodeName: config.nodeName,
    durationSeconds: config.nodeLeaseDurationSeconds,
    node: () => agent.node,
  });
  const statics = staticPodsOf(parts);
  const maintenance = new Maintenance(parts);
  const eviction = evictionOf(parts, maintenance);
  const shutdown = shutdownOf(parts, options.logind ?? (() => connectLogind({ clock })));
  observer.pressure = () => eviction.pressure;

  events.node('Normal', 'Starting', 'Starting kubelet.');
  const { plugins } = parts;
  const { claims, csiVolumes, deviceManager } = plugins;
  await Promise.all([records, allocations, parts.userNamespaces, claims, csiVolumes, deviceManager].map((part) => part.load()));
  const cgroupProblem = await parts.cgroups.start();
  observer.problem('cgroups', cgroupProblem);
  if (cgroupProblem === undefined && config.cgroupsPerQOS && config.enforceNodeAllocatable.includes('pods'))
    events.node('Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');
  plugins.dra.start();
  plugins.watcher.start();
  nodeInformer.addHandlers({
    added: () => plugins.attachments.nodeChanged(),
    updated(node, previous) {
      plugins.attachments.nodeChanged();
      // What pods may have follows at once: whoever advertised it creates pods that ask for it next.
      if (!isDeepStrictEqual(extended(node.status.capacity), extended(previous.status.capacity))) observer.changed();
    },
  });
  await plugins.devicePlugins.start();
  const podResources = podResourcesOf(parts);
  await podResources.start();
  const followed = followApiPods(parts.podInformer, parts);
  await runtimeState.start();
  await pleg.start();
  // Not before all has been looked at: a node that was Ready before its kubelet was started again stays Ready.
  observer.onChange = () => void agent.update();
  agent.start();
  lease.start();
  await statics?.start();
  maintenance.start();
  eviction.start();
  resources.start();
  await shutdown.start();
  const view = kubeletView(parts);
  const address = { host: config.healthzBindAddress, port: config.healthzPort };
  const healthz = new HealthzServer({ host: view, address, clock, logger });
  healthz.start();
  return {
    view,
    ready: admitWhenSynced(parts, followed, maintenance),
    async stop() {
      const { watcher, dra, csi, allocatable, devicePlugins } = plugins;
      for (const part of [
        healthz,
        lease,
        statics,
        pleg,
        runtimeState,
        parts.probes,
        watcher,
        dra,
        csi,
        allocatable,
        devicePlugins,
        podResources,
        resources,
        shutdown,
      ])
        part?.stop();
      await Promise.all([agent, maintenance, eviction, parts.workers].map((part) => part.stop()));
      for (const part of [parts.status, parts.volumes, parts.references]) part.stop();
      await allocations.flush();
    },
  };
}

/** Orphans are looked for as soon as the API has spoken, the last of all sources as a rule. */
async function admitWhenSynced(
  { podInformer }: KubeletParts,
  followed: { readonly admitFirst: () => void },
  maintenance: Maintenance,
): Promise<void> {
  await podInformer.synced();
  followed.admitFirst();
  await maintenance.cleanOrphans();
}

function staticPodsOf(parts: KubeletParts): StaticPodSource | undefined {
  const { config, clock, logger } = parts;
  if (config.staticPodPath === undefined) return undefined;
  return new StaticPodSource({
    directory: config.staticPodPath,
    nodeName: config.nodeName,
    clock,
    logger,
    period: config.fileCheckFrequency,
    update: (pods) => setStaticPods(pods, parts),
  });
}

function evictionOf(
  { config, clock, logger, metrics, events, stats, workers, store, observer }: KubeletParts,
  maintenance: Maintenance,
): EvictionManager {
  return new EvictionManager({
    config,
    clock,
    logger,
    metrics,
    events,
    stats,
    workers,
    pods: () => activePods({ store, workers }),
    reclaimDisk: () => maintenance.reclaimDisk(),
    changed: () => observer.changed(),
  });
}

const shutdownOf = (parts: KubeletParts, connect: () => Promise<Logind>): ShutdownManager =>
  new ShutdownManager({
    ...parts,
    periods: shutdownPeriods(parts.config),
    connect,
    rootDir: parts.config.rootDir,
    pods: () => activePods(parts),
    told: (problem) => parts.observer.problem('shutdown', problem),
  });

const activePods = ({ store, workers }: Pick<KubeletParts, 'store' | 'workers'>): readonly Pod[] =>
  [...store.all()].filter(({ metadata }) => workers.stage(metadata.uid) === 'syncing');

const runningContainers = ({ store, workers, pleg }: Pick<KubeletParts, 'store' | 'workers' | 'pleg'>) =>
  activePods({ store, workers }).flatMap(({ metadata: { uid } }) =>
    (pleg.get(uid)?.containers ?? []).flatMap(({ name, id, state }) => (state === 'running' ? [{ uid, name, id }] : [])),
  );

const podResourcesOf = (parts: KubeletParts): PodResourcesServer =>
  new PodResourcesServer({
    folder: parts.paths.podResources(),
    pods: () => activePods(parts),
    podByName: (namespace, name) => parts.store.byName(namespace, name),
    devices: parts.plugins.deviceManager,
    resources: parts.resources,
    claims: (pod, container) => parts.plugins.devices.claimsOf(pod, container),
    clock: parts.clock,
    metrics: parts.metrics,
    logger: parts.logger,
  });
