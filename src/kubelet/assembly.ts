// The parts of a kubelet and how they hold together.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import { configmaps, nodes, pods, secrets, services } from '#api/resources.ts';
import type { ConfigMap, Node, Pod, Secret, Service } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import type { CriClient } from '#cri/contract.ts';
import type { CgroupManager } from './cgroups/cgroup-manager.ts';
import type { KubeletConfig } from './config.ts';
import { PodStore } from './config-sources/pod-store.ts';
import type { DownwardFacts } from './env/downward.ts';
import { environmentOf, type References } from './env/variables.ts';
import { kubeletEvents, type KubeletEvents } from './events/events.ts';
import { ImageManager } from './images/image-manager.ts';
import { PullQueue } from './images/pull-queue.ts';
import { PullRecords } from './images/pull-records.ts';
import { parseResolvConf, type DnsSettings } from './network/dns.ts';
import type { MachineFacts } from './node/machine.ts';
import { NodeObserver } from './node/node-observer.ts';
import { RuntimeState } from './node/runtime-state.ts';
import { Pleg } from './pleg/pleg.ts';
import { ProbeManager } from './probes/probe-manager.ts';
import { KubeletPodSteps } from './pod-workers/pod-steps.ts';
import { PodWorkers } from './pod-workers/pod-workers.ts';
import { ObjectCache } from './references/object-cache.ts';
import { referencedBy } from './references/referenced.ts';
import { Backoff } from './runtime/backoff.ts';
import { removePod } from './runtime/remove-pod.ts';
import type { SyncDeps } from './runtime/sync-pod.ts';
import { StatusManager } from './status/manager.ts';
import { atomicPlugins } from './volumes/atomic-plugins.ts';
import { emptyDirPlugin } from './volumes/empty-dir.ts';
import { hostPathPlugin } from './volumes/host-path.ts';
import type { Mounter } from './volumes/mounter.ts';
import { KubeletPaths } from './volumes/paths.ts';
import type { VolumePlugin } from './volumes/plugin.ts';
import { TokenManager } from './volumes/tokens.ts';
import { TrustBundles } from './volumes/trust-bundles.ts';
import { VolumeManager } from './volumes/volume-manager.ts';

/** Everything a kubelet is made from. */
export interface KubeletParts {
  readonly client: Client;
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly config: KubeletConfig;
  readonly machine: MachineFacts;
  readonly events: KubeletEvents;
  readonly paths: KubeletPaths;
  readonly store: PodStore;
  readonly podInformer: Informer<Pod>;
  readonly nodeInformer: Informer<Node>;
  readonly serviceInformer: Informer<Service>;
  readonly runtimeState: RuntimeState;
  readonly pleg: Pleg;
  readonly probes: ProbeManager;
  readonly status: StatusManager;
  readonly volumes: VolumeManager;
  readonly workers: PodWorkers;
  readonly steps: KubeletPodSteps;
  readonly cgroups: CgroupManager;
  readonly records: PullRecords;
  readonly observer: NodeObserver;
  readonly tokens: TokenManager;
  readonly caches: readonly { stop(): void }[];
  readonly crashBackoff: Backoff;
}

export interface AssemblyInput {
  readonly client: Client;
  readonly informers: InformerFactory;
  readonly cri: CriClient;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly config: KubeletConfig;
  readonly machine: MachineFacts;
  readonly recorder: EventRecorder;
  readonly mounter: Mounter;
  readonly cgroups: CgroupManager;
  readonly volumePlugins: readonly VolumePlugin[];
  /** Makes or replaces the API copy of a static pod. */
  readonly ensureMirror: (pod: Pod, store: PodStore) => Promise<void>;
}

/** Source: NewMainKubelet; milliseconds. */
const CRASH_BACKOFF_MS = 10_000;
const IMAGE_BACKOFF_MS = 10_000;
const MAX_IMAGE_BACKOFF_MS = 300_000;

