// Devices that are claimed. Source: pkg/registry/resource.
import { deviceId } from '#api/validation/resource/claim-status.ts';
import { namespaces } from '#api/resources.ts';
import type { DeviceTaintRule } from '#api/gen/resource-v1beta2.ts';
import type { DeviceRequest, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '#api/gen/resource-v1.ts';
import { forbidden, type FieldError } from '#apimachinery/field-errors.ts';
import { formatTime } from '#apimachinery/time.ts';
import { METADATA_KEPT, METADATA_OF_STATUS } from '../status-metadata.ts';
import type { Strategy, WriteContext } from '../strategy.ts';

const ADMIN_ACCESS = 'resource.kubernetes.io/admin-access';

/** Source: AuthorizedForAdmin. */
function adminErrors(requested: boolean, namespace: string, { reader }: WriteContext): readonly FieldError[] {
  if (!requested) return [];
  const found = reader.get(namespaces, namespace);
  if (found?.metadata.labels?.[ADMIN_ACCESS] === 'true') return [];
  const detail = `admin access to devices requires the \`${ADMIN_ACCESS}: true\` label on the containing namespace`;
  return [forbidden('', detail)];
}

const asksForAdmin = (requests: readonly DeviceRequest[] | null | undefined): boolean =>
  (requests ?? []).some(({ exactly }) => exactly?.adminAccess === true);

const hasAdmin = ({ status }: ResourceClaim): boolean =>
  (status.allocation?.devices.results ?? []).some(({ adminAccess }) => adminAccess === true);

export const resourceClaimStrategy = {
  resetFields: METADATA_OF_STATUS,
  validate: ({ metadata, spec }, context) => adminErrors(asksForAdmin(spec.devices.requests), metadata.namespace, context),
  subresources: {
    status: {
      prepareForUpdate: (claim, old) => withoutReleased(METADATA_KEPT.prepareForUpdate(claim, old), old),
      validateUpdate: (claim, old, context) => adminErrors(hasAdmin(claim) && !hasAdmin(old), claim.metadata.namespace, context),
    },
  },
} satisfies Strategy<ResourceClaim>;

/** The status of a device goes with its allocation. Source: dropDeallocatedStatusDevices. */
function withoutReleased(claim: ResourceClaim, old: ResourceClaim): ResourceClaim {
  const { devices: reported, ...status } = claim.status;
  if (reported === undefined) return claim;
  const held = new Set((claim.status.allocation?.devices.results ?? []).map(deviceOf));
  const released = new Set((old.status.allocation?.devices.results ?? []).map(deviceOf).filter((id) => !held.has(id)));
  const devices = reported.filter((device) => !released.has(deviceOf(device)));
  return { ...claim, status: devices.length === 0 ? status : { ...status, devices } };
}

/** Shares of one device are released together. */
const deviceOf = ({ driver, pool, device }: Parameters<typeof deviceId>[0]): string => deviceId({ driver, pool, device });

export const resourceClaimTemplateStrategy = {
  validate: ({ metadata, spec }, context) => adminErrors(asksForAdmin(spec.spec.devices.requests), metadata.namespace, context),
} satisfies Strategy<ResourceClaimTemplate>;

export const resourceSliceStrategy = {
  generation: 'desired',
  prepareForCreate: withoutAlphaFields,
  prepareForUpdate: withoutAlphaFields,
  selectableFields: { 'spec.nodeName': ({ spec }) => spec.nodeName ?? '', 'spec.driver': ({ spec }) => spec.driver },
  unknownFieldLabel: (label) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${label}`,
} satisfies Strategy<ResourceSlice>;

/** Fields of features that are off: DRAListTypeAttributes, DRANodeAllocatableResources. */
function withoutAlphaFields(slice: ResourceSlice): ResourceSlice {
  const { devices } = slice.spec;
  if (devices === undefined) return slice;
  const kept = devices.map(({ nodeAllocatableResourceMappings: _mappings, attributes, ...device }) => ({
    ...device,
    ...(attributes === undefined ? {} : { attributes: scalarAttributes(attributes) }),
  }));
  return { ...slice, spec: { ...slice.spec, devices: kept } };
}

type Attributes = NonNullable<NonNullable<ResourceSlice['spec']['devices']>[number]['attributes']>;

function scalarAttributes(attributes: Attributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, { ints: _ints, bools: _bools, strings: _strings, versions: _versions, ...scalar }]) => [
      name,
      scalar,
    ]),
  );
}

export const deviceTaintRuleStrategy = {
  generation: 'desired',
  resetFields: METADATA_OF_STATUS,
  subresources: { status: METADATA_KEPT },
  // Tolerations count from when the effect began, unless the client says when that was.
  prepareForUpdate: (rule, old, { clock }) => {
    const [now, before] = [rule.spec.taint, old.spec.taint];
    if (now.effect === before.effect || now.timeAdded !== before.timeAdded) return rule;
    return { ...rule, spec: { ...rule.spec, taint: { ...now, timeAdded: formatTime(clock.now()) } } };
  },
} satisfies Strategy<DeviceTaintRule>;
