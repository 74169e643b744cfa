// Which kind is printed how.
import { admissionPolicyBindings, mutatingAdmissionPolicies, validatingAdmissionPolicies, webhookConfigurations } from './admission.ts';
import { autoscalers, autoscalersV1, scales } from './autoscalers.ts';
import type { Printers, TablePrinter } from './contract.ts';
import { nameAndAge, resourceClaims, resourceSlices } from './devices.ts';
import { coreEvents, newEvents } from './events.ts';
import { componentStatuses, configMaps, namespaces, resourceQuotas, secrets, serviceAccounts } from './namespaces.ts';
import { leases, nodes, runtimeClasses } from './nodes.ts';
import { pods } from './pods.ts';
import {
  apiServices,
  certificateSigningRequests,
  clusterTrustBundles,
  flowSchemas,
  leaseCandidates,
  podDisruptionBudgets,
  priorityClasses,
  priorityLevels,
  roleBindings,
  storageVersionMigrations,
  storageVersions,
} from './policies.ts';
import { endpoints, endpointSlices, ingressClasses, ingresses, ipAddresses, networkPolicies, serviceCidrs, services } from './services.ts';
import {
  csiDrivers,
  csiNodes,
  csiStorageCapacities,
  persistentVolumeClaims,
  persistentVolumes,
  storageClasses,
  volumeAttachments,
  volumeAttributesClasses,
} from './storage.ts';
import {
  controllerRevisions,
  cronJobs,
  daemonSets,
  deployments,
  jobs,
  podTemplates,
  replicaSets,
  replicationControllers,
  statefulSets,
} from './workloads.ts';

/** By `group/kind`, for every version that has no row of its own as `group/version/kind`. */
const rows = {
  '/ComponentStatus': componentStatuses,
  '/ConfigMap': configMaps,
  '/Endpoints': endpoints,
  '/Event': coreEvents,
  '/Namespace': namespaces,
  '/Node': nodes,
  '/PersistentVolume': persistentVolumes,
  '/PersistentVolumeClaim': persistentVolumeClaims,
  '/Pod': pods,
  '/PodTemplate': podTemplates,
  '/ReplicationController': replicationControllers,
  '/ResourceQuota': resourceQuotas,
  '/Secret': secrets,
  '/Service': services,
  '/ServiceAccount': serviceAccounts,
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': mutatingAdmissionPolicies,
  'admissionregistration.k8s.io/MutatingAdmissionPolicyBinding': admissionPolicyBindings,
  'admissionregistration.k8s.io/MutatingWebhookConfiguration': webhookConfigurations,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicy': validatingAdmissionPolicies,
  'admissionregistration.k8s.io/ValidatingAdmissionPolicyBinding': admissionPolicyBindings,
  'admissionregistration.k8s.io/ValidatingWebhookConfiguration': webhookConfigurations,
  'apiregistration.k8s.io/APIService': apiServices,
  'apps/ControllerRevision': controllerRevisions,
  'apps/DaemonSet': daemonSets,
  'apps/Deployment': deployments,
  'apps/ReplicaSet': replicaSets,
  'apps/StatefulSet': statefulSets,
  'autoscaling/HorizontalPodAutoscaler': autoscalers,
  'autoscaling/v1/HorizontalPodAutoscaler': autoscalersV1,
  'autoscaling/Scale': scales,
  'batch/CronJob': cronJobs,
  'batch/Job': jobs,
  'certificates.k8s.io/CertificateSigningRequest': certificateSigningRequests,
  'certificates.k8s.io/ClusterTrustBundle': clusterTrustBundles,
  'coordination.k8s.io/Lease': leases,
  'coordination.k8s.io/LeaseCandidate': leaseCandidates,
  'discovery.k8s.io/EndpointSlice': endpointSlices,
  'events.k8s.io/Event': newEvents,
  'flowcontrol.apiserver.k8s.io/FlowSchema': flowSchemas,
  'flowcontrol.apiserver.k8s.io/PriorityLevelConfiguration': priorityLevels,
  'internal.apiserver.k8s.io/StorageVersion': storageVersions,
  'networking.k8s.io/IPAddress': ipAddresses,
  'networking.k8s.io/Ingress': ingresses,
  'networking.k8s.io/IngressClass': ingressClasses,
  'networking.k8s.io/NetworkPolicy': networkPolicies,
  'networking.k8s.io/ServiceCIDR': serviceCidrs,
  'node.k8s.io/RuntimeClass': runtimeClasses,
  'policy/PodDisruptionBudget': podDisruptionBudgets,
  'rbac.authorization.k8s.io/ClusterRoleBinding': roleBindings,
  'rbac.authorization.k8s.io/RoleBinding': roleBindings,
  'resource.k8s.io/DeviceClass': nameAndAge,
  'resource.k8s.io/ResourceClaim': resourceClaims,
  'resource.k8s.io/ResourceClaimTemplate': nameAndAge,
  'resource.k8s.io/ResourceSlice': resourceSlices,
  'scheduling.k8s.io/PriorityClass': priorityClasses,
  'storage.k8s.io/CSIDriver': csiDrivers,
  'storage.k8s.io/CSINode': csiNodes,
  'storage.k8s.io/CSIStorageCapacity': csiStorageCapacities,
  'storage.k8s.io/StorageClass': storageClasses,
  'storage.k8s.io/VolumeAttachment': volumeAttachments,
  'storage.k8s.io/VolumeAttributesClass': volumeAttributesClasses,
  'storagemigration.k8s.io/StorageVersionMigration': storageVersionMigrations,
} as const;

// A printer is only ever given objects of the kind it is listed under.
const byKind: ReadonlyMap<string, TablePrinter> = new Map(Object.entries(rows) as unknown as readonly (readonly [string, TablePrinter])[]);

/** Every built-in kind with columns of its own; upstream too prints the rest (Role, LimitRange, …) with name and time of creation. */
export const defaultPrinters: Printers = {
  find: ({ group, version, kind }) => byKind.get(`${group}/${version}/${kind}`) ?? byKind.get(`${group}/${kind}`),
};
