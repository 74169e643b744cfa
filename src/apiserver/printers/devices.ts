// Devices and claims to them. Source: printers.go printResourceClaim, printResourceSlice, …
import type { KubeObject, ResourceSlice, ResourceV1ResourceClaim } from '#api/types.ts';
import { created, name, printer, text } from './columns.ts';
import type { TablePrinter } from './contract.ts';

/** DeviceClass, ResourceClaimTemplate: unlike kinds without a printer they show an age. */
export const nameAndAge: TablePrinter = printer<KubeObject>([name, created]);

export const resourceClaims: TablePrinter<ResourceV1ResourceClaim> = printer<ResourceV1ResourceClaim>([
  name,
  text('State', 'Whether devices are allocated to it and reserved for pods.', ({ metadata, status }) => {
    const deleted = metadata.deletionTimestamp !== undefined;
    if (status?.allocation === undefined) return deleted ? 'deleted' : 'pending';
    return [...(deleted ? ['deleted'] : []), 'allocated', ...((status.reservedFor ?? []).length === 0 ? [] : ['reserved'])].join(',');
  }),
  created,
]);

export const resourceSlices: TablePrinter<ResourceSlice> = printer<ResourceSlice>([
  name,
  text('Node', 'Node the devices are on.', ({ spec }) => spec.nodeName ?? ''),
  text('Driver', 'Driver of the devices.', ({ spec }) => spec.driver),
  text('Pool', 'Pool the devices belong to.', ({ spec }) => spec.pool.name),
  created,
]);
