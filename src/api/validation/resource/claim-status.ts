// What a claim was given and who uses it. Source: ValidateResourceClaimStatusUpdate.
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
} from '../../gen/resource-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength, goQuote } from '#apimachinery/go-format.ts';
import { interfaceAddressErrors } from '#apimachinery/ip.ts';
import { validateNodeSelector } from '../core/affinity.ts';
import { validateConditions } from '../conditions.ts';
import { validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { requestNames, validateRequestReference, validateRequestReferences, type RequestNames } from './claims.ts';
import {
  MAX_REQUESTS,
  validateConfiguration,
  validateDeviceName,
  validateDriverName,
  validateList,
  validateParameters,
  validatePoolName,
  validateSet,
} from './names.ts';
import { validateBindingConditions } from './slices.ts';

const STATUS = Path.of('status');
const MAX_CONSUMERS = 256;
const MAX_RESULTS = 32;
const MAX_CONDITIONS = 8;
const SOURCES = ['FromClaim', 'FromClass'];
const MAX_IPS = 16;
const MAX_INTERFACE_BYTES = 256;
const MAX_HARDWARE_ADDRESS_BYTES = 128;

type DeviceId = Pick<AllocatedDeviceStatus, 'driver' | 'pool' | 'device' | 'shareID'>;

/** `driver/pool/device`, and the share of a device that several claims have. Source: MakeSharedDeviceID. */
export const deviceId = ({ driver, pool, device, shareID }: DeviceId): string =>
  `${driver}/${pool}/${device}${shareID === undefined ? '' : `/${shareID}`}`;

/** As upstream's type is printed. Source: SharedDeviceID. */
const shownId = ({ driver, pool, device, shareID }: DeviceId): object => ({
  Driver: driver,
  Pool: pool,
  Device: device,
  ShareID: shareID ?? '',
});

export function validateClaimStatusUpdate(out: Problems, claim: ResourceClaim, old: ResourceClaim): void {
  validateObjectMetaUpdate(out, claim.metadata, old.metadata);
  const { reservedFor = [], allocation, devices } = claim.status;
  validateSet(out, STATUS.child('reservedFor'), reservedFor, {
    max: MAX_CONSUMERS,
    item: (consumer, at) => validateConsumer(out, at, consumer),
    key: ({ uid }) => uid,
  });
  const allocated = new Set((allocation?.devices.results ?? []).map(deviceId));
  validateSet(out, STATUS.child('devices'), devices, {
    item: (device, at) => validateStatus(out, at, device, allocated),
    key: deviceId,
    shown: shownId,
  });
  if (reservedFor.length > 0) validateReservation(out, claim, old);
  const before = old.status.allocation;
  if (allocation === undefined) return;
  if (before !== undefined) out.immutable(STATUS.child('allocation'), allocation, semanticEqual(allocation, before));
  else validateAllocation(out, STATUS.child('allocation'), allocation, requestNames(claim.spec.devices));
}

function validateReservation(out: Problems, { metadata, status }: ResourceClaim, old: ResourceClaim): void {
  const at = STATUS.child('reservedFor');
  if (status.allocation === undefined) return out.forbidden(at, 'may not be specified when `allocated` is not set');
  if (metadata.deletionTimestamp === undefined) return;
  const before = old.status.reservedFor ?? [];
  if ((status.reservedFor ?? []).some((consumer) => !before.some((one) => semanticEqual(one, consumer))))
    out.forbidden(at, 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set');
}

function validateConsumer(out: Problems, at: Path, consumer: ResourceClaimConsumerReference): void {
  for (const key of ['resource', 'name', 'uid'] as const) if (blank(consumer[key])) out.required(at.child(key));
}

function validateAllocation(out: Problems, at: Path, { devices, nodeSelector }: AllocationResult, names: RequestNames): void {
  validateList(out, at.child('devices', 'results'), devices.results, {
    max: MAX_RESULTS,
    item: (result, path) => validateResult(out, path, result, names),
  });
  validateList(out, at.child('devices', 'config'), devices.config, {
    max: 2 * MAX_REQUESTS, // of the class and of the claim
    item: (config, path) => validateAllocatedConfiguration(out, path, config, names),
  });
  if (nodeSelector !== undefined) validateNodeSelector(out, at.child('nodeSelector'), nodeSelector);
}

function validateResult(out: Problems, at: Path, result: DeviceRequestAllocationResult, names: RequestNames): void {
  validateRequestReference(out, at.child('request'), result.request ?? '', names);
  validateDriverName(out, at.child('driver'), result.driver);
  validatePoolName(out, at.child('pool'), result.pool);
  validateDeviceName(out, at.child('device'), result.device);
  validateBindingConditions(out, at, result);
  validateShare(out, at.child('shareID'), result.shareID);
}

function validateAllocatedConfiguration(out: Problems, at: Path, config: DeviceAllocationConfiguration, names: RequestNames): void {
  out.requiredOneOf(at.child('source'), config.source, SOURCES);
  validateRequestReferences(out, at.child('requests'), config.requests, names);
  validateConfiguration(out, at, config.opaque);
}

const UUID_RE = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const URN = 'urn:uuid:';

/** Why a text is no UUID in any of its forms. Source: github.com/google/uuid Validate. */
function uuidProblem(text: string): string | undefined {
  const bad = 'invalid UUID format';
  const lower = text.toLowerCase();
  switch (byteLength(text)) {
    case 36:
      return UUID_RE.test(lower) ? undefined : bad;
    case 32:
      return /^[0-9a-f]{32}$/.test(lower) ? undefined : bad;
    case 38:
      if (!text.startsWith('{') || !text.endsWith('}')) return 'invalid bracketed UUID format';
      return UUID_RE.test(lower.slice(1, -1)) ? undefined : bad;
    case 45:
      if (!lower.startsWith(URN)) return `invalid urn prefix: ${goQuote(text.slice(0, URN.length))}`;
      return UUID_RE.test(lower.slice(URN.length)) ? undefined : bad;
    default:
      return `invalid UUID length: ${byteLength(text)}`;
  }
}

/** Source: validateUID. */
function validateShare(out: Problems, at: Path, uid: string | undefined): void {
  if (uid === undefined || UUID_RE.test(uid)) return;
  const problem = uuidProblem(uid);
  const form = 'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
  out.invalid(at, uid, problem === undefined ? form : `error validating uid: ${problem}`);
}

function validateStatus(out: Problems, at: Path, device: AllocatedDeviceStatus, allocated: ReadonlySet<string>): void {
  validateDriverName(out, at.child('driver'), device.driver);
  validatePoolName(out, at.child('pool'), device.pool);
  validateDeviceName(out, at.child('device'), device.device);
  validateShare(out, at.child('shareID'), device.shareID);
  if (!allocated.has(deviceId(device))) out.invalid(at, shownId(device), 'must be an allocated device in the claim');
  const conditions = device.conditions ?? [];
  if (conditions.length > MAX_CONDITIONS) out.tooMany(at.child('conditions'), conditions.length, MAX_CONDITIONS);
  validateConditions(out, at.child('conditions'), conditions);
  if (device.data !== undefined) validateParameters(out, at.child('data'), device.data);
  if (device.networkData !== undefined) validateNetworkData(out, at.child('networkData'), device.networkData);
}

function validateNetworkData(out: Problems, at: Path, { interfaceName = '', hardwareAddress = '', ips }: NetworkDeviceData): void {
  if (byteLength(interfaceName) > MAX_INTERFACE_BYTES) out.tooLong(at.child('interfaceName'), MAX_INTERFACE_BYTES);
  if (byteLength(hardwareAddress) > MAX_HARDWARE_ADDRESS_BYTES) out.tooLong(at.child('hardwareAddress'), MAX_HARDWARE_ADDRESS_BYTES);
  validateSet(out, at.child('ips'), ips, {
    max: MAX_IPS,
    item: (address, path) => out.add(interfaceAddressErrors(path, address)),
    key: (address) => address,
  });
}
