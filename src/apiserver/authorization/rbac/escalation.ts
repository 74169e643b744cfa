// Nobody may give others, or themselves, rights they do not have. Runs after mutation, before anything is stored.
// Source: pkg/registry/rbac clusterrole, role, clusterrolebinding, rolebinding policybased storage.go; escalation_check.go.
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding } from '#api/types.ts';
import { forbidden } from '#apimachinery/errors.ts';
import { goQuote, goQuotedList } from '#apimachinery/go-format.ts';
import { onlyForCollection } from '../../admission/collection.ts';
import type { AdmissionAttributes, MutatingPlugin } from '../../admission/contract.ts';
import { SYSTEM_PRIVILEGED_GROUP } from '../../authentication/contract.ts';
import type { AuthorizationAttributes, Authorizer } from '../contract.ts';
import type { RbacAuthorizer } from './authorizer.ts';
import { compactRules, uncovered } from './covers.ts';
import { compactRule } from './rules.ts';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
const FULL_AUTHORITY: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export interface EscalationDeps {
  /** Asked for the verbs `escalate` and `bind`. */
  readonly authorizer: Authorizer;
  /** Knows what the writer may do. */
  readonly rbac: Pick<RbacAuthorizer, 'policyRules' | 'roleRules'>;
}

export function escalationCheck(deps: EscalationDeps): MutatingPlugin {
  return {
    name: 'RBACEscalation',
    operations: ['CREATE', 'UPDATE'],
    async admit(attributes) {
      const { resource, subresource, user, object, oldObject } = attributes;
      if (resource.group !== RBAC_GROUP || subresource !== '' || object === undefined) return undefined;
      if (user.groups.includes(SYSTEM_PRIVILEGED_GROUP) || (oldObject !== undefined && onlyForCollection({ object, oldObject })))
        return undefined;
      switch (resource.resource) {
        case 'clusterroles':
        case 'roles':
          await checkRole(attributes, deps);
          return undefined;
        case 'clusterrolebindings':
        case 'rolebindings':
          await checkBinding(attributes, deps);
          return undefined;
        default:
          return undefined;
      }
    },
  };
}

async function checkRole(attributes: AdmissionAttributes, deps: EscalationDeps): Promise<void> {
  const { resource, namespace, name } = attributes;
  const escalate = question(attributes, { verb: 'escalate', resource: resource.resource, namespace, name });
  if ((await deps.authorizer.authorize(escalate, attributes.request)).decision === 'allow') return;
  const role = attributes.object as ClusterRole | Role;
  confirm(attributes, role.rules ?? [], deps);
  if (!aggregates(role) && !aggregates(attributes.oldObject as ClusterRole | Role | undefined)) return;
  if (missing(attributes, FULL_AUTHORITY, deps) === undefined) return;
  throw forbidden(resource, role.metadata.name, 'must have cluster-admin privileges to use the aggregationRule');
}

const aggregates = (role: ClusterRole | Role | undefined): boolean =>
  role !== undefined && 'aggregationRule' in role && (role.aggregationRule?.clusterRoleSelectors ?? []).length > 0;

async function checkBinding(attributes: AdmissionAttributes, deps: EscalationDeps): Promise<void> {
  const { roleRef } = attributes.object as ClusterRoleBinding | RoleBinding;
  const { namespace } = attributes;
  const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : roleRef.kind === 'Role' ? 'roles' : undefined;
  if (resource !== undefined) {
    const bind = question(attributes, { verb: 'bind', group: roleRef.apiGroup, resource, namespace, name: roleRef.name });
    if ((await deps.authorizer.authorize(bind, attributes.request)).decision === 'allow') return;
  }
  confirm(attributes, deps.rbac.roleRules(roleRef, namespace), deps);
}

function question(
  { user }: AdmissionAttributes,
  about: Partial<AuthorizationAttributes> & { readonly verb: string },
): AuthorizationAttributes {
  const nothing = { namespace: '', group: RBAC_GROUP, version: '*', resource: '', subresource: '', name: '', path: '' };
  return { ...nothing, user, isResourceRequest: true, ...about };
}

/** @throws StatusError Forbidden */
function confirm(attributes: AdmissionAttributes, rules: readonly PolicyRule[], deps: EscalationDeps): void {
  const why = missing(attributes, rules, deps);
  if (why !== undefined) throw forbidden(attributes.resource, attributes.object?.metadata.name ?? '', why);
}

/** What of `rules` the writer does not have. Source: ConfirmNoEscalation. */
function missing({ user, namespace }: AdmissionAttributes, rules: readonly PolicyRule[], { rbac }: EscalationDeps): string | undefined {
  const own = rbac.policyRules(user, namespace);
  const lacking = compactRules(uncovered(own.rules, rules));
  if (lacking.length === 0) return undefined;
  const lines = [...new Set(lacking.map(compactRule))].toSorted();
  const errors = own.error === '' ? '' : `; resolution errors: [${own.error}]`;
  return `user ${goQuote(user.name)} (groups=${goQuotedList(user.groups)}) is attempting to grant RBAC permissions not currently held:\n${lines.join('\n')}${errors}`;
}