/** Builds all parts; nothing runs yet. */
export function assemble(input: AssemblyInput): KubeletParts {
  const { client, informers, cri, clock, ids, logger, config, machine, mounter, cgroups } = input;
  const events = kubeletEvents(input.recorder, config.nodeName);
  const paths = new KubeletPaths(config.rootDir, config.podLogsDir, config.containerLogsDir);
  const store = new PodStore();
  const podInformer = informers.informer(pods, { fieldSelector: `spec.nodeName=${config.nodeName}` });
  const nodeInformer = informers.informer(nodes, { fieldSelector: `metadata.name=${config.nodeName}` });
  const serviceInformer = informers.informer(services);

  // Parts call one another only while they run, when all of them are there.
  const wake = (uid: string): void => workers.wake(uid);
  const pleg = new Pleg({ cri, clock, logger, changed: wake, expecting: () => expecting(workers, pleg) });
  const runtimeState: RuntimeState = new RuntimeState({
    cri,
    clock,
    logger,
    sinceList: () => pleg.sinceList(),
    changed: () => {
      observer.changed();
      for (const uid of workers.uids()) wake(uid);
    },
  });
  const observer: NodeObserver = new NodeObserver({
    cri,
    clock,
    config,
    machine,
    runtimeState,
    node: () => nodeInformer.get(config.nodeName),
  });
  const status = new StatusManager({ client, clock, logger, apiPod: (uid) => store.apiPod(uid), mayRun: (uid) => workers.mayRun(uid) });
  const probes = new ProbeManager({
    runtime: cri.runtime,
    events,
    clock,
    ids,
    logger,
    changed(uid) {
      // The status follows at once, even while a long step of the pod is under way.
      const pod = workers.pod(uid);
      const runtime = pleg.get(uid);
      if (pod !== undefined && runtime !== undefined && workers.stage(uid) === 'syncing') steps.publish(pod, runtime, { terminal: false });
      wake(uid);
    },
  });

  const changed = (holders: readonly string[]): void => holders.forEach(wake);
  const configMapCache = new ObjectCache<ConfigMap>(configmaps, { client, clock, ids, logger, changed });
  const secretCache = new ObjectCache<Secret>(secrets, { client, clock, ids, logger, changed });
  const references: References = {
    configMap: (namespace, name) => configMapCache.get(namespace, name),
    secret: (namespace, name) => secretCache.get(namespace, name),
  };
  const tokens = new TokenManager(client, clock, ids);
  const facts = (podIPs: readonly string[] = []): DownwardFacts => ({
    podIPs,
    hostIPs: observer.addresses,
    allocatable: observer.allocatable,
  });
  const volumes = new VolumeManager({
    plugins: [
      ...atomicPlugins({ references, tokens, trustBundles: new TrustBundles(client), mounter, clock, facts }),
      emptyDirPlugin({ mounter, allocatableMemory: () => observer.allocatableMemory }),
      hostPathPlugin,
      ...input.volumePlugins,
    ],
    paths,
    mounter,
    events,
    clock,
    logger,
    wake,
  });

  const crashBackoff = new Backoff(clock, CRASH_BACKOFF_MS, config.maxContainerRestartPeriod);
  const records = new PullRecords(join(config.rootDir, 'image_manager', 'pulled.json'), logger);
  const images = new ImageManager({
    image: cri.image,
    events,
    clock,
    logger,
    backoff: new Backoff(clock, IMAGE_BACKOFF_MS, MAX_IMAGE_BACKOFF_MS),
    queue: new PullQueue(config.serializeImagePulls ? 1 : (config.maxParallelImagePulls ?? Infinity)),
    records,
    nodeConfig: () => textIfThere(join(config.rootDir, 'config.json')),
  });

  const syncDeps: SyncDeps = {
    runtime: cri.runtime,
    images,
    events,
    clock,
    ids,
    logger,
    paths,
    mounter,
    crashBackoff,
    clusterDomain: config.clusterDomain,
    environment: async (pod, container, podIPs) => {
      if (!serviceInformer.hasSynced) await serviceInformer.synced();
      return environmentOf({
        pod,
        container,
        references,
        services: serviceInformer.list(),
        facts: facts(podIPs),
        volumePath: (name) => volumes.mounted(pod.metadata.uid, name)?.path,
      });
    },
    volume: (uid, name) => volumes.mounted(uid, name),
    settings: {
      resources: () => ({ cpuCFSQuota: config.cpuCFSQuota, memoryCapacity: machine.memory }),
      seccompDefault: config.seccompDefault,
      recursiveReadOnly: () => runtimeState.facts?.handlers.find(({ name }) => name === '')?.features?.recursiveReadOnlyMounts ?? false,
    },
    dns: () => dnsSettings(config, observer.addresses),
    cgroupParent: (pod) => cgroups.parentOf(pod),
    runtimeHandler: () => '',
    ending: (uid) => workers.isTerminationRequested(uid),
    resize: async () => {},
  };
  const steps: KubeletPodSteps = new KubeletPodSteps({
    ...syncDeps,
    pleg,
    probes,
    status,
    volumes,
    cgroups,
    runtimeName: () => runtimeState.facts?.name ?? 'containerd',
    hostIPs: () => observer.addresses,
    networkProblems: () => runtimeState.networkProblems(),
    allocated: (pod) => pod,
    actuated: () => undefined,
    resizeConditions: () => [],
    hold(pod) {
      const { configMaps, secrets: names } = referencedBy(pod.spec);
      configMapCache.hold(pod.metadata.uid, pod.metadata.namespace, configMaps);
      secretCache.hold(pod.metadata.uid, pod.metadata.namespace, names);
    },
    secret: (namespace, name) => secretCache.get(namespace, name),
    nameTaken: (pod) => workers.nameTaken(pod),
    ensureMirror: (pod) => input.ensureMirror(pod, store),
    released({ metadata: { uid } }) {
      configMapCache.release(uid);
      secretCache.release(uid);
      tokens.forget(uid);
    },
    async forgotten(pod) {
      await removePod(pod, await pleg.refresh(pod.metadata.uid), { runtime: cri.runtime, paths });
      await pleg.refresh(pod.metadata.uid);
    },
  });
  const workers: PodWorkers = new PodWorkers({ steps, clock, logger });

  return {
    client,
    cri,
    clock,
    ids,
    logger,
    config,
    machine,
    events,
    paths,
    store,
    podInformer,
    nodeInformer,
    serviceInformer,
    runtimeState,
    pleg,
    probes,
    status,
    volumes,
    workers,
    steps,
    cgroups,
    records,
    observer,
    tokens,
    caches: [configMapCache, secretCache],
    crashBackoff,
  };
}

/** Containers whose end is near: of pods being ended, and those that run to their end. */
function expecting(workers: PodWorkers, pleg: Pleg): boolean {
  for (const uid of workers.uids()) {
    const stage = workers.stage(uid);
    if (stage === 'terminating') return true;
    const spec = workers.pod(uid)?.spec;
    if (stage !== 'syncing' || spec === undefined) continue;
    const running = (pleg.get(uid)?.containers ?? []).filter(({ state }) => state === 'running');
    const finite = new Set((spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy !== 'Always').map(({ name }) => name));
    if (running.some(({ name }) => finite.has(name)) || (spec.restartPolicy !== 'Always' && running.length > 0)) return true;
  }
  return false;
}

async function dnsSettings({ clusterDNS, clusterDomain, resolvConf }: KubeletConfig, addresses: readonly string[]): Promise<DnsSettings> {
  const host = resolvConf === '' ? undefined : parseResolvConf(await textIfThere(resolvConf));
  return { clusterDNS, clusterDomain, host, ipv6: addresses[0]?.includes(':') ?? false };
}

async function textIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
