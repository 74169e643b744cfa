// Roles and bindings. Source: rbac validation.go.
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject } from '../../gen/rbac-v1.ts';
import { Path } from '#apimachinery/field-path.ts';
import { deepEqual } from '#apimachinery/json-value.ts';
import { pathSegmentName } from '#apimachinery/names.ts';
import { compiled } from '../apps/workloads.ts';
import { validateLabelSelector } from '../label-selectors.ts';
import { subdomainName, validateObjectMeta, validateObjectMetaUpdate, type NameCheck, type Scope } from '../metadata.ts';
import { blank, type Problems } from '../problems.ts';

const GROUP = 'rbac.authorization.k8s.io';

/** A generated name too must be whole: `.` and `..` are none. */
const roleName: NameCheck = (name) => pathSegmentName(name);

export function validateRole(out: Problems, role: Role): void {
  validateObjectMeta(out, role.metadata, 'namespaced', roleName);
  validateRules(out, role.rules, 'namespaced');
}

export function validateRoleUpdate(out: Problems, role: Role, old: Role): void {
  validateRole(out, role);
  validateObjectMetaUpdate(out, role.metadata, old.metadata);
}

export function validateClusterRole(out: Problems, role: ClusterRole): void {
  validateObjectMeta(out, role.metadata, 'cluster', roleName);
  validateRules(out, role.rules, 'cluster');
  if (role.aggregationRule === undefined) return;
  const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
  const at = Path.of('aggregationRule').child('clusterRoleSelectors');
  if (selectors.length === 0) out.required(at, 'at least one clusterRoleSelector required if aggregationRule is non-nil');
  selectors.forEach((selector, i) => {
    validateLabelSelector(out, at.index(i), selector);
    if (compiled(selector) === undefined) out.invalid(at.index(i), null, 'invalid label selector.');
  });
}

export function validateClusterRoleUpdate(out: Problems, role: ClusterRole, old: ClusterRole): void {
  validateClusterRole(out, role);
  validateObjectMetaUpdate(out, role.metadata, old.metadata);
}

/** A role's rules may be null on the wire. */
function validateRules(out: Problems, rules: readonly PolicyRule[] | null | undefined, scope: Scope): void {
  (rules ?? []).forEach((rule, i) => validateRule(out, Path.of('rules').index(i), rule, scope));
}

function validateRule(out: Problems, at: Path, rule: Partial<PolicyRule>, scope: Scope): void {
  const { verbs = [], nonResourceURLs: urls = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
  if (verbs.length === 0) out.required(at.child('verbs'), 'verbs must contain at least one value');
  if (urls.length > 0) {
    const path = at.child('nonResourceURLs');
    if (scope === 'namespaced') out.invalid(path, urls, 'namespaced rules cannot apply to non-resource URLs');
    if (apiGroups.length + resources.length + resourceNames.length > 0)
      out.invalid(path, urls, 'rules cannot apply to both regular resources and non-resource URLs');
    return;
  }
  if (apiGroups.length === 0) out.required(at.child('apiGroups'), 'resource rules must supply at least one api group');
  if (resources.length === 0) out.required(at.child('resources'), 'resource rules must supply at least one resource');
}

type Binding = RoleBinding | ClusterRoleBinding;

export function validateRoleBinding(out: Problems, binding: RoleBinding): void {
  validateBinding(out, binding, 'namespaced', ['Role', 'ClusterRole']);
}

export function validateClusterRoleBinding(out: Problems, binding: ClusterRoleBinding): void {
  validateBinding(out, binding, 'cluster', ['ClusterRole']);
}

function validateBinding(out: Problems, binding: Binding, scope: Scope, kinds: readonly string[]): void {
  validateObjectMeta(out, binding.metadata, scope, roleName);
  const at = Path.of('roleRef');
  const { apiGroup, kind, name } = binding.roleRef as Partial<RoleRef>;
  out.oneOf(at.child('apiGroup'), apiGroup, [GROUP]);
  out.oneOf(at.child('kind'), kind, kinds);
  if (blank(name)) out.required(at.child('name'));
  else out.each(at.child('name'), name, pathSegmentName(name));
  (binding.subjects ?? []).forEach((subject, i) => validateSubject(out, Path.of('subjects').index(i), subject, scope));
}

function validateSubject(out: Problems, at: Path, { kind, name, namespace, apiGroup }: Partial<Subject>, scope: Scope): void {
  if (blank(name)) out.required(at.child('name'));
  switch (kind) {
    case 'ServiceAccount':
      if (!blank(name)) out.each(at.child('name'), name, subdomainName(name, false));
      if (!blank(apiGroup)) out.notSupported(at.child('apiGroup'), apiGroup, ['']);
      if (scope === 'cluster' && blank(namespace)) out.required(at.child('namespace'));
      break;
    case 'User':
    case 'Group':
      out.oneOf(at.child('apiGroup'), apiGroup, [GROUP]);
      break;
    default:
      out.notSupported(at.child('kind'), kind ?? '', ['ServiceAccount', 'User', 'Group']);
  }
}

function validateBindingUpdate(out: Problems, binding: Binding, old: Binding): void {
  validateObjectMetaUpdate(out, binding.metadata, old.metadata);
  if (deepEqual(binding.roleRef, old.roleRef)) return;
  const { apiGroup = '', kind = '', name = '' } = binding.roleRef as Partial<RoleRef>;
  out.invalid(Path.of('roleRef'), { APIGroup: apiGroup, Kind: kind, Name: name }, 'cannot change roleRef');
}

export function validateRoleBindingUpdate(out: Problems, binding: RoleBinding, old: RoleBinding): void {
  validateRoleBinding(out, binding);
  validateBindingUpdate(out, binding, old);
}

export function validateClusterRoleBindingUpdate(out: Problems, binding: ClusterRoleBinding, old: ClusterRoleBinding): void {
  validateClusterRoleBinding(out, binding);
  validateBindingUpdate(out, binding, old);
}
