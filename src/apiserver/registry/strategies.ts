// The strategy of every built-in resource, by `pods` or `deployments.apps`. Kinds without a line here follow the shared
// rules alone.
import type { Schema } from '#api/schema.ts';
import type { Deployment, KubeObject } from '#api/types.ts';
import { groupResourceString } from '#apimachinery/resource.ts';
import { withoutGatedFields, type IsOn } from './gated-fields.ts';
import { completeStrategy, counted } from './generic-strategy.ts';
import {
  cronJobStrategy,
  daemonSetStrategy,
  deploymentStrategy,
  jobStrategy,
  replicaSetStrategy,
  replicationControllerStrategy,
  statefulSetStrategy,
} from './strategies/apps.ts';
import { certificateSigningRequestStrategy, clusterTrustBundleStrategy, podCertificateRequestStrategy } from './strategies/certificates.ts';
import { leaseCandidateStrategy } from './strategies/coordination.ts';
import {
  limitRangeStrategy,
  namespaceStrategy,
  nodeStrategy,
  persistentVolumeClaimStrategy,
  persistentVolumeStrategy,
  podTemplateStrategy,
  secretStrategy,
  serviceAccountStrategy,
} from './strategies/core.ts';
import {
  deviceTaintRuleStrategy,
  resourceClaimStrategy,
  resourceClaimTemplateStrategy,
  resourceSliceStrategy,
} from './strategies/devices.ts';
import { endpointSliceStrategy } from './strategies/discovery.ts';
import { apiServiceStrategy, customResourceDefinitionStrategy } from './strategies/extensions.ts';
import { METADATA_KEPT, METADATA_OF_STATUS } from './status-metadata.ts';
import { serviceCidrStrategy } from './strategies/networking.ts';
import { podGroupStrategy, workloadStrategy } from './strategies/scheduling.ts';
import { podStrategy } from './strategies/pods.ts';
import type { Strategy } from './strategy.ts';

/** The registry calls each strategy with objects of its own kind only. */
const of = <T extends KubeObject>(strategy: Strategy<T>): Strategy => strategy as unknown as Strategy;

const COUNTED: Strategy = { generation: 'desired' };
const COUNTED_STRICT: Strategy = { generation: 'desired', allowUnconditionalUpdate: false };
const METADATA_RESET = { resetFields: METADATA_OF_STATUS, subresources: { status: METADATA_KEPT } } satisfies Strategy;
const STATUS_ONLY: Strategy = { ...METADATA_RESET, allowUnconditionalUpdate: false };
const UPSERTED: Strategy = { allowCreateOnUpdate: true };

