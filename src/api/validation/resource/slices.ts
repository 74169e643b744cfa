// ResourceSlices: the devices a driver offers. Source: ValidateResourceSlice and below.
import type {
  CounterSet,
  Device,
  DeviceAttribute,
  DeviceCapacity,
  DeviceTaint,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../gen/resource-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1123Label, dns1123Subdomain, LABEL_MAX_LENGTH, labelValue } from '#apimachinery/names.ts';
import { validateNodeSelector } from '../core/affinity.ts';
import { validateLabelKey } from '../label-selectors.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, entries, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';
import { validateRequestPolicy } from './capacity.ts';
import { TAINT_EFFECTS } from './claims.ts';
import {
  shortened,
  validateDeviceName,
  validateDriverName,
  validateList,
  validatePoolName,
  validateQualifiedKey,
  validateSet,
} from './names.ts';

const SPEC = Path.of('spec');
const MAX_DEVICES = 128;
/** Where devices have taints or share counters. */
const MAX_RICH_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const MAX_COUNTERS = 32;
const MAX_CONSUMPTIONS = 2;
const MAX_ENTRIES = 32;
const MAX_VALUE_BYTES = 64;
const MAX_TAINTS = 16;
const MAX_BINDING_CONDITIONS = 4;
/** A domain of 63 bytes, a slash and a name of 32. Source: attributeAndCapacityMaxKeyLength. */
const MAX_SHOWN_KEY_BYTES = 96;

export function validateSlice(out: Problems, slice: ResourceSlice): void {
  validateObjectMeta(out, slice.metadata, 'cluster', subdomainName);
  validateSliceSpec(out, slice.spec, undefined);
}

export function validateSliceUpdate(out: Problems, slice: ResourceSlice, old: ResourceSlice): void {
  validateObjectMetaUpdate(out, slice.metadata, old.metadata);
  validateSliceSpec(out, slice.spec, old.spec);
}

function validateSliceSpec(out: Problems, spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined): void {
  const { driver, pool, devices, sharedCounters } = spec;
  validateDriverName(out, SPEC.child('driver'), driver);
  validatePoolName(out, SPEC.child('pool', 'name'), pool?.name);
  const count = pool?.resourceSliceCount ?? 0;
  if (count <= 0) out.invalid(SPEC.child('pool', 'resourceSliceCount'), count, 'must be greater than zero');
  const generation = pool?.generation ?? 0;
  if (generation < 0) out.invalid(SPEC.child('pool', 'generation'), generation, 'must be greater than or equal to zero');
  if (old !== undefined) {
    out.immutable(SPEC.child('pool', 'name'), pool?.name, pool?.name === old.pool.name);
    out.immutable(SPEC.child('driver'), driver, driver === old.driver);
    out.immutable(SPEC.child('nodeName'), spec.nodeName, spec.nodeName === old.nodeName);
  }
  validateSliceNodes(out, spec);
  if (sharedCounters !== undefined && devices !== undefined) out.invalid(SPEC, '', 'only one of `sharedCounters` or `devices` is allowed');
  const rich = (devices ?? []).some(({ taints = [], consumesCounters = [] }) => taints.length > 0 || consumesCounters.length > 0);
  const before = new Map((old?.devices ?? []).map((device) => [device.name, device]));
  validateSet(out, SPEC.child('devices'), devices, {
    max: rich ? MAX_RICH_DEVICES : MAX_DEVICES,
    item: (device, at) =>
      validateDevice(out, at, { device, old: before.get(device.name), perDevice: spec.perDeviceNodeSelection === true }),
    key: ({ name }) => name,
  });
  validateSet(out, SPEC.child('sharedCounters'), sharedCounters, {
    max: MAX_COUNTER_SETS,
    item: ({ name, counters }, at) => {
      validateCounterSetName(out, at.child('name'), name);
      validateCounters(out, at.child('counters'), counters);
    },
    key: ({ name }) => name,
  });
}

function validateNodeName(out: Problems, at: Path, name: string, empty: string): boolean {
  if (name === '') out.invalid(at, name, empty);
  else out.each(at, name, dns1123Subdomain(name));
  return name !== '';
}

function validateTrue(out: Problems, at: Path, value: boolean): boolean {
  if (!value) out.invalid(at, value, 'must be either unset or set to true');
  return value;
}

