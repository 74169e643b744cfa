// All controllers, and their start. Each gets a client of its own identity; informers are shared.
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Logger } from '#base/log.ts';
import type { Client } from '#client/contract.ts';
import type { QueueMetrics } from '#client/workqueue/queue-metrics.ts';
import { QueueingEventRecorder } from '#client/events/event-recorder.ts';
import type { InformerFactory } from '#client/informer-contract.ts';
import { attachDetachController } from './attach-detach/controller.ts';
import { certificateApprovingController } from './certificates/approving.ts';
import { certificateCleanerController } from './certificates/cleaning.ts';
import { podCertificateRequestCleaner } from './certificates/pod-request-cleaning.ts';
import { certificateSigningController } from './certificates/signing.ts';
import { trustBundlePublisher } from './certificates/trust-bundle.ts';
import { cronJobController } from './cronjob/controller.ts';
import { daemonSetController } from './daemonset/controller.ts';
import { deploymentController } from './deployment/controller.ts';
import { disruptionController, staleDisruptionController } from './disruption/controller.ts';
import { resourceQuotaController } from './resourcequota/controller.ts';
import { endpointsController } from './endpoints/controller.ts';
import { endpointSliceMirroringController } from './endpointslice-mirroring/controller.ts';
import { deviceTaintEviction } from './device-taint-eviction/controller.ts';
import { endpointSliceController } from './endpointslice/controller.ts';
import { ephemeralVolumeController } from './ephemeral-volume/controller.ts';
import { garbageCollector } from './garbage-collector/controller.ts';
import { horizontalPodAutoscaler } from './horizontal-pod-autoscaler/controller.ts';
import { jobController } from './job/controller.ts';
import { jobOrphanController } from './job/orphans.ts';
import { bootstrapSigner, tokenCleaner } from './bootstrap/controller.ts';
import { clusterRoleAggregationController } from './clusterrole-aggregation/controller.ts';
import { legacyTokenCleaner } from './legacy-token-cleaner/controller.ts';
import { podGarbageCollector } from './pod-gc/controller.ts';
import { serviceCidrsController } from './service-cidrs/controller.ts';
import { ttlController } from './ttl/controller.ts';
import { ControllerMetrics } from './metrics/metrics.ts';
import { namespaceController } from './namespace/controller.ts';
import { nodeLifecycleController } from './node-lifecycle/controller.ts';
import { taintEvictionController } from './taint-eviction/controller.ts';
import { nodeIpamController } from './node-ipam/controller.ts';
import { claimBinder } from './persistent-volume/claim-controller.ts';
import { volumeBinder } from './persistent-volume/volume-controller.ts';
import { replicaSetController } from './replicaset/controller.ts';
import { replicationController } from './replicationcontroller/controller.ts';
import { resourceClaimController } from './resource-claim/claim-controller.ts';
import { resourceClaimPodController } from './resource-claim/pod-controller.ts';
import { resourcePoolStatusController } from './resource-pool-status/controller.ts';
import { rootCaPublisher } from './root-ca-publisher/controller.ts';
import { eventSource, isControllerEnabled } from './runtime/controller-names.ts';
import { type Controller, type ControllerConfig, runController } from './runtime/controller.ts';
import { serviceAccountController } from './serviceaccount/controller.ts';
import { serviceAccountTokenController } from './serviceaccount-token/controller.ts';
import { attributesClassProtection, claimProtection, podGroupProtection, volumeProtection } from './storage-protection/controllers.ts';
import { storageVersionCollector } from './storage-version-gc/controller.ts';
import { storageVersionMigrator } from './storage-version-migrator/controller.ts';
import { ttlAfterFinishedController } from './ttl-after-finished/controller.ts';
import { statefulSetController } from './statefulset/controller.ts';
import { validatingAdmissionPolicyStatusController } from './validatingadmissionpolicy-status/controller.ts';
import { expandController } from './volume-expand/controller.ts';

export const CONTROLLERS: readonly Controller[] = [
  serviceAccountController,
  serviceAccountTokenController,
  rootCaPublisher,
  nodeIpamController,
  deploymentController,
  replicaSetController,
  replicationController,
  statefulSetController,
  daemonSetController,
  jobController,
  jobOrphanController,
  cronJobController,
  ttlAfterFinishedController,
  horizontalPodAutoscaler,
  claimBinder,
  volumeBinder,
  claimProtection,
  volumeProtection,
  attributesClassProtection,
  ephemeralVolumeController,
  attachDetachController,
  expandController,
  resourceClaimController,
  resourceClaimPodController,
  deviceTaintEviction,
  disruptionController,
  staleDisruptionController,
  resourceQuotaController,
  endpointsController,
  endpointSliceController,
  endpointSliceMirroringController,
  garbageCollector,
  namespaceController,
  podGarbageCollector,
  ttlController,
  clusterRoleAggregationController,
  bootstrapSigner,
  tokenCleaner,
  legacyTokenCleaner,
  serviceCidrsController,
  nodeLifecycleController,
  taintEvictionController,
  validatingAdmissionPolicyStatusController,
  certificateApprovingController,
  certificateSigningController,
  certificateCleanerController,
  podCertificateRequestCleaner,
  trustBundlePublisher,
  podGroupProtection,
  resourcePoolStatusController,
  storageVersionCollector,
  storageVersionMigrator,
];

export interface ControllersOptions {
  /** A client of the service account `kube-system/<serviceAccount>`. */
  clientFor(serviceAccount: string): Client;
  /** Over a client that may read everything the controllers read. */
  readonly informers: InformerFactory;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly config: ControllerConfig;
  /** Those that stand behind one that is off do not run; absent: as upstream has them by default. */
  readonly gates?: FeatureGates;
  /** Which of them run, as `--controllers` says it; absent: all. */
  readonly selection?: readonly string[];
  /** What the controllers count; absent: not shown to anybody. */
  readonly metrics?: ControllerMetrics;
  /** Absent: the queues are not counted. */
  readonly queues?: QueueMetrics;
  readonly signal: AbortSignal;
}

/** Runs all controllers; resolves when the signal has aborted and all have ended. */
export async function runControllers(options: ControllersOptions): Promise<void> {
  const { clientFor, informers, clock, ids, logger, config, queues, signal, metrics = new ControllerMetrics() } = options;
  const { selection, gates = new FeatureGates('') } = options;
  const selected = CONTROLLERS.filter(
    (controller) =>
      (controller.gates ?? []).every((gate) => gates.isOn(gate)) &&
      (selection === undefined || isControllerEnabled(controller.name, selection)),
  );
  await Promise.all(
    selected.map((controller) => {
      const client = clientFor(controller.serviceAccount);
      const own = logger.with({ controller: controller.name });
      const events = new QueueingEventRecorder({ client, component: eventSource(controller.name), clock, ids, logger: own, signal });
      const counted = queues === undefined ? {} : { queues };
      return runController(controller, { client, informers, events, clock, ids, logger: own, config, gates, signal, metrics, ...counted });
    }),
  );
}
