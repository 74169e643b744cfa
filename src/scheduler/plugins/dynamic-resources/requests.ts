// pure
// What a claim asks for, request by request; alternatives of one request stand together. Source: structured requestAccessor,
// requestData, validateDeviceRequest.
import type {
  CapacityRequirements,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceToleration,
  ResourceClaim,
} from '#api/gen/resource-v1.ts';

/** One thing to allocate: a request, or an alternative of one. */
export interface Wanted {
  /** `name`, or `name/alternative`. */
  readonly name: string;
  /** Of the request itself. */
  readonly parent: string;
  readonly deviceClass: DeviceClass;
  readonly selectors: readonly DeviceSelector[];
  readonly tolerations: readonly DeviceToleration[];
  readonly mode: 'All' | 'ExactCount';
  readonly count: number;
  readonly adminAccess: boolean;
  /** Of each device, how much is asked for. */
  readonly capacity: CapacityRequirements['requests'];
}

/** A request: the first of `alternatives` that can be had. */
export interface WantedRequest {
  readonly alternatives: readonly Wanted[];
}

/** The requests of a claim, or the reason why none can be met at present. */
export function requestsOf(
  { spec }: ResourceClaim,
  deviceClass: (name: string) => DeviceClass | undefined,
): readonly WantedRequest[] | { readonly refusal: string } {
  const requests: WantedRequest[] = [];
  for (const request of spec.devices.requests ?? []) {
    const alternatives: Wanted[] = [];
    for (const part of partsOf(request)) {
      const found = deviceClass(part.deviceClassName);
      if (found === undefined) return { refusal: `request ${part.name}: device class ${part.deviceClassName} does not exist` };
      const { name, selectors = [], tolerations = [], allocationMode, count = 1, adminAccess = false } = part;
      const base = { name, parent: request.name, deviceClass: found, selectors, tolerations, mode: allocationMode };
      alternatives.push({ ...base, count: Number(count), adminAccess, capacity: part.capacity?.requests });
    }
    if (alternatives.length === 0) return { refusal: `request ${request.name}: unsupported request type` };
    requests.push({ alternatives });
  }
  return requests;
}

/** An alternative has no admin access. */
type Part = NonNullable<DeviceRequest['exactly']> & { readonly name: string };

function partsOf({ name, exactly, firstAvailable = [] }: DeviceRequest): readonly Part[] {
  if (exactly !== undefined) return [{ ...exactly, name }];
  return firstAvailable.map((sub) => ({ ...sub, name: `${name}/${sub.name}` }));
}