const ONE_OF_NODES = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

function validateSliceNodes(
  out: Problems,
  { nodeName, nodeSelector, allNodes, perDeviceNodeSelection: perDevice }: ResourceSliceSpec,
): void {
  const set: string[] = [];
  if (
    nodeName !== undefined &&
    validateNodeName(out, SPEC.child('nodeName'), nodeName, 'must be either unset or set to a non-empty string')
  )
    set.push('`nodeName`');
  if (nodeSelector !== undefined) {
    set.push('`nodeSelector`');
    validateNodeSelector(out, SPEC.child('nodeSelector'), nodeSelector);
    const terms = nodeSelector.nodeSelectorTerms ?? [];
    if (terms.length !== 1) out.invalid(SPEC.child('nodeSelector', 'nodeSelectorTerms'), terms, 'must have exactly one node selector term');
  }
  if (allNodes !== undefined && validateTrue(out, SPEC.child('allNodes'), allNodes)) set.push('`allNodes`');
  if (perDevice !== undefined && validateTrue(out, SPEC.child('perDeviceNodeSelection'), perDevice)) set.push('`perDeviceNodeSelection`');
  if (set.length === 0) out.required(SPEC, ONE_OF_NODES);
  if (set.length > 1) out.invalid(SPEC, `{${set.join(', ')}}`, `${ONE_OF_NODES}, but multiple fields are set`);
}

interface DeviceCase {
  readonly device: Device;
  readonly old: Device | undefined;
  /** The slice leaves it to each device on which nodes it is. */
  readonly perDevice: boolean;
}

function validateDevice(out: Problems, at: Path, { device, old, perDevice }: DeviceCase): void {
  const { attributes, capacity, taints, consumesCounters, allowMultipleAllocations } = device;
  validateDeviceName(out, at.child('name'), device.name);
  const count = entries(attributes).length + entries(capacity).length;
  if (count > MAX_ENTRIES) out.invalid(at, count, `the total number of attributes and capacities must not exceed ${MAX_ENTRIES}`);
  for (const [name, attribute] of entries(attributes)) {
    const path = at.child('attributes').key(shortened(name, MAX_SHOWN_KEY_BYTES));
    validateQualifiedKey(out, path, name);
    validateAttribute(out, path, attribute);
  }
  for (const [name, one] of entries(capacity)) {
    const path = at.child('capacity').key(shortened(name, MAX_SHOWN_KEY_BYTES));
    validateQualifiedKey(out, path, name);
    validateCapacity(out, path, one, allowMultipleAllocations === true);
  }
  if (old === undefined || !semanticEqual(old.taints, taints))
    validateList(out, at.child('taints'), taints, { max: MAX_TAINTS, item: (taint, path) => validateTaint(out, path, taint) });
  validateSet(out, at.child('consumesCounters'), consumesCounters, {
    max: MAX_CONSUMPTIONS,
    item: ({ counterSet, counters }, path) => {
      validateCounterSetName(out, path.child('counterSet'), counterSet);
      validateCounters(out, path.child('counters'), counters);
    },
    key: ({ counterSet }) => counterSet,
  });
  validateDeviceNodes(out, at, device, perDevice);
  validateBindingConditions(out, at, device);
}

const ONE_OF_DEVICE_NODES =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

function validateDeviceNodes(out: Problems, at: Path, { nodeName, nodeSelector, allNodes }: Device, perDevice: boolean): void {
  if (!perDevice) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return;
    const detail =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return out.invalid(at, null, detail);
  }
  const set: string[] = [];
  if (nodeName !== undefined && validateNodeName(out, at.child('nodeName'), nodeName, 'must not be empty')) set.push('`nodeName`');
  if (nodeSelector !== undefined) {
    set.push('`nodeSelector`');
    validateNodeSelector(out, at.child('nodeSelector'), nodeSelector);
  }
  if (allNodes !== undefined && validateTrue(out, at.child('allNodes'), allNodes)) set.push('`allNodes`');
  if (set.length === 0) out.required(at, ONE_OF_DEVICE_NODES);
  if (set.length > 1) out.invalid(at, `{${set.join(', ')}}`, ONE_OF_DEVICE_NODES);
}

