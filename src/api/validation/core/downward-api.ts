// References to fields of the pod and of its containers. Source: validateObjectFieldSelector and its kin.
import type { DownwardAPIVolumeFile, ObjectFieldSelector, ResourceFieldSelector } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import { blank, type Problems, quantity } from '../problems.ts';
import { validateFileMode, validateNotReserved } from './paths.ts';

/** Sorted, as they are printed. */
const VOLUME_FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];
export const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
/** Source: ConvertDownwardAPIFieldLabel. */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...VOLUME_FIELDS,
  ...ENV_FIELDS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
  'spec.host',
]);

function conversionError(apiVersion: string, path: string): string | undefined {
  if (apiVersion !== 'v1') return `unsupported pod version: ${apiVersion}`;
  const subscript = subscripted(path);
  if (subscript !== undefined) {
    return subscript.path === 'metadata.annotations' || subscript.path === 'metadata.labels'
      ? undefined
      : `field label does not support subscript: ${path}`;
  }
  return KNOWN_FIELDS.has(path) ? undefined : `field label not supported: ${path}`;
}

/** `metadata.labels['x']`. Source: SplitMaybeSubscriptedPath. */
function subscripted(path: string): { readonly path: string; readonly key: string } | undefined {
  const open = path.indexOf("['");
  return path.endsWith("']") && open > 0 ? { path: path.slice(0, open), key: path.slice(open + 2, -2) } : undefined;
}

export function validateFieldRef(out: Problems, at: Path, ref: ObjectFieldSelector, supported: readonly string[]): void {
  if (blank(ref.apiVersion)) return out.required(at.child('apiVersion'));
  if (blank(ref.fieldPath)) return out.required(at.child('fieldPath'));
  const error = conversionError(ref.apiVersion, ref.fieldPath);
  if (error !== undefined) return out.invalid(at.child('fieldPath'), ref.fieldPath, `error converting fieldPath: ${error}`);
  const subscript = subscripted(ref.fieldPath);
  if (subscript === undefined)
    return out.oneOf(at.child('fieldPath'), ref.fieldPath === 'spec.host' ? 'spec.nodeName' : ref.fieldPath, supported);
  const key = subscript.path === 'metadata.annotations' ? subscript.key.toLowerCase() : subscript.key;
  out.each(at, key, qualifiedName(key));
}

const CONTAINER_RESOURCES = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const isHugePagesField = (resource: string): boolean =>
  resource.startsWith('requests.hugepages-') || resource.startsWith('limits.hugepages-');
const CPU_DIVISORS = ['1m', '1'];
const SIZE_DIVISORS = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** `inVolume`: a volume's file must name the container. */
export function validateResourceFieldRef(out: Problems, at: Path, ref: ResourceFieldSelector, inVolume: boolean): void {
  const { resource } = ref;
  if (inVolume && blank(ref.containerName)) out.required(at.child('containerName'));
  else if (blank(resource)) out.required(at.child('resource'));
  else if (!isHugePagesField(resource)) out.oneOf(at.child('resource'), resource, CONTAINER_RESOURCES);
  if (ref.divisor !== undefined && resource !== undefined) validateDivisor(out, at.child('divisor'), resource, ref.divisor);
}

/** Source: validateContainerResourceDivisor. */
function validateDivisor(out: Problems, at: Path, resource: string, text: string): void {
  const divisor = quantity(text);
  if (divisor.isZero) return;
  const allow = (kind: string, supported: readonly string[], listed: string): void => {
    if (!supported.includes(divisor.toString()))
      out.invalid(at, resource, `only divisor's values ${listed} are supported with the ${kind} resource`);
  };
  const sizes = SIZE_DIVISORS.join(', ');
  if (isHugePagesField(resource)) allow('hugepages', SIZE_DIVISORS, sizes);
  else if (!CONTAINER_RESOURCES.includes(resource)) return;
  else if (resource.endsWith('.cpu')) allow('cpu', CPU_DIVISORS, '1m and 1');
  else if (resource.endsWith('.memory')) allow('memory', SIZE_DIVISORS, sizes);
  else allow('local ephemeral storage', SIZE_DIVISORS, sizes);
}

/** A file of a downward API volume. `at`: the volume source. */
export function validateDownwardFile(out: Problems, at: Path, file: DownwardAPIVolumeFile): void {
  if (blank(file.path)) out.required(at.child('path'));
  validateNotReserved(out, at.child('path'), file.path ?? '');
  if (file.fieldRef !== undefined) {
    validateFieldRef(out, at.child('fieldRef'), file.fieldRef, VOLUME_FIELDS);
    if (file.resourceFieldRef !== undefined)
      out.invalid(at, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously');
  } else if (file.resourceFieldRef === undefined) out.required(at, 'one of fieldRef and resourceFieldRef is required');
  else validateResourceFieldRef(out, at.child('resourceFieldRef'), file.resourceFieldRef, true);
  validateFileMode(out, at.child('mode'), file.mode);
}
