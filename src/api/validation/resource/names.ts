// Names, amounts of entries and free-form parameters that all kinds of resource.k8s.io share.
// Source: resource/validation validation.go, k8s.io/api/resource/v1 types.go.
import { compileSelector } from '../../expressions/devices.ts';
import type { OpaqueDeviceConfiguration } from '../../gen/resource-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { byteLength } from '#apimachinery/go-format.ts';
import { isObject } from '#apimachinery/json-value.ts';
import { cIdentifier, dns1123Label, dns1123Subdomain, SUBDOMAIN_MAX_LENGTH } from '#apimachinery/names.ts';
import { validateCsiDriverName } from '../core/volume-kinds.ts';
import { blank, type Problems } from '../problems.ts';

const MAX_ID_BYTES = 32;
const MAX_PARAMETERS_BYTES = 10 * 1024;
const MAX_EXPRESSION_BYTES = 10 * 1024;
const MAX_SELECTORS = 32;

/** Source: DeviceRequestsMaxSize, DeviceConstraintsMaxSize, DeviceConfigMaxSize. */
export const MAX_REQUESTS = 32;

export const validateDeviceName = (out: Problems, at: Path, name: string | undefined): void =>
  out.each(at, name ?? '', dns1123Label(name ?? ''));

/** Same as a CSI driver's. */
export const validateDriverName = validateCsiDriverName;

export function validatePoolName(out: Problems, at: Path, name: string | undefined): void {
  if (blank(name)) return out.required(at);
  if (byteLength(name) > SUBDOMAIN_MAX_LENGTH) out.tooLong(at, SUBDOMAIN_MAX_LENGTH);
  for (const part of name.split('/')) out.each(at, part, dns1123Subdomain(part));
}

function validateIdentifier(out: Problems, at: Path, id: string): void {
  if (byteLength(id) > MAX_ID_BYTES) out.tooLong(at, MAX_ID_BYTES);
  out.each(at, id, cIdentifier(id));
}

/** `memory` or `example.com/memory`; what has more slashes upstream does not look at. Source: validateQualifiedName. */
export function validateQualifiedKey(out: Problems, at: Path, name: string): void {
  const [domain = '', id, ...more] = name.split('/');
  if (id === undefined) return validateIdentifier(out, at, domain);
  if (more.length > 0) return;
  if (domain === '') out.invalid(at, '', 'the domain must not be empty');
  else validateDriverName(out, at, domain);
  if (id === '') out.invalid(at, '', 'the name must not be empty');
  else validateIdentifier(out, at, id);
}

/** Source: validateFullyQualifiedName. */
export function validateFullKey(out: Problems, at: Path, name: string): void {
  validateQualifiedKey(out, at, name);
  if (!name.includes('/')) out.invalid(at, name, 'a fully qualified name must be a domain and a name separated by a slash');
}

/** Each item on its own, unless there are too many to look at. Source: validateSlice. */
export function validateList<T>(
  out: Problems,
  at: Path,
  list: readonly T[] | null | undefined,
  { max, item }: { readonly max?: number; readonly item: (item: T, at: Path) => void },
): void {
  const items = list ?? [];
  if (max !== undefined && items.length > max) return out.tooMany(at, items.length, max);
  items.forEach((one, i) => item(one, at.index(i)));
}

interface SetRules<T> {
  readonly max?: number;
  readonly item: (item: T, at: Path) => void;
  readonly key: (item: T) => unknown;
  /** What a refusal shows of an item that is there twice. Default its key. */
  readonly shown?: (item: T) => unknown;
}

/** As validateList, and no `key` twice. Source: validateSet. */
export function validateSet<T>(
  out: Problems,
  at: Path,
  list: readonly T[] | null | undefined,
  { max, item, key, shown = key }: SetRules<T>,
): void {
  const items = list ?? [];
  validateList(out, at, items, { ...(max === undefined ? {} : { max }), item });
  if (max !== undefined && items.length > max) return;
  const seen = new Set<unknown>();
  items.forEach((one, i) => {
    if (seen.has(key(one))) out.duplicate(at.index(i), shown(one));
    else seen.add(key(one));
  });
}

const CUT = '...';

/** A key as paths show it, without its middle where it is longer than `max` bytes. Source: truncateIfTooLong. */
export function shortened(key: string, max: number): string {
  if (byteLength(key) <= max) return key;
  const bytes = Buffer.from(key);
  const kept = max - CUT.length;
  return `${bytes.subarray(0, (kept + 1) >> 1).toString()}${CUT}${bytes.subarray(bytes.length - (kept >> 1)).toString()}`;
}

interface Selector {
  readonly cel?: { readonly expression?: string };
}

export function validateSelectors(out: Problems, at: Path, selectors: readonly Selector[] | undefined): void {
  validateList(out, at, selectors, {
    max: MAX_SELECTORS,
    item: ({ cel }, path) => {
      if (cel === undefined) return out.required(path.child('cel'));
      const { expression = '' } = cel;
      const at = path.child('cel', 'expression');
      if (byteLength(expression) > MAX_EXPRESSION_BYTES) return out.tooLong(at, MAX_EXPRESSION_BYTES);
      const compiled = compileSelector(expression);
      if (compiled.kind === 'invalid') out.invalid(at, expression, compiled.error);
      if (compiled.kind === 'complex') out.forbidden(at, compiled.error);
    },
  });
}

/** A JSON object of any form. Source: validateRawExtension. */
export function validateParameters(out: Problems, at: Path, value: unknown): void {
  if (value === undefined || value === null) return out.required(at);
  if (byteLength(JSON.stringify(value)) > MAX_PARAMETERS_BYTES) return out.tooLong(at, MAX_PARAMETERS_BYTES);
  if (!isObject(value)) out.invalid(at, '<value omitted>', 'must be a valid JSON object');
}

/** Source: validateDeviceConfiguration. */
export function validateConfiguration(out: Problems, at: Path, opaque: OpaqueDeviceConfiguration | undefined): void {
  if (opaque === undefined) return out.required(at.child('opaque'));
  validateDriverName(out, at.child('opaque', 'driver'), opaque.driver);
  validateParameters(out, at.child('opaque', 'parameters'), opaque.parameters);
}
