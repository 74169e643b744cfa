// pure
// The users that components of a cluster are, and what those of them may do that no upstream default role covers.
import { EXPLANATION_READS, OPTIONAL_READS } from '#scheduler/explain/reads.ts';
import type { ClusterRole, ClusterRoleBinding, New, Role, RoleBinding } from '#api/types.ts';
import type { UserInfo } from '#apiserver/authentication/contract.ts';

/** Group of the API server's own certificate for kubelets, in ../pki/inventory.ts. Source: kubeadm ClusterAdminsGroup. */
const CLUSTER_ADMINS = 'kubeadm:cluster-admins';

const DNS_USER = 'system:coredns';
const NETWORK_USER = 'system:pod-network';
/** Service account of what makes volumes on each node, in ./local-path.ts. */
export const LOCAL_PATH_ACCOUNT = 'local-path-provisioner';
/** In kube-system. */
export const METRICS_ACCOUNT = 'metrics-server';
/** Service account of the controller in ../join/node-requests.ts. */
const JOIN_ACCOUNT = 'node-requests-approver';

export const serviceAccountUser = (name: string): UserInfo => ({
  name: `system:serviceaccount:kube-system:${name}`,
  groups: ['system:serviceaccounts', 'system:serviceaccounts:kube-system'],
});

/** Source: RBAC bootstrap policy; certificates of the same names are in ../pki/inventory.ts. */
export const USERS = {
  admin: { name: 'kubernetes-admin', groups: ['system:masters'] },
  controllerManager: { name: 'system:kube-controller-manager', groups: [] },
  scheduler: { name: 'system:kube-scheduler', groups: [] },
  proxy: { name: 'system:kube-proxy', groups: [] },
  dns: { name: DNS_USER, groups: [] },
  network: { name: NETWORK_USER, groups: [] },
  localPath: serviceAccountUser(LOCAL_PATH_ACCOUNT),
  metrics: serviceAccountUser(METRICS_ACCOUNT),
  nodeRequests: serviceAccountUser(JOIN_ACCOUNT),
  kubelet: (nodeName: string): UserInfo => ({ name: `system:node:${nodeName}`, groups: ['system:nodes'] }),
} as const;

/** Users whose certificates a node may ask for, beside its own: what runs on every node. */
export const NODE_COMPONENT_USERS: readonly string[] = [USERS.proxy.name, DNS_USER, NETWORK_USER, USERS.localPath.name];

const RBAC = 'rbac.authorization.k8s.io';

type Subject = { readonly kind: 'User' | 'Group'; readonly name: string } | { readonly kind: 'ServiceAccount'; readonly name: string };

const subjectOf = ({ kind, name }: Subject) =>
  kind === 'ServiceAccount' ? { kind, name, namespace: 'kube-system' } : { kind, name, apiGroup: RBAC };

const clusterRole = (name: string, rules: ClusterRole['rules']): New<ClusterRole> => ({ metadata: { name }, rules });

const bind = (name: string, role: string, subject: Subject): New<ClusterRoleBinding> => ({
  metadata: { name },
  roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: role },
  subjects: [subjectOf(subject)],
});

const inNamespace = (
  namespace: string,
  name: string,
  rules: Role['rules'],
  subjects: readonly Subject[],
): { readonly role: New<Role>; readonly binding: New<RoleBinding> } => ({
  role: { metadata: { name, namespace }, rules },
  binding: { metadata: { name, namespace }, roleRef: { apiGroup: RBAC, kind: 'Role', name }, subjects: subjects.map(subjectOf) },
});

const JOINING: Subject = { kind: 'Group', name: 'system:bootstrappers:kubeadm:default-node-token' };
const NODES: Subject = { kind: 'Group', name: 'system:nodes' };

