// pure
// What an explanation lists: all that the scheduler decides by.
import type { Resource } from '#apimachinery/resource.ts';
import {
  csidrivers,
  csinodes,
  csistoragecapacities,
  deviceclasses,
  namespaces,
  nodes,
  persistentvolumeclaims,
  persistentvolumes,
  pods,
  replicasets,
  replicationcontrollers,
  resourceclaims,
  resourceslices,
  services,
  statefulsets,
  storageclasses,
  volumeattachments,
} from '#api/resources.ts';
import { devicetaintrules } from '#api/optional-resources.ts';

export const EXPLANATION_READS: readonly Resource[] = [
  nodes,
  pods,
  namespaces,
  services,
  replicationcontrollers,
  replicasets,
  statefulsets,
  persistentvolumeclaims,
  persistentvolumes,
  storageclasses,
  csidrivers,
  csinodes,
  csistoragecapacities,
  volumeattachments,
  resourceclaims,
  deviceclasses,
  resourceslices,
];

/** Where they are served. */
export const OPTIONAL_READS: readonly Resource[] = [devicetaintrules];
