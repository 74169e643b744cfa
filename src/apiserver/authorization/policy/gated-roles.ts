// What the default policy has more of while features are on. Source: bootstrappolicy controller_policy.go, policy.go.
import { ALL_SERVICE_ACCOUNTS } from '../../authentication/names.ts';
import type { SubjectLine } from './cluster-roles.ts';
import { EVENTS, type RuleLine } from './table.ts';

interface Gated {
  readonly gate: string;
  readonly rules: readonly RuleLine[];
}

/** By the controller's name, as CONTROLLER_ROLES. */
export const GATED_CONTROLLER_ROLES: Readonly<Record<string, Gated>> = {
  'kube-apiserver-serving-clustertrustbundle-publisher': {
    gate: 'ClusterTrustBundle',
    rules: [
      'attest | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-serving',
      'create delete list update watch | certificates.k8s.io | clustertrustbundles',
      EVENTS,
    ],
  },
  podcertificaterequestcleaner: {
    gate: 'PodCertificateRequest',
    rules: ['delete get list watch | certificates.k8s.io | podcertificaterequests'],
  },
  'podgroup-protection-controller': {
    gate: 'GenericWorkload',
    rules: ['get list update watch | scheduling.k8s.io | podgroups', 'read | core | pods'],
  },
  'resourcepoolstatusrequest-controller': {
    gate: 'DRAResourcePoolStatus',
    rules: [
      'delete get list watch | resource.k8s.io | resourcepoolstatusrequests',
      'change | resource.k8s.io | resourcepoolstatusrequests/status',
      'read | resource.k8s.io | resourceclaims resourceslices',
      EVENTS,
    ],
  },
  'storage-version-garbage-collector': {
    gate: 'StorageVersionAPI',
    rules: [
      'read | coordination.k8s.io | leases',
      'delete get list patch update watch | internal.apiserver.k8s.io | storageversions',
      'get patch update | internal.apiserver.k8s.io | storageversions/status',
    ],
  },
  'storage-version-migrator-controller': {
    gate: 'StorageVersionMigrator',
    rules: [
      'create list patch watch | * | *',
      'update | storagemigration.k8s.io | storageversionmigrations/status',
      'get | apiextensions.k8s.io | customresourcedefinitions',
      'change | apiextensions.k8s.io | customresourcedefinitions/status',
    ],
  },
};

/** By the name of role and binding. */
export const GATED_CLUSTER_ROLES: Readonly<Record<string, Gated & { readonly subjects: readonly SubjectLine[] }>> = {
  'system:cluster-trust-bundle-discovery': {
    gate: 'ClusterTrustBundle',
    rules: ['read | certificates.k8s.io | clustertrustbundles'],
    subjects: [`group ${ALL_SERVICE_ACCOUNTS}`],
  },
};

/** Rules that a role of the default policy, by its whole name, has beyond the others. */
export const GATED_RULES: readonly (Gated & { readonly role: string })[] = [
  {
    role: 'system:controller:device-taint-eviction-controller',
    gate: 'DRADeviceTaintRules',
    rules: ['read | resource.k8s.io | devicetaintrules', 'change | resource.k8s.io | devicetaintrules/status'],
  },
  {
    role: 'system:controller:job-controller',
    gate: 'WorkloadWithJob',
    rules: ['create get list watch | scheduling.k8s.io | workloads podgroups'],
  },
  {
    role: 'system:controller:resource-claim-controller',
    gate: 'DRAWorkloadResourceClaims',
    rules: ['read | scheduling.k8s.io | podgroups', 'change | scheduling.k8s.io | podgroups/status'],
  },
  {
    role: 'system:aggregate-to-view',
    gate: 'GenericWorkload',
    rules: ['read | scheduling.k8s.io | workloads podgroups podgroups/status'],
  },
  {
    role: 'system:aggregate-to-edit',
    gate: 'GenericWorkload',
    rules: ['write | scheduling.k8s.io | workloads podgroups'],
  },
  {
    role: 'system:kube-scheduler',
    gate: 'DRADeviceTaintRules',
    rules: ['read | resource.k8s.io | devicetaintrules'],
  },
  {
    role: 'system:kube-scheduler',
    gate: 'GenericWorkload',
    rules: ['read | scheduling.k8s.io | podgroups', 'change | scheduling.k8s.io | podgroups/status'],
  },
  {
    role: 'system:node',
    gate: 'ClusterTrustBundle',
    rules: ['read | certificates.k8s.io | clustertrustbundles'],
  },
  {
    role: 'system:node',
    gate: 'PodCertificateRequest',
    rules: ['create get list watch | certificates.k8s.io | podcertificaterequests'],
  },
];
