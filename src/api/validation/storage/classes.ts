// StorageClasses, VolumeAttributesClasses, CSIStorageCapacities, PriorityClasses and RuntimeClasses: what volumes and
// pods are classed by. Source: storage, scheduling and node validation.go.
import type { RuntimeClass } from '../../gen/node-v1.ts';
import type { PriorityClass } from '../../gen/scheduling-v1.ts';
import type { CSIStorageCapacity, StorageClass, VolumeAttributesClass } from '../../gen/storage-v1.ts';
import type { Toleration, TopologySelectorTerm } from '../../gen/core-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { dns1123Label, qualifiedName } from '#apimachinery/names.ts';
import { checkContainerResourceName } from '../core/resource-names.ts';
import { validateRequirements } from '../core/requirements.ts';
import { validateTolerations } from '../core/scheduling.ts';
import { validateLabelKey, validateLabels, validateLabelSelector } from '../label-selectors.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate, validatePlainMeta, validatePlainMetaUpdate } from '../metadata.ts';
import { blank, entries, quantity, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';

const MAX_PARAMETER_BYTES = 256 * 1024;
const MAX_PARAMETERS = 512;
const RECLAIM_POLICIES = ['Delete', 'Retain'];
const BINDING_MODES = ['Immediate', 'WaitForFirstConsumer'];

function validateProvisioner(out: Problems, at: Path, name: string | undefined): void {
  if (blank(name)) out.required(at);
  else out.each(at, name.toLowerCase(), qualifiedName(name.toLowerCase()));
}

/** What a driver is told about a class. */
function validateParameters(out: Problems, at: Path, parameters: Readonly<Record<string, string>> | undefined): void {
  const all = entries(parameters);
  if (all.length > MAX_PARAMETERS) return out.tooLong(at, MAX_PARAMETERS);
  let bytes = 0;
  for (const [key, value] of all) {
    if (key === '') out.invalid(at, key, 'field can not be empty.');
    bytes += byteLength(key) + byteLength(value);
  }
  if (bytes > MAX_PARAMETER_BYTES) out.tooLong(at, MAX_PARAMETER_BYTES);
}

export function validateStorageClass(out: Problems, storageClass: StorageClass): void {
  validateObjectMeta(out, storageClass.metadata, 'cluster', subdomainName);
  validateProvisioner(out, Path.of('provisioner'), storageClass.provisioner);
  validateParameters(out, Path.of('parameters'), storageClass.parameters);
  const { reclaimPolicy, volumeBindingMode: mode } = storageClass as Partial<StorageClass>;
  if (!blank(reclaimPolicy)) out.oneOf(Path.of('reclaimPolicy'), reclaimPolicy, RECLAIM_POLICIES);
  if (mode === undefined) out.required(Path.of('volumeBindingMode'));
  else out.oneOf(Path.of('volumeBindingMode'), mode, BINDING_MODES);
  validateTopologies(out, Path.of('allowedTopologies'), storageClass.allowedTopologies ?? []);
}

/** A term's values by key, in one order: terms that mean the same are equal texts. */
const topologyKey = (values: ReadonlyMap<string, readonly string[]>): string =>
  [...values]
    .map(([key, all]) => JSON.stringify([key, [...new Set(all)].toSorted()]))
    .toSorted()
    .join();

/** Upstream tells of a term as often as there are equal ones before it: of thirty thousand, half a billion times. */
const MOST_TOLD = 16;

/** An empty term counts as seen once for each term, as upstream. */
function validateTopologies(out: Problems, at: Path, terms: readonly TopologySelectorTerm[]): void {
  const times = new Map([[topologyKey(new Map()), terms.length]]);
  terms.forEach((term, i) => {
    const key = topologyKey(validateTopologyTerm(out, at.index(i), term));
    const before = times.get(key) ?? 0;
    for (let told = 0; told < Math.min(before, MOST_TOLD); told++) out.duplicate(at.index(i).child('matchLabelExpressions'), '');
    times.set(key, before + 1);
  });
}

/** Source: ValidateTopologySelectorTerm. */
function validateTopologyTerm(
  out: Problems,
  at: Path,
  { matchLabelExpressions = [] }: TopologySelectorTerm,
): ReadonlyMap<string, readonly string[]> {
  const seen = new Map<string, readonly string[]>();
  matchLabelExpressions.forEach(({ key, values = [] }: { readonly key: string; readonly values?: readonly string[] }, i) => {
    const path = at.child('matchLabelExpressions').index(i);
    if (values.length === 0) out.required(path.child('values'));
    const known = new Set<string>();
    values.forEach((value, j) => {
      if (known.has(value)) out.duplicate(path.child('values').index(j), value);
      known.add(value);
    });
    validateLabelKey(out, path.child('key'), key);
    if (seen.has(key)) out.duplicate(path.child('key'), key);
    seen.set(key, values);
  });
  return seen;
}

export function validateStorageClassUpdate(out: Problems, storageClass: StorageClass, old: StorageClass): void {
  validateStorageClass(out, storageClass);
  validateObjectMetaUpdate(out, storageClass.metadata, old.metadata);
  for (const key of ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const) {
    out.immutable(Path.of(key), storageClass[key], semanticEqual(storageClass[key], old[key]));
  }
}

export function validateAttributesClass(out: Problems, attributes: VolumeAttributesClass): void {
  validateObjectMeta(out, attributes.metadata, 'cluster', subdomainName);
  validateProvisioner(out, Path.of('driverName'), attributes.driverName);
  validateParameters(out, Path.of('parameters'), attributes.parameters);
  if (entries(attributes.parameters).length === 0) out.required(Path.of('parameters'), 'must contain at least one key/value pair');
}

export function validateAttributesClassUpdate(out: Problems, attributes: VolumeAttributesClass, old: VolumeAttributesClass): void {
  validateObjectMetaUpdate(out, attributes.metadata, old.metadata);
  for (const key of ['driverName', 'parameters'] as const) {
    if (!semanticEqual(attributes[key], old[key])) out.forbidden(Path.of(key), `updates to ${key} are forbidden.`);
  }
  validateAttributesClass(out, attributes);
}

export function validateStorageCapacity(out: Problems, capacity: CSIStorageCapacity): void {
  validateObjectMeta(out, capacity.metadata, 'namespaced', subdomainName);
  validateLabelSelector(out, Path.of('nodeTopology'), capacity.nodeTopology);
  const { storageClassName = '', capacity: amount } = capacity as Partial<CSIStorageCapacity>;
  out.each(Path.of('storageClassName'), storageClassName, subdomainName(storageClassName, false));
  if (amount !== undefined) out.nonNegativeQuantity(Path.of('capacity'), quantity(amount));
}

export function validateStorageCapacityUpdate(out: Problems, capacity: CSIStorageCapacity, old: CSIStorageCapacity): void {
  validateStorageCapacity(out, capacity);
  validateObjectMetaUpdate(out, capacity.metadata, old.metadata);
  for (const key of ['nodeTopology', 'storageClassName'] as const) {
    out.immutable(Path.of(key), capacity[key], semanticEqual(capacity[key], old[key]));
  }
}

/** Source: SystemPriorityClasses. */
const SYSTEM_PRIORITIES: ReadonlyMap<string, number> = new Map([
  ['system-node-critical', 2_000_001_000],
  ['system-cluster-critical', 2_000_000_000],
]);
const SYSTEM_PREFIX = 'system-';
const HIGHEST_USER_PRIORITY = 1_000_000_000;
const RESOURCES = { checkName: checkContainerResourceName, claimNames: new Set<string>() };
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];

