// The kubelet: brings the pods bound to this node to life and tells the API how they are.
import { mkdir, readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { QueueingEventRecorder, type EventRecorder } from '#client/events/event-recorder.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import type { CriClient } from '#cri/contract.ts';
import { assemble, type KubeletParts } from './assembly.ts';
import { noCgroups, QosCgroupManager, type CgroupManager } from './cgroups/cgroup-manager.ts';
import { CgroupHierarchy, detectLayout } from './cgroups/hierarchy.ts';
import { kubeletConfig, type KubeletConfig } from './config.ts';
import { NodeLease } from './node/lease.ts';
import { readMachine, type MachineFacts } from './node/machine.ts';
import { NodeAgent } from './node/node-agent.ts';
import { nodeAllocatable } from './node/status.ts';
import { formatBytes, milliOf, valueOf } from './pod/amounts.ts';
import { isMirrorPod } from './pod/identity.ts';
import { restoredPod } from './runtime/kill.ts';
import { systemMounter, type Mounter } from './volumes/mounter.ts';
import type { VolumePlugin } from './volumes/plugin.ts';

export interface KubeletOptions {
  readonly client: Client;
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
}

export interface Kubelet {
  /** Resolves once pods of this node are being synced; registering the node goes on in the background. */
  start(): Promise<void>;
  /** Containers run on. */
  stop(): Promise<void>;
}

export function createKubelet(options: KubeletOptions): Kubelet {
  const stopping = new AbortController();
  let running: Running | undefined;
  return {
    async start() {
      running = await startKubelet(options, stopping.signal);
    },
    async stop() {
      stopping.abort(new Error('the kubelet stops'));
      await running?.stop();
    },
  };
}

interface Running {
  stop(): Promise<void>;
}

async function startKubelet(options: KubeletOptions, signal: AbortSignal): Promise<Running> {
  const { client, informers, cri, clock, ids, logger } = options;
  const config = kubeletConfig(options.config);
  await mkdir(config.rootDir, { recursive: true, mode: 0o750 });
  const machine = options.machine ?? (await readMachine());
  const recorder =
    options.events ?? new QueueingEventRecorder({ client, component: 'kubelet', host: config.nodeName, clock, ids, logger, signal });
  const cgroups = options.cgroups ?? (await machineCgroups(config, machine, clock, logger));
  const parts = assemble({
    client,
    informers,
    cri,
    clock,
    ids,
    logger,
    config,
    machine,
    recorder,
    cgroups,
    mounter: options.mounter ?? systemMounter,
    volumePlugins: options.volumePlugins ?? [],
    ensureMirror: async () => {},
  });
  const agent = new NodeAgent({
    client,
    clock,
    logger,
    config,
    events: parts.events,
    listed: () => parts.nodeInformer.get(config.nodeName),
    observe: () => parts.observer.observe(),
  });
  const lease = new NodeLease({
    client,
    clock,
    logger,
    nodeName: config.nodeName,
    durationSeconds: config.nodeLeaseDurationSeconds,
    node: () => agent.node,
  });

  parts.events.node('Normal', 'Starting', 'Starting kubelet.');
  await parts.records.load();
  parts.observer.problem('cgroups', await cgroups.start());
  parts.observer.onChange = () => void agent.update();
  await parts.runtimeState.start();
  await parts.pleg.start();
  followPods(parts);
  void agent.start();
  lease.start();
  await parts.podInformer.synced();
  await adoptOrphans(parts);
  return {
    async stop() {
      lease.stop();
      agent.stop();
      parts.pleg.stop();
      parts.runtimeState.stop();
      parts.probes.stop();
      await parts.workers.stop();
      parts.status.stop();
      parts.volumes.stop();
      for (const cache of parts.caches) cache.stop();
    },
  };
}

async function machineCgroups(config: KubeletConfig, machine: MachineFacts, clock: Clock, logger: Logger): Promise<CgroupManager> {
  if (!config.cgroupsPerQOS) return noCgroups;
  const hierarchy = new CgroupHierarchy(detectLayout(await readFile('/proc/self/mountinfo', 'utf8')));
  const total = nodeAllocatable({ cpu: String(machine.cpus), memory: formatBytes(machine.memory) }, { ...config, evictionHard: {} });
  const enforced = config.enforceNodeAllocatable.includes('pods');
  return new QosCgroupManager({
    hierarchy,
    clock,
    logger,
    settings: {
      cgroupRoot: config.cgroupRoot,
      cpuCFSQuota: config.cpuCFSQuota,
      podPidsLimit: config.podPidsLimit,
      allocatable: enforced ? { cpu: milliOf(total['cpu']), memory: valueOf(total['memory']) } : undefined,
    },
    kill(pid) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
  });
}

/** Pods of the API come and go. */
function followPods({ podInformer, store, workers, status }: KubeletParts): void {
  const set = (pod: Pod): void => {
    store.setApi(pod);
    if (isMirrorPod(pod)) {
      const own = store.staticOf(pod);
      if (own !== undefined) status.reconcile(own.metadata.uid);
      return;
    }
    workers.update(pod);
    status.reconcile(pod.metadata.uid);
  };
  podInformer.addHandlers({
    added: set,
    updated(pod, previous) {
      if (differs(pod, previous)) set(pod);
      else {
        // Only its status changed, as a rule by this kubelet.
        store.setApi(pod);
        workers.observe(pod);
        status.reconcile(store.staticOf(pod)?.metadata.uid ?? pod.metadata.uid);
      }
    },
    deleted(pod) {
      store.removeApi(pod);
      if (!isMirrorPod(pod)) workers.remove(pod.metadata.uid);
    },
  });
}

/** Whether the pod is to be run in another way than before. Source: config podsDifferSemantically. */
function differs(a: Pod, b: Pod): boolean {
  const asked = ({ metadata, spec }: Pod): unknown => [
    spec,
    metadata.labels,
    metadata.annotations,
    metadata.deletionTimestamp,
    metadata.deletionGracePeriodSeconds,
    metadata.uid,
  ];
  return !isDeepStrictEqual(asked(a), asked(b));
}

/** Containers of pods that went while no kubelet looked are stopped. Source: HandlePodCleanups. */
async function adoptOrphans({ pleg, store, workers, cri }: KubeletParts): Promise<void> {
  for (const runtimePod of pleg.all()) {
    if (store.get(runtimePod.uid) === undefined) workers.adoptOrphan(await restoredPod(runtimePod, cri.runtime));
  }
}
