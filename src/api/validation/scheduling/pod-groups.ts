// PodGroups, and what the templates of a Workload share with them.
// Source: scheduling validation.go; k8s.io/api/scheduling/v1alpha2 types.go (+k8s tags), apimachinery pkg/api/validate.
import type { PodGroup, PodGroupResourceClaim, PodGroupSchedulingPolicy, PodGroupSpec } from '../../gen/scheduling-v1alpha2.ts';
import { Path } from '#apimachinery/field-path.ts';
import { dns1123Label, dns1123Subdomain } from '#apimachinery/names.ts';
import { validateConditions } from '../conditions.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';
import { semanticEqual } from '../semantic-equality.ts';

const SPEC = Path.of('spec');
const STATUS = Path.of('status');
/** Source: MaxPodGroupResourceClaims. */
const MAX_CLAIMS = 4;

export function validatePodGroup(out: Problems, { metadata, spec }: PodGroup): void {
  validateObjectMeta(out, metadata, 'namespaced', subdomainName);
  validateTemplateReference(out, SPEC.child('podGroupTemplateRef'), spec.podGroupTemplateRef);
  validatePolicy(out, SPEC.child('schedulingPolicy'), spec.schedulingPolicy);
  validateClaims(out, SPEC.child('resourceClaims'), spec.resourceClaims);
}

const IMMUTABLE = [
  'podGroupTemplateRef',
  'schedulingPolicy',
  'schedulingConstraints',
  'resourceClaims',
] as const satisfies readonly (keyof PodGroupSpec)[];

export function validatePodGroupUpdate(out: Problems, { metadata, spec }: PodGroup, old: PodGroup): void {
  validateObjectMetaUpdate(out, metadata, old.metadata);
  for (const key of IMMUTABLE) out.immutable(SPEC.child(key), null, semanticEqual(spec[key], old.spec[key]));
}

export function validatePodGroupStatusUpdate(out: Problems, { metadata, spec, status }: PodGroup, old: PodGroup): void {
  validateObjectMetaUpdate(out, metadata, old.metadata);
  validateConditions(out, STATUS.child('conditions'), status.conditions ?? []);
  const at = STATUS.child('resourceClaimStatuses');
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  const { resourceClaimStatuses = [] } = status;
  resourceClaimStatuses.forEach(({ name }, i) => {
    if (!claims.has(name)) out.invalid(at.index(i).child('name'), name, 'must match the name of an entry in `spec.resourceClaims`');
  });
  if (!validateNamed(out, at, resourceClaimStatuses, MAX_CLAIMS)) return;
  resourceClaimStatuses.forEach(({ resourceClaimName: name }, i) => {
    if (name !== undefined) out.each(at.index(i).child('resourceClaimName'), name, dns1123Subdomain(name));
  });
}

function validateTemplateReference(out: Problems, at: Path, reference: PodGroupSpec['podGroupTemplateRef'] | undefined): void {
  if (reference === undefined || reference === null) return;
  const { workload } = reference;
  if (workload === undefined || workload === null) return out.invalid(at, '', 'must specify one of: `workload`');
  const name = at.child('workload', 'workloadName');
  const template = at.child('workload', 'podGroupTemplateName');
  validateRequired(out, name, workload.workloadName, dns1123Subdomain);
  validateRequired(out, template, workload.podGroupTemplateName, dns1123Label);
}

/** An empty name is a missing one. */
export function validateRequired(out: Problems, at: Path, value: string | undefined, check: (value: string) => readonly string[]): void {
  if (blank(value)) out.required(at);
  else out.each(at, value, check(value));
}

/** One of its members says how the group is scheduled. */
export function validatePolicy(out: Problems, at: Path, policy: PodGroupSchedulingPolicy | undefined): void {
  const { basic, gang } = policy ?? {};
  validateUnion(out, at, { basic, gang });
  if (gang === undefined) return;
  const count = at.child('gang', 'minCount');
  const minCount = (gang as Partial<typeof gang>).minCount ?? 0;
  if (minCount === 0) out.required(count);
  else if (minCount < 0) out.invalid(count, minCount, 'must be greater than or equal to 1');
}

/** Exactly one member. Source: validate.Union. */
function validateUnion(out: Problems, at: Path, members: Readonly<Record<string, unknown>>): void {
  const all = Object.keys(members).map((name) => `\`${name}\``);
  const given = Object.keys(members).filter((name) => members[name] !== undefined);
  if (given.length > 1) out.invalid(at, `{${given.join(', ')}}`, `must specify exactly one of: ${all.join(', ')}`);
  if (given.length === 0) out.invalid(at, '', `must specify one of: ${all.join(', ')}`);
}

export function validateClaims(out: Problems, at: Path, claims: readonly PodGroupResourceClaim[] | undefined): void {
  if (claims === undefined || !validateNamed(out, at, claims, MAX_CLAIMS)) return;
  claims.forEach(({ name, resourceClaimName, resourceClaimTemplateName }, i) => {
    const item = at.index(i);
    validateUnion(out, item, { resourceClaimName, resourceClaimTemplateName });
    validateRequired(out, item.child('name'), name, dns1123Label);
    for (const [key, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName }))
      if (value !== undefined) out.each(item.child(key), value, dns1123Subdomain(value));
  });
}

/** Whether the items are few enough to be looked at; each name may be there once. Source: validate.MaxItems, validate.Unique. */
export function validateNamed(out: Problems, at: Path, items: readonly { readonly name: string }[], max: number): boolean {
  if (items.length > max) {
    out.tooMany(at, items.length, max);
    return false;
  }
  const seen = new Set<string>();
  items.forEach((item, i) => {
    if (seen.has(item.name)) out.duplicate(at.index(i), item);
    seen.add(item.name);
  });
  return true;
}
