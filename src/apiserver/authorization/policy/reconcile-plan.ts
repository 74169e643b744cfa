// What must be written so that roles and bindings allow at least what the default policy does. Pure.
// Source: component-helpers auth/rbac/reconciliation reconcile_role.go computeReconciledRole, reconcile_rolebindings.go.
import { isDeepStrictEqual } from 'node:util';
import type { AggregationRule, ClusterRole, ClusterRoleBinding, New, Role, RoleBinding, Subject } from '#api/types.ts';
import { uncovered } from '../rbac/covers.ts';
import { AUTO_UPDATE } from './default-policy.ts';

export type Reconciliation<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'create'; readonly object: New<T> }
  | { readonly kind: 'update'; readonly object: T }
  /** A binding cannot change its role: the old one must go first. */
  | { readonly kind: 'recreate'; readonly old: T; readonly object: New<T> }
  /** Somebody wants to keep it as it is, though it allows less. */
  | { readonly kind: 'protected' };

const NONE = { kind: 'none' } as const;
const PROTECTED = { kind: 'protected' } as const;

/** ClusterRoles and Roles: missing rules and selectors are added, nothing is taken away but an aggregation nobody expects. */
export function reconcileRole<T extends ClusterRole | Role>(existing: T | undefined, expected: New<T>): Reconciliation<T> {
  if (existing === undefined) return { kind: 'create', object: expected };
  const wanted = expected as New<ClusterRole>;
  const current: ClusterRole | Role = existing;
  const metadata = mergedMetadata(existing, wanted.metadata);
  const rules = existing.rules ?? [];
  const missing = uncovered(rules, (wanted.rules ?? []) as NonNullable<ClusterRole['rules']>);
  const aggregation = 'aggregationRule' in current ? current.aggregationRule : undefined;
  const aggregationRule = mergedAggregation(aggregation, wanted.aggregationRule as AggregationRule | undefined);
  if (metadata === existing.metadata && missing.length === 0 && aggregationRule === aggregation) return NONE;
  if (isProtected(existing)) return PROTECTED;
  const { aggregationRule: _, ...rest } = current as ClusterRole;
  const object = {
    ...rest,
    metadata,
    rules: missing.length === 0 ? existing.rules : [...rules, ...missing],
    ...(aggregationRule === undefined ? {} : { aggregationRule }),
  };
  return { kind: 'update', object: object as unknown as T };
}

/** ClusterRoleBindings and RoleBindings: missing subjects are added. */
export function reconcileBinding<T extends ClusterRoleBinding | RoleBinding>(existing: T | undefined, expected: New<T>): Reconciliation<T> {
  if (existing === undefined) return { kind: 'create', object: expected };
  const wanted = expected as New<ClusterRoleBinding>;
  if (!isDeepStrictEqual({ ...existing.roleRef }, { ...wanted.roleRef })) {
    return isProtected(existing) ? PROTECTED : { kind: 'recreate', old: existing, object: expected };
  }
  const metadata = mergedMetadata(existing, wanted.metadata);
  const subjects = existing.subjects ?? [];
  const missing = ((wanted.subjects ?? []) as readonly Subject[]).filter((subject) => !subjects.some((own) => sameSubject(own, subject)));
  if (metadata === existing.metadata && missing.length === 0) return NONE;
  if (isProtected(existing)) return PROTECTED;
  return { kind: 'update', object: { ...existing, metadata, ...(missing.length === 0 ? {} : { subjects: [...subjects, ...missing] }) } };
}

const isProtected = ({ metadata }: ClusterRole | Role | ClusterRoleBinding | RoleBinding): boolean =>
  metadata.annotations?.[AUTO_UPDATE] === 'false';

/** The same object when labels and annotations are all there; values somebody set stay. */
function mergedMetadata<M extends ClusterRole['metadata']>(
  { metadata }: { readonly metadata: M },
  wanted: New<ClusterRole['metadata']> | undefined,
): M {
  const lacks = (own: Readonly<Record<string, string>> = {}, more: object = {}): boolean =>
    Object.keys(more).some((key) => !Object.hasOwn(own, key));
  if (!lacks(metadata.labels, wanted?.labels) && !lacks(metadata.annotations, wanted?.annotations)) return metadata;
  return {
    ...metadata,
    labels: { ...wanted?.labels, ...metadata.labels },
    annotations: { ...wanted?.annotations, ...metadata.annotations },
  };
}

/** The same object when nothing is missing. */
function mergedAggregation(own: AggregationRule | undefined, wanted: AggregationRule | undefined): AggregationRule | undefined {
  if (wanted === undefined || own === undefined) return wanted;
  const selectors = own.clusterRoleSelectors ?? [];
  const missing = (wanted.clusterRoleSelectors ?? []).filter(
    (selector) => !selectors.some((one) => isDeepStrictEqual({ ...one }, { ...selector })),
  );
  return missing.length === 0 ? own : { ...own, clusterRoleSelectors: [...selectors, ...missing] };
}

const sameSubject = (a: Subject, b: Subject): boolean =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? '') === (b.namespace ?? '') && (a.apiGroup ?? '') === (b.apiGroup ?? '');