const NUMBER = '(?:0|[1-9]\\d*)';
const PRERELEASE = '(?:0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const BUILD = '[0-9a-zA-Z-]+';
const SEMVER_RE = new RegExp(`^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRERELEASE}(?:\\.${PRERELEASE})*)?(?:\\+${BUILD}(?:\\.${BUILD})*)?$`);

function validateAttribute(out: Problems, at: Path, attribute: DeviceAttribute): void {
  const { string, version } = attribute;
  if (string !== undefined && byteLength(string) > MAX_VALUE_BYTES) out.tooLong(at.child('string'), MAX_VALUE_BYTES);
  if (version !== undefined) {
    if (!SEMVER_RE.test(version)) out.invalid(at.child('version'), version, 'must be a string compatible with semver.org spec 2.0.0');
    if (byteLength(version) > MAX_VALUE_BYTES) out.tooLong(at.child('version'), MAX_VALUE_BYTES);
  }
  const set = (['bool', 'int', 'string', 'version'] as const).filter((key) => attribute[key] !== undefined);
  if (set.length !== 1) out.invalid(at, set.length === 0 ? '' : internalAttribute(attribute), 'exactly one value must be specified');
}

/** As upstream's internal type, which knows no JSON names, is printed. */
const internalAttribute = ({ int, bool, string, version }: DeviceAttribute): object => ({
  IntValue: int ?? null,
  BoolValue: bool ?? null,
  StringValue: string ?? null,
  VersionValue: version ?? null,
  IntValues: null,
  BoolValues: null,
  StringValues: null,
  VersionValues: null,
});

function validateCapacity(out: Problems, at: Path, { value, requestPolicy }: DeviceCapacity, shared: boolean): void {
  if (requestPolicy === undefined) return;
  if (shared) validateRequestPolicy(out, at.child('requestPolicy'), requestPolicy, value);
  else out.forbidden(at.child('requestPolicy'), 'allowMultipleAllocations must be true');
}

/** Source: validateDeviceTaint. */
export function validateTaint(out: Problems, at: Path, { key, value, effect }: Partial<DeviceTaint>, old?: Partial<DeviceTaint>): void {
  validateLabelKey(out, at.child('key'), key);
  if (!blank(value)) out.each(at.child('value'), value, labelValue(value));
  // An effect of a later version may stay.
  if (old === undefined || old.effect !== effect) out.requiredOneOf(at.child('effect'), effect, TAINT_EFFECTS);
}

function validateCounterSetName(out: Problems, at: Path, name: string | undefined): void {
  if (blank(name)) out.required(at);
  else validateDeviceName(out, at, name);
}

function validateCounters(out: Problems, at: Path, counters: CounterSet['counters'] | undefined): void {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) return out.required(at);
  if (names.length > MAX_COUNTERS) return out.tooMany(at, names.length, MAX_COUNTERS);
  for (const name of names) out.each(at.key(shortened(name, LABEL_MAX_LENGTH)), name, dns1123Label(name));
}

/** Source: validateDeviceBindingParameters. */
export function validateBindingConditions(
  out: Problems,
  at: Path,
  {
    bindingConditions: binding = [],
    bindingFailureConditions: failure = [],
  }: Pick<Device, 'bindingConditions' | 'bindingFailureConditions'>,
): void {
  const [bindingPath, failurePath] = [at.child('bindingConditions'), at.child('bindingFailureConditions')];
  for (const [path, conditions] of [
    [bindingPath, binding],
    [failurePath, failure],
  ] as const)
    validateList(out, path, conditions, { max: MAX_BINDING_CONDITIONS, item: (type, where) => validateLabelKey(out, where, type) });
  binding.forEach((type, i) => {
    if (binding.indexOf(type) < i) out.duplicate(bindingPath.index(i), type);
  });
  failure.forEach((type, i) => {
    if (failure.indexOf(type) < i) out.duplicate(failurePath.index(i), type);
    if (binding.includes(type)) out.invalid(failurePath.index(i), type, 'bindingFailureConditions must not overlap with bindingConditions');
  });
  if (binding.length === 0 && failure.length > 0)
    out.invalid(bindingPath, null, 'bindingConditions are required to use bindingFailureConditions');
  if (failure.length === 0 && binding.length > 0)
    out.invalid(failurePath, null, 'bindingFailureConditions are required to use bindingConditions');
}
