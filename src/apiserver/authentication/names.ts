// Names that stand for identities, and the extra keys authenticators fill.
// Source: apiserver pkg/authentication/user, pkg/authentication/serviceaccount util.go.
import { dns1123Label, dns1123Subdomain } from '#apimachinery/names.ts';
import type { UserInfo } from './contract.ts';

/** Members are kubelets. */
export const NODES_GROUP = 'system:nodes';
export const NODE_USER_PREFIX = 'system:node:';
export const MONITORING_GROUP = 'system:monitoring';
export const KUBE_PROXY = 'system:kube-proxy';
export const KUBE_CONTROLLER_MANAGER = 'system:kube-controller-manager';
export const KUBE_SCHEDULER = 'system:kube-scheduler';
export const API_SERVER = 'system:apiserver';
export const ALL_SERVICE_ACCOUNTS = 'system:serviceaccounts';

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';

/** Keys of UserInfo.extra. */
export const EXTRA = {
  /** Names the very credential: `JTI=…`, `X509SHA256=…`. */
  credentialId: 'authentication.kubernetes.io/credential-id',
  podName: 'authentication.kubernetes.io/pod-name',
  podUid: 'authentication.kubernetes.io/pod-uid',
  nodeName: 'authentication.kubernetes.io/node-name',
  nodeUid: 'authentication.kubernetes.io/node-uid',
} as const;

export interface ServiceAccountName {
  readonly namespace: string;
  readonly name: string;
}

export const serviceAccountUser = ({ namespace, name }: ServiceAccountName): string => `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;

/** `system:serviceaccounts` and the one of its namespace. */
export const serviceAccountGroups = (namespace: string): readonly string[] => [
  ALL_SERVICE_ACCOUNTS,
  `${ALL_SERVICE_ACCOUNTS}:${namespace}`,
];

/** The inverse of serviceAccountUser; undefined for every other user name. Source: SplitUsername. */
export function parseServiceAccountUser(user: string): ServiceAccountName | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace = '', name = '', ...more] = user.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  return more.length === 0 && dns1123Label(namespace).length === 0 && dns1123Subdomain(name).length === 0 ? { namespace, name } : undefined;
}

/** The node a kubelet speaks for (empty when its user name gives none); undefined for everyone else. Source: nodeidentifier.NodeIdentity. */
export function nodeOf(user: UserInfo): string | undefined {
  if (!user.name.startsWith(NODE_USER_PREFIX) || !user.groups.includes(NODES_GROUP)) return undefined;
  return user.name.slice(NODE_USER_PREFIX.length);
}
