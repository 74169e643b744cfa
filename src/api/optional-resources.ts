// Resources that are served only while somebody asks for them, in the version that our own components use: those of a group's
// preferred version stand in resources.ts.
import type { Resource } from '#apimachinery/resource.ts';
import type { ClusterTrustBundle, PodCertificateRequest } from './gen/certificates-v1beta1.ts';
import type { ResourcePoolStatusRequest } from './gen/resource-v1alpha3.ts';
import type { DeviceTaintRule } from './gen/resource-v1beta2.ts';
import type { PodGroup } from './gen/scheduling-v1alpha2.ts';

export const clustertrustbundles: Resource<ClusterTrustBundle> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  resource: 'clustertrustbundles',
  kind: 'ClusterTrustBundle',
  namespaced: false,
};

export const podcertificaterequests: Resource<PodCertificateRequest> = {
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  resource: 'podcertificaterequests',
  kind: 'PodCertificateRequest',
  namespaced: true,
};

export const devicetaintrules: Resource<DeviceTaintRule> = {
  group: 'resource.k8s.io',
  version: 'v1beta2',
  resource: 'devicetaintrules',
  kind: 'DeviceTaintRule',
  namespaced: false,
};

export const resourcepoolstatusrequests: Resource<ResourcePoolStatusRequest> = {
  group: 'resource.k8s.io',
  version: 'v1alpha3',
  resource: 'resourcepoolstatusrequests',
  kind: 'ResourcePoolStatusRequest',
  namespaced: false,
};

export const podgroups: Resource<PodGroup> = {
  group: 'scheduling.k8s.io',
  version: 'v1alpha2',
  resource: 'podgroups',
  kind: 'PodGroup',
  namespaced: true,
};
