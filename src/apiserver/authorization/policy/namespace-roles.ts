// Default Roles and RoleBindings of the system's own namespaces.
// Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy namespace_policy.go.
import { KUBE_CONTROLLER_MANAGER, KUBE_SCHEDULER } from '../../authentication/names.ts';
import type { SubjectLine } from './cluster-roles.ts';
import { EVENTS, type RuleLine } from './table.ts';

const LEADER_LOCK: readonly RuleLine[] = [
  'create get list update watch | coordination.k8s.io | leases',
  'create get list update watch | coordination.k8s.io | leasecandidates',
];

/** By namespace and name. */
export const NAMESPACE_ROLES: Readonly<Record<string, Readonly<Record<string, readonly RuleLine[]>>>> = {
  'kube-system': {
    'extension-apiserver-authentication-reader': ['read | core | configmaps | extension-apiserver-authentication'],
    'system:controller:bootstrap-signer': ['read | core | secrets'],
    'system:controller:cloud-provider': ['create get list watch | core | configmaps'],
    'system:controller:token-cleaner': ['delete get list watch | core | secrets', EVENTS],
    'system::leader-locking-kube-controller-manager': LEADER_LOCK,
    'system::leader-locking-kube-scheduler': LEADER_LOCK,
  },
  'kube-public': {
    'system:controller:bootstrap-signer': ['read | core | configmaps', 'update | core | configmaps | cluster-info', EVENTS],
  },
};

export interface NamespaceBinding {
  readonly role: string;
  readonly subjects: readonly SubjectLine[];
}

const account = (name: string): SubjectLine => `account kube-system/${name}`;

/** By namespace and name. */
export const NAMESPACE_ROLE_BINDINGS: Readonly<Record<string, Readonly<Record<string, NamespaceBinding>>>> = {
  'kube-system': {
    'system::extension-apiserver-authentication-reader': {
      role: 'extension-apiserver-authentication-reader',
      subjects: [`user ${KUBE_CONTROLLER_MANAGER}`, `user ${KUBE_SCHEDULER}`],
    },
    'system::leader-locking-kube-controller-manager': {
      role: 'system::leader-locking-kube-controller-manager',
      subjects: [`user ${KUBE_CONTROLLER_MANAGER}`, account('kube-controller-manager'), account('leader-election-controller')],
    },
    'system::leader-locking-kube-scheduler': {
      role: 'system::leader-locking-kube-scheduler',
      subjects: [`user ${KUBE_SCHEDULER}`, account('kube-scheduler')],
    },
    'system:controller:bootstrap-signer': { role: 'system:controller:bootstrap-signer', subjects: [account('bootstrap-signer')] },
    'system:controller:cloud-provider': { role: 'system:controller:cloud-provider', subjects: [account('cloud-provider')] },
    'system:controller:token-cleaner': { role: 'system:controller:token-cleaner', subjects: [account('token-cleaner')] },
  },
  'kube-public': {
    'system:controller:bootstrap-signer': { role: 'system:controller:bootstrap-signer', subjects: [account('bootstrap-signer')] },
  },
};
