// Requests, limits and claims of containers and pods. Source: validateResourceRequirements.
import { ownValue } from '../../json-object.ts';
import type { ResourceClaim, ResourceRequirements } from '../../gen/core-v1.ts';
import type { Path } from '#apimachinery/field-path.ts';
import { dns1123Label } from '#apimachinery/names.ts';
import { notFound } from '#apimachinery/field-errors.ts';
import type { Quantity } from '#apimachinery/quantity.ts';
import { blank, entries, type Problems, quantity } from '../problems.ts';
import { allowsOvercommit, isHugePages, isWholeHugePages, validateAmount, type ResourceNameCheck } from './resource-names.ts';

interface Seen {
  compute: boolean;
  hugePages: boolean;
}

function validateOne(out: Problems, at: Path, name: string, amount: Quantity, seen: Seen): void {
  if (isHugePages(name)) {
    seen.hugePages = true;
    if (!isWholeHugePages(name, amount)) out.invalid(at, amount.toString(), `${amount} is not positive integer multiple of ${name}`);
  }
  if (name === 'cpu' || name === 'memory') seen.compute = true;
}

/** `claimNames`: names in the pod's `resourceClaims`. */
export function validateRequirements(
  out: Problems,
  at: Path,
  requirements: ResourceRequirements | undefined,
  { checkName, claimNames }: { readonly checkName: ResourceNameCheck; readonly claimNames: ReadonlySet<string> },
): void {
  if (requirements === undefined) return;
  const { limits = {}, requests = {} } = requirements;
  const seen: Seen = { compute: false, hugePages: false };
  for (const [name, text] of entries(limits)) {
    const path = at.child('limits').key(name);
    const amount = quantity(text);
    checkName(out, path, name);
    validateAmount(out, path, name, amount);
    validateOne(out, path, name, amount, seen);
  }
  for (const [name, text] of entries(requests)) {
    const path = at.child('requests').key(name);
    const amount = quantity(text);
    checkName(out, path, name);
    validateAmount(out, path, name, amount);
    const given = ownValue(limits, name);
    const limit = given === undefined ? undefined : quantity(given);
    if (limit === undefined) {
      if (!allowsOvercommit(name)) out.required(at.child('limits'), 'Limit must be set for non overcommitable resources');
    } else if (amount.cmp(limit) !== 0 && !allowsOvercommit(name)) {
      out.invalid(at.child('requests'), amount.toString(), `must be equal to ${name} limit of ${limit}`);
    } else if (amount.cmp(limit) > 0) {
      out.invalid(at.child('requests'), amount.toString(), `must be less than or equal to ${name} limit of ${limit}`);
    }
    validateOne(out, path, name, amount, seen);
  }
  if (seen.hugePages && !seen.compute) out.forbidden(at, 'HugePages require cpu or memory');
  validateClaims(out, at.child('claims'), requirements.claims ?? [], claimNames);
}

/** Source: validateResourceClaimNames. */
function validateClaims(out: Problems, at: Path, claims: readonly ResourceClaim[], claimNames: ReadonlySet<string>): void {
  const names = new Set<string>();
  claims.forEach(({ name, request }, i) => {
    const path = at.index(i);
    if (blank(name)) return out.required(path);
    if (names.has(name)) out.duplicate(path, name);
    else {
      if (!blank(request)) out.each(path.child('request'), request, dns1123Label(request));
      const key = blank(request) ? name : `${name}/${request}`;
      if (names.has(key)) out.duplicate(path, key);
      else if (blank(request)) for (const other of names) if (other.startsWith(`${name}/`)) out.duplicate(path, name);
      names.add(key);
    }
    if (!claimNames.has(name)) {
      const known = claimNames.size === 0 ? ' which is empty' : `: ${[...claimNames].toSorted().join(', ')}`;
      out.add([{ ...notFound(path, name), detail: `must be one of the names in pod.spec.resourceClaims${known}` }]);
    }
  });
}
