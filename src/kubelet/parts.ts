// The parts of a kubelet by their names, and what they are made from.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Node, Pod } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import type { EventRecorder } from '#client/events/event-recorder.ts';
import type { Informer, InformerFactory } from '#client/informer-contract.ts';
import type { CriClient } from '#cri/contract.ts';
import type { AllocationManager } from './allocation/allocation-manager.ts';
import type { CgroupManager } from './cgroups/cgroup-manager.ts';
import type { KubeletConfig } from './configuration/config.ts';
import type { PodGate } from './config-sources/pod-gate.ts';
import type { PodStore } from './config-sources/pod-store.ts';
import type { KubeletEvents } from './events/events.ts';
import type { ImageMounter } from './images/image-volumes.ts';
import type { PullRecords } from './images/pull-records.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';
import type { PodStartup } from './metrics/pod-startup.ts';
import type { MachineFacts } from './node/machine.ts';
import type { NodeObserver } from './node/node-observer.ts';
import type { RuntimeState } from './node/runtime-state.ts';
import type { Pleg } from './pleg/pleg.ts';
import type { PluginParts } from './plugin-assembly.ts';
import type { ProbeManager } from './probes/probe-manager.ts';
import type { KubeletPodSteps } from './pod-workers/pod-steps.ts';
import type { PodWorkers } from './pod-workers/pod-workers.ts';
import type { PodReferences } from './references/pod-references.ts';
import type { StatsProvider } from './stats/provider.ts';
import type { ResourceManagers } from './topology/resource-managers.ts';
import type { StatusManager } from './status/manager.ts';
import type { UserNamespaces } from './user-namespaces/user-namespaces.ts';
import type { Mounter } from './volumes/mounter.ts';
import type { KubeletPaths } from './volumes/paths.ts';
import type { VolumePlugin } from './volumes/plugin.ts';
import type { VolumeManager } from './volumes/volume-manager.ts';

/** Everything a kubelet is made from. */
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
  readonly resources: ResourceManagers;
  /** The machine is going down. */
  readonly shuttingDown: () => boolean;
  /** Whether the pods of manifests are known; true where there are none. */
  readonly staticPodsRead: () => boolean;
  readonly metrics: KubeletMetrics;
  readonly volumePlugins: readonly VolumePlugin[];
  /** Undefined where the runtime mounts images. */
  readonly imageMounter: ImageMounter | undefined;
}

type NotKept = 'informers' | 'recorder' | 'volumePlugins' | 'imageMounter' | 'shuttingDown' | 'staticPodsRead';

export interface KubeletParts extends Omit<AssemblyInput, NotKept> {
  /** Whether every source has told its pods: what nobody knows of may be anybody's before. Source: config.SourcesReady */
  readonly sourcesReady: () => boolean;
  readonly events: KubeletEvents;
  readonly paths: KubeletPaths;
  readonly store: PodStore;
  readonly gate: PodGate;
  readonly podInformer: Informer<Pod>;
  readonly nodeInformer: Informer<Node>;
  readonly runtimeState: RuntimeState;
  readonly pleg: Pleg;
  readonly probes: ProbeManager;
  readonly status: StatusManager;
  readonly volumes: VolumeManager;
  readonly workers: PodWorkers;
  readonly steps: KubeletPodSteps;
  readonly records: PullRecords;
  readonly observer: NodeObserver;
  readonly references: PodReferences;
  readonly allocations: AllocationManager;
  readonly userNamespaces: UserNamespaces;
  readonly stats: StatsProvider;
  readonly plugins: PluginParts;
  readonly startup: PodStartup;
}
