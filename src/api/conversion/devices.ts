// resource.k8s.io/v1beta1 keeps a request's exact form and a device's facts one level away from where v1 has them.
// Source: pkg/apis/resource/v1beta1/conversion.go.
import type { Conversion } from './contract.ts';

interface Claim {
  readonly devices?: { readonly requests?: readonly Request[] };
}
interface Request {
  readonly name: string;
  readonly firstAvailable?: unknown;
  readonly exactly?: object;
  readonly [exact: string]: unknown;
}

function nestRequest({ name, firstAvailable, ...exactly }: Request): Request {
  const isEmpty = Object.entries(exactly).every(([, value]) => value === '');
  return { name, ...(isEmpty ? {} : { exactly }), ...(firstAvailable === undefined ? {} : { firstAvailable }) };
}

function flattenRequest({ exactly, ...request }: Request): Request {
  return { ...request, ...exactly };
}

function changeRequests(claim: Claim, change: (request: Request) => Request): Claim {
  const requests = claim.devices?.requests;
  return requests === undefined ? claim : { ...claim, devices: { ...claim.devices, requests: requests.map(change) } };
}

/** Changes `spec` of an object; what converts is only ever below it. */
function onSpec(toServed: (spec: never) => object, toStored: (spec: never) => object): Conversion {
  const apply = (object: object, change: (spec: never) => object): object => ({
    ...object,
    spec: change(((object as { spec?: object }).spec ?? {}) as never),
  });
  return {
    toServed: (object) => apply(object, toServed) as typeof object,
    toStored: (object) => apply(object, toStored) as typeof object,
  };
}

export const resourceClaims = onSpec(
  (claim: Claim) => changeRequests(claim, flattenRequest),
  (claim: Claim) => changeRequests(claim, nestRequest),
);

export const resourceClaimTemplates = onSpec(
  (template: { readonly spec?: Claim }) => ({ ...template, spec: changeRequests(template.spec ?? {}, flattenRequest) }),
  (template: { readonly spec?: Claim }) => ({ ...template, spec: changeRequests(template.spec ?? {}, nestRequest) }),
);

interface Slice {
  readonly devices?: readonly Device[];
}
interface Device {
  readonly name: string;
  readonly basic?: object;
  readonly [fact: string]: unknown;
}

export const resourceSlices = onSpec(
  (slice: Slice) => withDevices(slice, ({ name, ...basic }) => ({ name, basic })),
  (slice: Slice) => withDevices(slice, ({ basic, ...device }) => ({ ...device, ...basic })),
);

function withDevices(slice: Slice, change: (device: Device) => Device): Slice {
  return slice.devices === undefined ? slice : { ...slice, devices: slice.devices.map(change) };
}
