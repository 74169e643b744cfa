// pure
// The controllers' configuration in use as `/configz` tells it, in the names of upstream's internal type, which has none of JSON.
// Source: cmd/kube-controller-manager app/controllermanager.go, pkg/controller/apis/config types.go and the config of each
// controller, k8s.io/kube-controller-manager config/v1alpha1 of v1.36.
import { CONTROLLERS } from '#controllers/controllers.ts';
import type { ClusterCIDR } from '#controllers/runtime/controller.ts';
import type { Tuning } from '#controllers/runtime/tuning.ts';
import { formatDuration } from '#apimachinery/duration.ts';

type Json = Readonly<Record<string, unknown>>;

export interface ControllerSettings {
  readonly kubeconfig: string;
  readonly bindAddress: string;
  /** As flags have it, in the names of LeaderElectionConfiguration (v1alpha1). */
  readonly leaderElection: Json;
  readonly controllers: readonly string[];
  readonly useServiceAccountCredentials: boolean;
  readonly clusterCIDRs: readonly ClusterCIDR[];
  readonly serviceCIDRs: readonly string[];
  readonly rootCaFile: string;
  readonly signingCertFile: string;
  readonly signingKeyFile: string;
  readonly forceDetachOnTimeout: boolean;
  readonly tuning: Tuning;
}

export const CONFIGZ_NAME = 'kubecontrollermanager.config.k8s.io';

/** Keys at a time, as the controller has it. @throws Error for a name that none has */
function ownWorkersOf(name: string): number {
  const found = CONTROLLERS.find((each) => each.name === name);
  if (found === undefined) throw new Error(`there is no controller ${name}`);
  return found.workers;
}

const capitals = (given: Json): Json =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [`${name.charAt(0).toUpperCase()}${name.slice(1)}`, value]));

