// Names of resources and rules for their amounts. Source: core helper helpers.go, validation.go validateResource*.
import type { Path } from '#apimachinery/field-path.ts';
import { qualifiedName } from '#apimachinery/names.ts';
import { parseQuantity, type Quantity } from '#apimachinery/quantity.ts';
import { QuantityError } from '#apimachinery/quantity-text.ts';
import { type Problems } from '../problems.ts';

const REQUESTS = 'requests.';
const HUGE_PAGES = 'hugepages-';
const NATIVE_NAMESPACE = 'kubernetes.io/';

const COUNTED: readonly string[] = [
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
];
const COMPUTE: readonly string[] = [
  'cpu',
  'memory',
  'ephemeral-storage',
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
];
const STANDARD: ReadonlySet<string> = new Set([...COMPUTE, ...COUNTED, 'storage', 'requests.storage']);
const QUOTA: ReadonlySet<string> = new Set([...COMPUTE, ...COUNTED, 'requests.storage']);
const CONTAINER: ReadonlySet<string> = new Set(['cpu', 'memory', 'ephemeral-storage']);
const INTEGER: ReadonlySet<string> = new Set(COUNTED);

export const isHugePages = (name: string): boolean => name.startsWith(HUGE_PAGES);
const isQuotaHugePages = (name: string): boolean => isHugePages(name) || name.startsWith(`${REQUESTS}${HUGE_PAGES}`);
/** Of Kubernetes itself. */
export const isNative = (name: string): boolean => !name.includes('/') || name.includes(NATIVE_NAMESPACE);
/** A device or other resource that a plugin counts. */
export const isExtended = (name: string): boolean =>
  !isNative(name) && !name.startsWith(REQUESTS) && qualifiedName(`${REQUESTS}${name}`).length === 0;
export const allowsOvercommit = (name: string): boolean => isNative(name) && !isHugePages(name);
export const isInteger = (name: string): boolean => INTEGER.has(name) || isExtended(name);
export const isStandardQuota = (name: string): boolean => QUOTA.has(name) || isQuotaHugePages(name);

/** A check of a resource name; true when it found nothing. */
export type ResourceNameCheck = (out: Problems, at: Path, name: string) => boolean;

export const checkResourceName: ResourceNameCheck = (out, at, name) => {
  const reasons = qualifiedName(name);
  out.each(at, name, reasons);
  if (reasons.length > 0) return false;
  if (name.includes('/') || STANDARD.has(name) || isQuotaHugePages(name)) return true;
  out.invalid(at, name, 'must be a standard resource type or fully qualified');
  return false;
};

export const checkContainerResourceName: ResourceNameCheck = (out, at, name) => {
  const right = checkResourceName(out, at, name);
  if (!name.includes('/')) {
    if (CONTAINER.has(name) || isHugePages(name)) return right;
    out.invalid(at, name, 'must be a standard resource for containers');
    return false;
  }
  if (isNative(name) || isExtended(name)) return right;
  out.invalid(at, name, "doesn't follow extended resource name standard");
  return false;
};

/** Source: resourcehelper SupportedPodLevelResources. */
const POD_LEVEL = ['cpu', 'hugepages-', 'memory'];

export const checkPodResourceName: ResourceNameCheck = (out, at, name) => {
  if (!checkResourceName(out, at, name)) return false;
  if (name === 'cpu' || name === 'memory' || isHugePages(name)) return true;
  out.notSupported(at, name, POD_LEVEL);
  return false;
};

export const checkQuotaResourceName: ResourceNameCheck = (out, at, name) => {
  const right = checkResourceName(out, at, name);
  if (name.includes('/') || isStandardQuota(name)) return right;
  out.invalid(at, name, 'must be a standard resource for quota');
  return false;
};

/** Not negative, and whole where the resource is counted. Source: ValidateResourceQuantityValue. */
export function validateAmount(out: Problems, at: Path, name: string, amount: Quantity): void {
  out.nonNegativeQuantity(at, amount);
  if (isInteger(name) && amount.milliValue() % 1000 !== 0) out.invalid(at, amount.toString(), 'must be an integer');
}

/** Source: validateBasicResource. */
export function validateBasicAmount(out: Problems, at: Path, amount: Quantity): void {
  if (amount.value() < 0) out.invalid(at, amount.value(), 'must be a valid resource quantity');
}

/** Whether an amount of huge pages is a whole number of pages. Source: IsHugePageResourceValueDivisible. */
export function isWholeHugePages(name: string, amount: Quantity): boolean {
  let page: Quantity;
  try {
    page = parseQuantity(name.slice(HUGE_PAGES.length));
  } catch (error) {
    if (error instanceof QuantityError) return false;
    throw error;
  }
  return page.sign() > 0 && page.milliValue() % 1000 === 0 && amount.value() % page.value() === 0;
}