export const CLUSTER_ROLES: readonly New<ClusterRole>[] = [
  // Source: CoreDNS's own role, without pods: names of pods are answered from their address alone.
  clusterRole('system:coredns', [
    { apiGroups: [''], resources: ['services', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    { apiGroups: [''], resources: ['nodes'], verbs: ['get'] },
  ]),
  clusterRole('system:pod-network', [
    { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['list', 'watch'] },
    { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['list', 'watch'] },
  ]),
  // Whether its name is another's already. Source: kubeadm GetNodesClusterRoleName.
  clusterRole('kubeadm:get-nodes', [{ apiGroups: [''], resources: ['nodes'], verbs: ['get'] }]),
  clusterRole('system:node-requests-approver', [
    { apiGroups: [''], resources: ['nodes'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['certificates.k8s.io'], resources: ['certificatesigningrequests/approval'], verbs: ['update'] },
    {
      apiGroups: ['certificates.k8s.io'],
      resources: ['signers'],
      resourceNames: ['kubernetes.io/kubelet-serving', 'kubernetes.io/kube-apiserver-client'],
      verbs: ['approve'],
    },
  ]),
  // For whoever may ask `proa why`; nobody is bound to it. Not Secrets: who may list those, be it only for their names, may read
  // what is in them.
  clusterRole('proa:why', [
    { nonResourceURLs: ['/proa/why', '/proa/why/*'], verbs: ['get'] },
    { apiGroups: [''], resources: ['events', 'configmaps', 'serviceaccounts', 'pods/log'], verbs: ['get', 'list'] },
    { apiGroups: ['scheduling.k8s.io'], resources: ['priorityclasses'], verbs: ['get', 'list'] },
    { apiGroups: ['apps'], resources: ['controllerrevisions'], verbs: ['get', 'list'] },
    ...[...EXPLANATION_READS, ...OPTIONAL_READS].map(({ group, resource }) => ({
      apiGroups: [group],
      resources: [resource],
      verbs: ['get', 'list', 'watch'],
    })),
  ]),
];

export const CLUSTER_ROLE_BINDINGS: readonly New<ClusterRoleBinding>[] = [
  bind('system:coredns', 'system:coredns', { kind: 'User', name: DNS_USER }),
  bind('system:pod-network', 'system:pod-network', { kind: 'User', name: NETWORK_USER }),
  bind('system:node-requests-approver', 'system:node-requests-approver', { kind: 'ServiceAccount', name: JOIN_ACCOUNT }),
  bind(CLUSTER_ADMINS, 'cluster-admin', { kind: 'Group', name: CLUSTER_ADMINS }),
  // Source: kubeadm phases/bootstraptoken/node tlsbootstrap.go.
  bind('kubeadm:get-nodes', 'kubeadm:get-nodes', JOINING),
  bind('kubeadm:kubelet-bootstrap', 'system:node-bootstrapper', JOINING),
  bind('kubeadm:node-autoapprove-bootstrap', 'system:certificates.k8s.io:certificatesigningrequests:nodeclient', JOINING),
  bind('kubeadm:node-autoapprove-certificate-rotation', 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', NODES),
];

/** Name of the ConfigMap with what a joining node must know of the cluster. */
export const CLUSTER_CONFIG = { namespace: 'kube-system', name: 'proa-config' } as const;
/** Where a node without credentials finds the cluster's authority. Source: kubeadm, bootstrap-api ConfigMapClusterInfo. */
export const CLUSTER_INFO = { namespace: 'kube-public', name: 'cluster-info' } as const;

export const NAMESPACE_ROLES = [
  // Each node's DNS server tells where it is.
  inNamespace(
    'kube-system',
    'system:coredns',
    [{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['create', 'get', 'update'] }],
    [{ kind: 'User', name: DNS_USER }],
  ),
  inNamespace(
    CLUSTER_CONFIG.namespace,
    'proa:nodes-config',
    [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [CLUSTER_CONFIG.name], verbs: ['get'] }],
    [JOINING, NODES],
  ),
  inNamespace(
    CLUSTER_INFO.namespace,
    'kubeadm:bootstrap-signer-clusterinfo',
    [{ apiGroups: [''], resources: ['configmaps'], resourceNames: [CLUSTER_INFO.name], verbs: ['get'] }],
    [{ kind: 'User', name: 'system:anonymous' }],
  ),
];