export function controllerConfigz(settings: ControllerSettings): Json {
  const { clusterCIDRs, serviceCIDRs, tuning } = settings;
  const workersOf = (name: string): number => tuning.workers[name] ?? ownWorkersOf(name);
  const maskSize = (isOne: (cidr: string) => boolean): number => clusterCIDRs.find(({ cidr }) => isOne(cidr))?.nodeMaskSize ?? 0;
  const signer = { CertFile: '', KeyFile: '' };
  return {
    Generic: {
      Port: 0,
      Address: settings.bindAddress,
      MinResyncPeriod: '12h0m0s',
      ClientConnection: {
        Kubeconfig: settings.kubeconfig,
        AcceptContentTypes: '',
        ContentType: 'application/vnd.kubernetes.protobuf',
        QPS: 20,
        Burst: 30,
      },
      ControllerStartInterval: '0s',
      LeaderElection: capitals(settings.leaderElection),
      Controllers: settings.controllers,
      Debugging: { EnableProfiling: true, EnableContentionProfiling: false },
      LeaderMigrationEnabled: false,
      LeaderMigration: { LeaderName: '', ResourceLock: '', ControllerLeaders: null },
    },
    KubeCloudShared: {
      CloudProvider: { Name: '', CloudConfigFile: '' },
      ExternalCloudVolumePlugin: '',
      UseServiceAccountCredentials: settings.useServiceAccountCredentials,
      AllowUntaggedCloud: false,
      RouteReconciliationPeriod: '10s',
      NodeMonitorPeriod: '5s',
      ClusterName: 'kubernetes',
      ClusterCIDR: clusterCIDRs.map(({ cidr }) => cidr).join(','),
      AllocateNodeCIDRs: true,
      CIDRAllocatorType: 'RangeAllocator',
      ConfigureCloudRoutes: true,
      NodeSyncPeriod: '0s',
    },
    AttachDetachController: {
      DisableAttachDetachReconcilerSync: false,
      ReconcilerSyncLoopPeriod: '1m0s',
      DisableForceDetachOnTimeout: !settings.forceDetachOnTimeout,
    },
    CSRSigningController: {
      ClusterSigningCertFile: settings.signingCertFile,
      ClusterSigningKeyFile: settings.signingKeyFile,
      KubeletServingSignerConfiguration: signer,
      KubeletClientSignerConfiguration: signer,
      KubeAPIServerClientSignerConfiguration: signer,
      LegacyUnknownSignerConfiguration: signer,
      ClusterSigningDuration: formatDuration(tuning.signingMs),
    },
    DaemonSetController: { ConcurrentDaemonSetSyncs: workersOf('daemonset-controller') },
    DeploymentController: { ConcurrentDeploymentSyncs: workersOf('deployment-controller') },
    StatefulSetController: { ConcurrentStatefulSetSyncs: workersOf('statefulset-controller') },
    DeprecatedController: {},
    EndpointController: { ConcurrentEndpointSyncs: workersOf('endpoints-controller'), EndpointUpdatesBatchPeriod: '0s' },
    EndpointSliceController: {
      ConcurrentServiceEndpointSyncs: workersOf('endpointslice-controller'),
      MaxEndpointsPerSlice: tuning.endpointsPerSlice,
      EndpointUpdatesBatchPeriod: '0s',
    },
    EndpointSliceMirroringController: {
      MirroringConcurrentServiceEndpointSyncs: workersOf('endpointslice-mirroring-controller'),
      MirroringMaxEndpointsPerSubset: 1000,
      MirroringEndpointUpdatesBatchPeriod: '0s',
    },
    EphemeralVolumeController: { ConcurrentEphemeralVolumeSyncs: workersOf('ephemeral-volume-controller') },
    GarbageCollectorController: {
      EnableGarbageCollector: true,
      ConcurrentGCSyncs: workersOf('garbage-collector-controller'),
      GCIgnoredResources: [
        { Group: '', Resource: 'events' },
        { Group: 'events.k8s.io', Resource: 'events' },
      ],
    },
    HPAController: {
      ConcurrentHorizontalPodAutoscalerSyncs: workersOf('horizontal-pod-autoscaler-controller'),
      HorizontalPodAutoscalerSyncPeriod: formatDuration(tuning.autoscaling.syncMs),
      HorizontalPodAutoscalerDownscaleStabilizationWindow: formatDuration(tuning.autoscaling.downscaleStabilizationMs),
      HorizontalPodAutoscalerTolerance: tuning.autoscaling.tolerance,
      HorizontalPodAutoscalerCPUInitializationPeriod: formatDuration(tuning.autoscaling.cpuInitializationMs),
      HorizontalPodAutoscalerInitialReadinessDelay: formatDuration(tuning.autoscaling.initialReadinessMs),
    },
    JobController: { ConcurrentJobSyncs: workersOf('job-controller') },
    CronJobController: { ConcurrentCronJobSyncs: workersOf('cronjob-controller') },
    LegacySATokenCleaner: { CleanUpPeriod: '8760h0m0s' },
    NamespaceController: { NamespaceSyncPeriod: '5m0s', ConcurrentNamespaceSyncs: workersOf('namespace-controller') },
    NodeIPAMController: {
      ServiceCIDR: serviceCIDRs[0] ?? '',
      SecondaryServiceCIDR: serviceCIDRs[1] ?? '',
      NodeCIDRMaskSize: 0,
      NodeCIDRMaskSizeIPv4: maskSize((cidr) => !cidr.includes(':')),
      NodeCIDRMaskSizeIPv6: maskSize((cidr) => cidr.includes(':')),
    },
    NodeLifecycleController: {
      NodeEvictionRate: tuning.nodes.evictionRate,
      SecondaryNodeEvictionRate: tuning.nodes.secondaryEvictionRate,
      NodeStartupGracePeriod: formatDuration(tuning.nodes.startupGraceMs),
      NodeMonitorGracePeriod: formatDuration(tuning.nodes.monitorGraceMs),
      LargeClusterSizeThreshold: tuning.nodes.largeZone,
      UnhealthyZoneThreshold: tuning.nodes.unhealthyShare,
    },
    PersistentVolumeBinderController: {
      PVClaimBinderSyncPeriod: '15s',
      VolumeConfiguration: {
        EnableHostPathProvisioning: false,
        EnableDynamicProvisioning: true,
        PersistentVolumeRecyclerConfiguration: {
          MaximumRetry: 3,
          MinimumTimeoutNFS: 300,
          PodTemplateFilePathNFS: '',
          IncrementTimeoutNFS: 30,
          PodTemplateFilePathHostPath: '',
          MinimumTimeoutHostPath: 60,
          IncrementTimeoutHostPath: 30,
        },
        FlexVolumePluginDir: '',
      },
    },
    PodGCController: { TerminatedPodGCThreshold: tuning.terminatedPods === Infinity ? 0 : tuning.terminatedPods },
    ReplicaSetController: { ConcurrentRSSyncs: workersOf('replicaset-controller') },
    ReplicationController: { ConcurrentRCSyncs: workersOf('replicationcontroller-controller') },
    ResourceQuotaController: {
      ResourceQuotaSyncPeriod: formatDuration(tuning.quotaSyncMs),
      ConcurrentResourceQuotaSyncs: workersOf('resourcequota-controller'),
    },
    SAController: {
      ServiceAccountKeyFile: '',
      ConcurrentSATokenSyncs: workersOf('serviceaccount-token-controller'),
      RootCAFile: settings.rootCaFile,
    },
    ServiceController: { ConcurrentServiceSyncs: 1 },
    TTLAfterFinishedController: { ConcurrentTTLSyncs: workersOf('ttl-after-finished-controller') },
    ValidatingAdmissionPolicyStatusController: { ConcurrentPolicySyncs: workersOf('validatingadmissionpolicy-status-controller') },
    DeviceTaintEvictionController: { ConcurrentSyncs: workersOf('device-taint-eviction-controller') },
    ResourceClaimController: { ConcurrentSyncs: workersOf('resourceclaim-controller') },
  };
}
