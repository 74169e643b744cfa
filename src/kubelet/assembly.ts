// The parts of a kubelet and how they hold together.
import { join } from 'node:path';
import { nodes, pods, services } from '#api/resources.ts';
import { AllocationManager } from './allocation/allocation-manager.ts';
import { resizePod } from './allocation/resize.ts';
import { ensureMirror, removeMirror } from './config-sources/mirror-pods.ts';
import { PodGate } from './config-sources/pod-gate.ts';
import { PodStore } from './config-sources/pod-store.ts';
import type { DownwardFacts } from './env/downward.ts';
import { csiKind, csiPlugin } from './csi/csi-volumes.ts';
import { environmentOf } from './env/variables.ts';
import { kubeletEvents } from './events/events.ts';
import { imageManager } from './image-assembly.ts';
import { ImageVolumes } from './images/image-volumes.ts';
import { PullRecords } from './images/pull-records.ts';
import { verificationPolicy } from './images/verification-policy.ts';
import { measuredCri } from './metrics/measured-cri.ts';
import { PodStartup } from './metrics/pod-startup.ts';
import { dnsSettings } from './network/dns-settings.ts';
import { NodeObserver } from './node/node-observer.ts';
import { RuntimeState } from './node/runtime-state.ts';
import { expectsAnEnd } from './pleg/expectation.ts';
import { Pleg } from './pleg/pleg.ts';
import { assemblePlugins, type PluginParts } from './plugin-assembly.ts';
import { isStaticPod } from './pod/identity.ts';
import { containerAmounts } from './pod/resources.ts';
import { ProbeManager } from './probes/probe-manager.ts';
import { KubeletPodSteps } from './pod-workers/pod-steps.ts';
import { PodWorkers } from './pod-workers/pod-workers.ts';
import { PodReferences } from './references/pod-references.ts';
import { Backoff } from './runtime/backoff.ts';
import { RuntimeHandlers } from './runtime/runtime-handlers.ts';
import { removePod } from './runtime/remove-pod.ts';
import { resourceSettingsOf } from './runtime/resource-settings.ts';
import type { SyncDeps } from './runtime/sync-pod.ts';
import { StatsProvider } from './stats/provider.ts';
import { StatusManager } from './status/manager.ts';
import { UserNamespaces } from './user-namespaces/user-namespaces.ts';
import { atomicPlugins } from './volumes/atomic-plugins.ts';
import { emptyDirPlugin } from './volumes/empty-dir.ts';
import { hostPathPlugin } from './volumes/host-path.ts';
import { KubeletPaths } from './volumes/paths.ts';
import { PERSISTENT_KINDS, persistentPlugin } from './volumes/persistent.ts';
import { TokenManager } from './volumes/tokens.ts';
import { TrustBundles } from './volumes/trust-bundles.ts';
import { VolumeManager } from './volumes/volume-manager.ts';
import type { AssemblyInput, KubeletParts } from './parts.ts';

/** Source: NewMainKubelet; milliseconds. */
const CRASH_BACKOFF_MS = 10_000;