/** Source: IsKnownSystemPriorityClass. */
function systemProblem(name: string, { value, globalDefault = false }: PriorityClass): string | undefined {
  const expected = SYSTEM_PRIORITIES.get(name);
  if (expected === undefined) return `${name} is not a known system priority class`;
  if (value !== expected) return `value of ${name} PriorityClass must be ${expected}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClass(out: Problems, priorityClass: PriorityClass): void {
  validateObjectMeta(out, priorityClass.metadata, 'cluster', subdomainName);
  const { name = '' } = priorityClass.metadata as { readonly name?: string };
  const policy = (priorityClass as Partial<PriorityClass>).preemptionPolicy;
  if (name.startsWith(SYSTEM_PREFIX)) {
    const problem = systemProblem(name, priorityClass);
    if (problem !== undefined) {
      const detail = `priority class names with '${SYSTEM_PREFIX}' prefix are reserved for system use only. error: ${problem}`;
      out.forbidden(Path.of('metadata').child('name'), detail);
    }
  } else if (priorityClass.value > HIGHEST_USER_PRIORITY) {
    out.forbidden(Path.of('value'), `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`);
  }
  if (policy === undefined) return;
  out.requiredOneOf(Path.of('preemptionPolicy'), policy, PREEMPTION_POLICIES);
}

export function validatePriorityClassUpdate(out: Problems, priorityClass: PriorityClass, old: PriorityClass): void {
  validateObjectMetaUpdate(out, priorityClass.metadata, old.metadata);
  if (priorityClass.value !== old.value) out.forbidden(Path.of('value'), 'may not be changed in an update.');
  const policy = priorityClass.preemptionPolicy;
  out.immutable(Path.of('preemptionPolicy'), policy, policy === old.preemptionPolicy);
}

export function validateRuntimeClass(out: Problems, runtimeClass: RuntimeClass): void {
  validatePlainMeta(out, runtimeClass.metadata, 'cluster', subdomainName);
  const { handler, overhead, scheduling } = runtimeClass;
  if (blank(handler)) out.required(Path.of('handler'));
  else out.each(Path.of('handler'), handler, dns1123Label(handler));
  if (overhead !== undefined) validateRequirements(out, Path.of('overhead'), { limits: overhead.podFixed ?? {} }, RESOURCES);
  if (scheduling === undefined) return;
  const at = Path.of('scheduling');
  validateLabels(out, at.child('nodeSelector'), scheduling.nodeSelector);
  const tolerations = scheduling.tolerations ?? [];
  validateTolerations(out, at.child('tolerations'), tolerations);
  const seen = new Set<string>();
  tolerations.forEach((toleration, i) => {
    const { key, operator, value, effect, tolerationSeconds }: Partial<Toleration> = toleration;
    const shown = {
      Key: key ?? '',
      Operator: operator ?? '',
      Value: value ?? '',
      Effect: effect ?? '',
      TolerationSeconds: tolerationSeconds ?? null,
    };
    const same = JSON.stringify([shown.Key, shown.Operator, shown.Value, shown.Effect]);
    if (seen.has(same)) out.duplicate(at.child('tolerations').index(i), shown);
    seen.add(same);
  });
}

export function validateRuntimeClassUpdate(out: Problems, runtimeClass: RuntimeClass, old: RuntimeClass): void {
  validateRuntimeClass(out, runtimeClass);
  validatePlainMetaUpdate(out, runtimeClass.metadata, old.metadata);
  out.immutable(Path.of('handler'), runtimeClass.handler, runtimeClass.handler === old.handler);
}