const OWN: Readonly<Record<string, Strategy>> = {
  pods: of(podStrategy),
  namespaces: of(namespaceStrategy),
  nodes: of(nodeStrategy),
  secrets: of(secretStrategy),
  serviceaccounts: of(serviceAccountStrategy),
  persistentvolumes: of(persistentVolumeStrategy),
  persistentvolumeclaims: of(persistentVolumeClaimStrategy),
  podtemplates: of(podTemplateStrategy),
  limitranges: of(limitRangeStrategy),
  replicationcontrollers: of(replicationControllerStrategy),
  endpoints: UPSERTED,
  'deployments.apps': of<Deployment>(deploymentStrategy),
  'replicasets.apps': of(replicaSetStrategy),
  'statefulsets.apps': of(statefulSetStrategy),
  'daemonsets.apps': of(daemonSetStrategy),
  'jobs.batch': of(jobStrategy),
  'cronjobs.batch': of(cronJobStrategy),
  'certificatesigningrequests.certificates.k8s.io': of(certificateSigningRequestStrategy),
  'endpointslices.discovery.k8s.io': of(endpointSliceStrategy),
  'customresourcedefinitions.apiextensions.k8s.io': of(customResourceDefinitionStrategy),
  'apiservices.apiregistration.k8s.io': of(apiServiceStrategy),
  'leases.coordination.k8s.io': { allowCreateOnUpdate: true, allowUnconditionalUpdate: false },
  'leasecandidates.coordination.k8s.io': of(leaseCandidateStrategy),
  'clustertrustbundles.certificates.k8s.io': of(clusterTrustBundleStrategy),
  'devicetaintrules.resource.k8s.io': of(deviceTaintRuleStrategy),
  'resourcepoolstatusrequests.resource.k8s.io': STATUS_ONLY,
  'podcertificaterequests.certificates.k8s.io': of(podCertificateRequestStrategy),
  'podgroups.scheduling.k8s.io': of(podGroupStrategy),
  'workloads.scheduling.k8s.io': of(workloadStrategy),
  'storageversions.internal.apiserver.k8s.io': STATUS_ONLY,
  'storageversionmigrations.storagemigration.k8s.io': STATUS_ONLY,
  'runtimeclasses.node.k8s.io': { allowCreateOnUpdate: true, allowUnconditionalUpdate: false },
  'poddisruptionbudgets.policy': COUNTED_STRICT,
  'networkpolicies.networking.k8s.io': COUNTED,
  'ingresses.networking.k8s.io': COUNTED,
  'ingressclasses.networking.k8s.io': COUNTED,
  'servicecidrs.networking.k8s.io': of(serviceCidrStrategy),
  'validatingwebhookconfigurations.admissionregistration.k8s.io': COUNTED_STRICT,
  'mutatingwebhookconfigurations.admissionregistration.k8s.io': COUNTED_STRICT,
  'validatingadmissionpolicies.admissionregistration.k8s.io': { ...COUNTED_STRICT, ...METADATA_RESET },
  'validatingadmissionpolicybindings.admissionregistration.k8s.io': COUNTED_STRICT,
  'mutatingadmissionpolicies.admissionregistration.k8s.io': COUNTED_STRICT,
  'mutatingadmissionpolicybindings.admissionregistration.k8s.io': COUNTED_STRICT,
  'flowschemas.flowcontrol.apiserver.k8s.io': { ...COUNTED, ...METADATA_RESET },
  'prioritylevelconfigurations.flowcontrol.apiserver.k8s.io': { ...COUNTED, ...METADATA_RESET },
  'priorityclasses.scheduling.k8s.io': { generation: 'fixed' },
  'deviceclasses.resource.k8s.io': COUNTED,
  'resourceslices.resource.k8s.io': of(resourceSliceStrategy),
  'resourceclaims.resource.k8s.io': of(resourceClaimStrategy),
  'resourceclaimtemplates.resource.k8s.io': of(resourceClaimTemplateStrategy),
  'volumeattachments.storage.k8s.io': STATUS_ONLY,
  'csidrivers.storage.k8s.io': { allowUnconditionalUpdate: false, prepareForUpdate: counted }, // from 0 on
  'csinodes.storage.k8s.io': { allowUnconditionalUpdate: false },
  'csistoragecapacities.storage.k8s.io': { allowUnconditionalUpdate: false },
  'clusterroles.rbac.authorization.k8s.io': UPSERTED,
  'clusterrolebindings.rbac.authorization.k8s.io': UPSERTED,
  'roles.rbac.authorization.k8s.io': UPSERTED,
  'rolebindings.rbac.authorization.k8s.io': UPSERTED,
};

/** @param more strategies made from configuration, over those of this file: services, events */
export function builtInStrategies(
  schema: Schema,
  more: Readonly<Record<string, Strategy>>,
  isOn: IsOn,
): Readonly<Record<string, Strategy>> {
  const strategies: Record<string, Strategy> = {};
  for (const info of schema.resources()) {
    const name = groupResourceString(info.storage);
    const isStored = info.storage.group === info.group && info.storage.version === info.version;
    if (!isStored && strategies[name] !== undefined) continue;
    strategies[name] = withoutGatedFields(name, completeStrategy(info, more[name] ?? OWN[name] ?? {}), isOn);
  }
  return strategies;
}
