// The default policy as API objects, as a server with nothing in it would create them. Pure.
// Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy; pkg/registry/rbac/rest storage_rbac.go PolicyData.
import type { ClusterRole, ClusterRoleBinding, New, Role, RoleBinding, Subject } from '#api/types.ts';
import { AGGREGATED_ROLES, CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, type SubjectLine } from './cluster-roles.ts';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { CONTROLLER_ROLES } from './controller-roles.ts';
import { GATED_CLUSTER_ROLES, GATED_CONTROLLER_ROLES, GATED_RULES } from './gated-roles.ts';
import { NAMESPACE_ROLE_BINDINGS, NAMESPACE_ROLES } from './namespace-roles.ts';
import { ruleOf } from './table.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';
/** `false` keeps a role or binding as somebody made it. Source: rbacv1.AutoUpdateAnnotationKey. */
export const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const CONTROLLER_PREFIX = 'system:controller:';

export interface DefaultPolicy {
  readonly clusterRoles: readonly New<ClusterRole>[];
  readonly clusterRoleBindings: readonly New<ClusterRoleBinding>[];
  readonly roles: readonly New<Role>[];
  readonly roleBindings: readonly New<RoleBinding>[];
}

/** @param gates that some roles and rules stand behind */
export function defaultPolicy(gates = new FeatureGates('')): DefaultPolicy {
  const gated = Object.entries(GATED_CONTROLLER_ROLES).filter(([, { gate }]) => gates.isOn(gate));
  const controllers = [...Object.entries(CONTROLLER_ROLES), ...gated.map(([name, { rules }]) => [name, rules] as const)];
  const gatedRoles = Object.entries(GATED_CLUSTER_ROLES).filter(([, { gate }]) => gates.isOn(gate));
  const withGated = (name: string, lines: readonly string[]): readonly string[] => [
    ...lines,
    ...GATED_RULES.filter(({ role, gate }) => role === name && gates.isOn(gate)).flatMap(({ rules }) => rules),
  ];
  const role = (name: string, lines: readonly string[]): New<ClusterRole> => clusterRole(name, withGated(name, lines));
  return {
    clusterRoles: [
      ...Object.entries(CLUSTER_ROLES).map(([name, lines]) => role(name, lines)),
      ...gatedRoles.map(([name, { rules }]) => role(name, rules)),
      ...Object.keys(AGGREGATED_ROLES).map((name) => aggregatedRole(name as keyof typeof AGGREGATED_ROLES)),
      ...controllers.map(([name, lines]) => role(`${CONTROLLER_PREFIX}${name}`, lines)),
    ],
    clusterRoleBindings: [
      ...Object.entries(CLUSTER_ROLE_BINDINGS).map(([name, subjects]) => clusterRoleBinding(name, subjects)),
      ...gatedRoles.map(([name, { subjects }]) => clusterRoleBinding(name, subjects)),
      ...controllers.map(([name]) => clusterRoleBinding(`${CONTROLLER_PREFIX}${name}`, [`account kube-system/${name}`])),
    ],
    roles: Object.entries(NAMESPACE_ROLES).flatMap(([namespace, roles]) =>
      Object.entries(roles).map(([name, lines]) => ({
        apiVersion: `${RBAC_GROUP}/v1`,
        kind: 'Role' as const,
        metadata: { ...metadata(name), namespace },
        rules: lines.map(ruleOf),
      })),
    ),
    roleBindings: Object.entries(NAMESPACE_ROLE_BINDINGS).flatMap(([namespace, bindings]) =>
      Object.entries(bindings).map(([name, { role, subjects }]) => ({
        apiVersion: `${RBAC_GROUP}/v1`,
        kind: 'RoleBinding' as const,
        metadata: { ...metadata(name), namespace },
        subjects: subjects.map(subjectOf),
        roleRef: { apiGroup: RBAC_GROUP, kind: 'Role', name: role },
      })),
    ),
  };
}

const metadata = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
  name,
  labels: { 'kubernetes.io/bootstrapping': 'rbac-defaults', ...labels },
  annotations: { [AUTO_UPDATE]: 'true' },
});

const aggregation = (label: string): Readonly<Record<string, string>> => ({ [`${RBAC_GROUP}/${label}`]: 'true' });

function clusterRole(name: string, lines: readonly string[]): New<ClusterRole> {
  // What others gather is told by its name.
  const labels = name.startsWith('system:aggregate-to-') ? aggregation(name.slice('system:'.length)) : {};
  return { apiVersion: `${RBAC_GROUP}/v1`, kind: 'ClusterRole', metadata: metadata(name, labels), rules: lines.map(ruleOf) };
}

/** Its rules are the aggregation controller's to fill in. */
function aggregatedRole(name: keyof typeof AGGREGATED_ROLES): New<ClusterRole> {
  const role: { readonly gathers: string; readonly goesInto?: string } = AGGREGATED_ROLES[name];
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: 'ClusterRole',
    metadata: metadata(name, role.goesInto === undefined ? {} : aggregation(role.goesInto)),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregation(role.gathers) }] },
    rules: null,
  };
}

const clusterRoleBinding = (name: string, subjects: readonly SubjectLine[]): New<ClusterRoleBinding> => ({
  apiVersion: `${RBAC_GROUP}/v1`,
  kind: 'ClusterRoleBinding',
  metadata: metadata(name),
  ...(subjects.length === 0 ? {} : { subjects: subjects.map(subjectOf) }),
  roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
});

function subjectOf(line: SubjectLine): Subject {
  const [kind, id = ''] = line.split(' ');
  if (kind !== 'account') return { kind: kind === 'user' ? 'User' : 'Group', apiGroup: RBAC_GROUP, name: id };
  const [namespace = '', name = ''] = id.split('/');
  return { kind: 'ServiceAccount', name, namespace };
}