/** Builds all parts; nothing runs yet. Parts call one another only once they run, when all of them are there. */
export function assemble(given: AssemblyInput): KubeletParts {
  const input = { ...given, cri: measuredCri(given.cri, given.metrics, given.clock) };
  const { client, informers, cri, clock, ids, logger, config, machine, mounter, cgroups, resources, metrics } = input;
  const startup = new PodStartup(metrics, clock);
  const events = kubeletEvents(input.recorder, config.nodeName);
  const paths = new KubeletPaths(config.rootDir, config.podLogsDir, config.containerLogsDir);
  const store = new PodStore();
  const policies = { cpu: config.cpuManagerPolicy === 'static', memory: config.memoryManagerPolicy === 'Static' };
  const allocations = new AllocationManager(config.rootDir, logger, events, policies);
  const mustVerify = verificationPolicy(config.imagePullCredentialsVerificationPolicy, config.preloadedImagesVerificationAllowlist);
  const records = new PullRecords(join(config.rootDir, 'image_manager', 'pulled.json'), mustVerify, logger);
  const podInformer = informers.informer(pods, { fieldSelector: `spec.nodeName=${config.nodeName}` });
  const nodeInformer = informers.informer(nodes, { fieldSelector: `metadata.name=${config.nodeName}` });
  const serviceInformer = informers.informer(services);

  const wake = (uid: string): void => workers.wake(uid);
  const pleg = new Pleg({ cri, clock, logger, metrics, changed: wake, expecting: () => expectsAnEnd(workers, pleg) });
  const runtimeState: RuntimeState = new RuntimeState({
    cri,
    clock,
    logger,
    sinceList: () => pleg.sinceList(),
    changed() {
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
    volumesInUse: () => plugins.attachments.inUse,
    devices: () => plugins.devicePlugins.totals(),
  });
  const status = new StatusManager({
    client,
    clock,
    logger,
    metrics,
    apiPod: (uid) => store.apiPod(uid),
    mayRun: (uid) => workers.mayRun(uid),
  });
  const probes = new ProbeManager({ runtime: cri.runtime, events, clock, ids, logger, changed: (uid) => probed(uid) });
  const references = new PodReferences({ client, clock, ids, logger, changed: (holders) => holders.forEach(wake) });
  const tokens = new TokenManager(client, clock, ids);
  const plugins: PluginParts = assemblePlugins({
    ...input,
    paths,
    tokens,
    node: () => nodeInformer.get(config.nodeName),
    statusChanged: () => observer.changed(),
    wake,
  });
  const facts = (podIPs: readonly string[] = []): DownwardFacts => ({
    podIPs,
    hostIPs: observer.addresses,
    allocatable: observer.allocatable,
  });
  const images = imageManager({ ...input, startup, tokens }, events, records);
  const imageVolumes = new ImageVolumes({ images, paths, mounter, imageMounter: input.imageMounter });
  const userNamespaces = new UserNamespaces({
    paths,
    maxPods: config.maxPods,
    supports: (handler) => runtimeState.featuresOf(handler)?.userNamespaces ?? false,
  });
  const volumes = new VolumeManager({
    plugins: [
      ...atomicPlugins({ references, tokens, trustBundles: new TrustBundles(client), mounter, clock, facts }),
      emptyDirPlugin({ mounter, paths, allocatableMemory: () => observer.allocatableMemory }),
      hostPathPlugin,
      persistentPlugin(client, [...PERSISTENT_KINDS, csiKind(plugins.csiVolumes)]),
      csiPlugin(plugins.csiVolumes),
      ...input.volumePlugins,
    ],
    paths,
    mounter,
    releaseImages: (uid) => imageVolumes.release(uid),
    events,
    clock,
    logger,
    metrics,
    wake,
  });
  const resourceSettings = resourceSettingsOf(config, machine);
  const syncDeps: SyncDeps = {
    runtime: cri.runtime,
    images,
    imageVolumes,
    events,
    metrics,
    clock,
    ids,
    logger,
    paths,
    mounter,
    crashBackoff: new Backoff(clock, CRASH_BACKOFF_MS, config.maxContainerRestartPeriod),
    clusterDomain: config.clusterDomain,
    async environment(pod, container, podIPs) {
      if (!serviceInformer.hasSynced && !isStaticPod(pod)) await serviceInformer.synced();
      const volumePath = (name: string): string | undefined => volumes.mounted(pod.metadata.uid, name)?.path;
      return environmentOf({ pod, container, references, services: serviceInformer.list(), facts: facts(podIPs), volumePath });
    },
    volume: (uid, name) => volumes.mounted(uid, name),
    dra: plugins.devices,
    devices: plugins.deviceManager,
    resources,
    settings: {
      resources: () => resourceSettings,
      seccompDefault: config.seccompDefault,
      recursiveReadOnly: (handler) => runtimeState.featuresOf(handler)?.recursiveReadOnlyMounts ?? false,
    },
    dns: () => dnsSettings(config, observer.addresses),
    hostIPs: () => observer.addresses,
    cgroupParent: (pod) => cgroups.parentOf(pod),
    handlers: new RuntimeHandlers(client),
    userNamespaces,
    ending: (uid) => workers.isTerminationRequested(uid),
    started: (pod, container) => allocations.setActuated(pod.metadata.uid, container.name, containerAmounts(container, pod.spec)),
    resize: (pod, actions) =>
      resizePod(pod, actions, { runtime: cri.runtime, cgroups, allocations, cpuCFSQuota: config.cpuCFSQuota, logger }),
  };
  const steps: KubeletPodSteps = new KubeletPodSteps({
    ...syncDeps,
    pleg,
    startup,
    probes,
    status,
    volumes,
    cgroups,
    references,
    allocations,
    runtimeName: () => runtimeState.facts?.name ?? 'containerd',
    networkProblems: () => runtimeState.networkProblems(),
    nameTaken: (pod) => workers.nameTaken(pod),
    ensureMirror: (pod) => ensureMirror(pod, store, { client, logger, node: () => nodeInformer.get(config.nodeName) }),
    released({ metadata: { uid } }) {
      references.release(uid);
      tokens.forget(uid);
      gate.reconsider();
    },
    async forgotten(pod) {
      const { uid } = pod.metadata;
      allocations.forget(uid);
      userNamespaces.release(uid);
      const mirror = isStaticPod(pod) ? store.mirrorOf(pod) : undefined;
      const heir = mirror === undefined ? undefined : store.staticOf(mirror);
      // A pod that came back gets a mirror that has not ended.
      if (mirror !== undefined && (heir === undefined || heir.metadata.uid === uid)) await removeMirror(mirror, { client });
      await removePod(pod, await pleg.refresh(uid), { runtime: cri.runtime, paths });
      await pleg.refresh(uid);
    },
  });
  const workers: PodWorkers = new PodWorkers({ steps, clock, logger, metrics, startup, returned: (uid) => gate.begin(uid) });
  /** The status follows at once, even while a long step of the pod is under way. */
  const probed = (uid: string): void => {
    const pod = workers.pod(uid);
    const runtime = pleg.get(uid);
    if (pod !== undefined && runtime !== undefined && workers.mayRun(uid)) {
      const verdict = workers.verdict(uid);
      steps.publish(pod, runtime, { terminal: false, ...(verdict === undefined ? {} : { verdict }) });
    }
    wake(uid);
  };
  const sourcesReady = (): boolean => podInformer.hasSynced && input.staticPodsRead();
  const gate: PodGate = new PodGate({
    store,
    workers,
    status,
    allocations,
    devices: plugins.deviceManager,
    resources,
    events,
    metrics,
    logger,
    node: () => plugins.deviceManager.sanitized(observer.nodeOrInitial),
    pressures: () => observer.pressures,
    allowedUnsafeSysctls: config.allowedUnsafeSysctls,
    appArmor: machine.appArmor,
    shuttingDown: input.shuttingDown,
    sourcesReady,
    hasTraces: (uid) => pleg.get(uid) !== undefined,
  });
  const stats = new StatsProvider({
    cri,
    clock,
    paths,
    nodeName: config.nodeName,
    rootDir: config.rootDir,
    pleg,
    pods: () => [...store.all()].filter(({ metadata }) => workers.mayRun(metadata.uid)),
    volume: (uid, name) => volumes.mounted(uid, name),
    logger,
  });

  return {
    client,
    cri,
    clock,
    ids,
    logger,
    config,
    machine,
    mounter,
    cgroups,
    resources,
    metrics,
    sourcesReady,
    startup,
    events,
    paths,
    store,
    gate,
    podInformer,
    nodeInformer,
    runtimeState,
    pleg,
    probes,
    status,
    volumes,
    workers,
    steps,
    records,
    observer,
    references,
    allocations,
    userNamespaces,
    stats,
    plugins,
  };
}
