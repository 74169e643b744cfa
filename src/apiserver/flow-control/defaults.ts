// pure
// The FlowSchemas and PriorityLevelConfigurations every cluster begins with. Source: apiserver pkg/apis/flowcontrol/bootstrap.
import type {
  FlowSchema,
  FlowSchemaSpec,
  NonResourcePolicyRule,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  ResourcePolicyRule,
  Subject,
} from '#api/gen/flowcontrol-v1.ts';
import { ALL_AUTHENTICATED, ALL_UNAUTHENTICATED, SYSTEM_PRIVILEGED_GROUP } from '../authentication/contract.ts';

/** `true`: the server keeps the spec as it is here; `false`: it is the administrator's. */
export const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec';

/** `mandatory` ones are repaired whatever was done to them; `suggested` ones as their annotation says. */
export interface Defaults<T extends { readonly spec: object }> {
  readonly mandatory: readonly Default<T>[];
  readonly suggested: readonly Default<T>[];
}

export interface Default<T extends { readonly spec: object }> {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: { readonly name: string; readonly annotations: Readonly<Record<string, string>> };
  readonly spec: T['spec'];
}

const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1';
const annotated = (name: string): { readonly name: string; readonly annotations: Readonly<Record<string, string>> } => ({
  name,
  annotations: { [AUTO_UPDATE]: 'true' },
});

const level = (name: string, spec: PriorityLevelConfigurationSpec): Default<PriorityLevelConfiguration> => ({
  kind: 'PriorityLevelConfiguration',
  apiVersion: API_VERSION,
  metadata: annotated(name),
  spec,
});

const QUEUE_LENGTH = 50;

const queued = (
  name: string,
  shares: number,
  lendablePercent: number,
  queues: number,
  handSize: number,
): Default<PriorityLevelConfiguration> =>
  level(name, {
    type: 'Limited',
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent,
      limitResponse: { type: 'Queue', queuing: { queues, handSize, queueLengthLimit: QUEUE_LENGTH } },
    },
  });

export const EXEMPT = 'exempt';
export const CATCH_ALL = 'catch-all';

export const PRIORITY_LEVELS: Defaults<PriorityLevelConfiguration> = {
  mandatory: [
    level(CATCH_ALL, {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
    }),
    level(EXEMPT, { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } }),
  ],
  suggested: [
    queued('system', 30, 33, 64, 6),
    queued('node-high', 40, 25, 64, 6),
    queued('leader-election', 10, 0, 16, 4),
    queued('workload-high', 40, 50, 128, 6),
    queued('workload-low', 100, 90, 128, 6),
    queued('global-default', 20, 50, 128, 6),
  ],
};

const groups = (...names: readonly string[]): readonly Subject[] => names.map((name) => ({ kind: 'Group', group: { name } }));
const users = (...names: readonly string[]): readonly Subject[] => names.map((name) => ({ kind: 'User', user: { name } }));
const SYSTEM_ACCOUNTS: Subject = { kind: 'ServiceAccount', serviceAccount: { namespace: 'kube-system', name: '*' } };
const EVERYBODY = groups(ALL_UNAUTHENTICATED, ALL_AUTHENTICATED);

const ALL: ResourcePolicyRule = { verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] };
const ALL_PATHS: NonResourcePolicyRule = { verbs: ['*'], nonResourceURLs: ['*'] };
const leases = (verbs: readonly string[]): ResourcePolicyRule => ({
  verbs,
  apiGroups: ['coordination.k8s.io'],
  resources: ['leases'],
  namespaces: ['*'],
});

const schema = (
  name: string,
  priorityLevel: string,
  matchingPrecedence: number,
  spec: Pick<FlowSchemaSpec, 'distinguisherMethod' | 'rules'>,
): Default<FlowSchema> => ({
  kind: 'FlowSchema',
  apiVersion: API_VERSION,
  metadata: annotated(name),
  spec: { priorityLevelConfiguration: { name: priorityLevel }, matchingPrecedence, ...spec },
});

const BY_USER = { distinguisherMethod: { type: 'ByUser' } };
const BY_NAMESPACE = { distinguisherMethod: { type: 'ByNamespace' } };
const everything = (subjects: readonly Subject[]): Pick<FlowSchemaSpec, 'rules'> => ({
  rules: [{ subjects, resourceRules: [ALL], nonResourceRules: [ALL_PATHS] }],
});

export const FLOW_SCHEMAS: Defaults<FlowSchema> = {
  mandatory: [
    schema(EXEMPT, EXEMPT, 1, everything(groups(SYSTEM_PRIVILEGED_GROUP))),
    schema(CATCH_ALL, CATCH_ALL, 10_000, { ...BY_USER, ...everything(EVERYBODY) }),
  ],
  suggested: [
    schema('system-nodes', 'system', 500, { ...BY_USER, ...everything(groups('system:nodes')) }),
    schema('system-node-high', 'node-high', 400, {
      ...BY_USER,
      rules: [
        {
          subjects: groups('system:nodes'),
          resourceRules: [
            { verbs: ['*'], apiGroups: [''], resources: ['nodes', 'nodes/status'], clusterScope: true, namespaces: ['*'] },
            leases(['*']),
          ],
        },
      ],
    }),
    schema('probes', EXEMPT, 2, {
      rules: [{ subjects: EVERYBODY, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }] }],
    }),
    schema('system-leader-election', 'leader-election', 100, {
      ...BY_USER,
      rules: [
        {
          subjects: [...users('system:kube-controller-manager', 'system:kube-scheduler'), SYSTEM_ACCOUNTS],
          resourceRules: [leases(['get', 'create', 'update'])],
        },
      ],
    }),
    schema('kube-controller-manager', 'workload-high', 800, { ...BY_NAMESPACE, ...everything(users('system:kube-controller-manager')) }),
    schema('kube-scheduler', 'workload-high', 800, { ...BY_NAMESPACE, ...everything(users('system:kube-scheduler')) }),
    schema('kube-system-service-accounts', 'workload-high', 900, { ...BY_NAMESPACE, ...everything([SYSTEM_ACCOUNTS]) }),
    schema('service-accounts', 'workload-low', 9_000, { ...BY_USER, ...everything(groups('system:serviceaccounts')) }),
    schema('global-default', 'global-default', 9_900, { ...BY_USER, ...everything(EVERYBODY) }),
  ],
};
