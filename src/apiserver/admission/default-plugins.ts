// The plugins that are on by default, in the order they run.
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import { createClient } from '#client/client.ts';
import type { Client, Transport } from '#client/contract.ts';
import { SYSTEM_PRIVILEGED_GROUP, type UserInfo } from '../authentication/contract.ts';
import { API_SERVER } from '../authentication/names.ts';
import type { Authorizer } from '../authorization/contract.ts';
import { escalationCheck, type EscalationDeps } from '../authorization/rbac/escalation.ts';
import type { CacheReader } from '../cache/reader.ts';
import type { AdmissionChain, MutatingPlugin, ValidatingPlugin } from './contract.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction, clusterTrustBundleAttest } from './certificates.ts';
import { defaultIngressClass, defaultStorageClass } from './default-class.ts';
import { defaultTolerationSeconds, type TolerationSeconds } from './default-toleration-seconds.ts';
import { type EventLimit, eventRateLimit } from './event-rate-limit.ts';
import { limitRanger } from './limit-ranger.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';
import { nodeDeclaredFeatureValidator } from './node-declared-features.ts';
import { nodeRestriction } from './node-restriction.ts';
import { podResizeValidator } from './pod-resize.ts';
import { type AdmissionPluginName, runningPlugins } from './plugin-names.ts';
import type { PolicyDeps } from './policies/deps.ts';
import { mutatingAdmissionPolicy } from './policies/mutating.ts';
import { paramAccess } from './policies/param-access.ts';
import { validatingAdmissionPolicy } from './policies/validating.ts';
import { podSecurity, type PodSecuritySettings } from './pod-security/plugin.ts';
import { podTopologyLabels } from './pod-topology-labels.ts';
import { priorityAdmission } from './priority.ts';
import { resourceQuota } from './quota/plugin.ts';
import { runtimeClassAdmission } from './runtime-class.ts';
import { serviceAccountAdmission } from './service-account.ts';
import { storageObjectInUseProtection } from './storage-object-in-use.ts';
import { taintNodesByCondition } from './taint-nodes-by-condition.ts';
import { persistentVolumeClaimResize } from './volume-claim-resize.ts';
import { mutatingWebhooks, type WebhookDeps } from './webhooks/mutating.ts';
import { validatingWebhooks } from './webhooks/validating.ts';

export interface AdmissionDeps {
  readonly reader: CacheReader;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly authorizer: Authorizer;
  readonly rbac: EscalationDeps['rbac'];
  /** The API itself, as this user: what is taken of quotas is written through it. Absent: namespaces have no quotas. */
  readonly loopback?: (user: UserInfo) => Transport;
  /** What webhooks are asked with. Absent: there are no webhooks. */
  readonly webhooks?: Omit<WebhookDeps, 'reader' | 'clock' | 'ids' | 'authorizer'>;
  /** What admission policies are evaluated with. Absent: there are none. */
  readonly policies?: Omit<PolicyDeps, 'reader' | 'clock' | 'authorizer'>;
}

export interface AdmissionSettings {
  readonly tolerationSeconds?: TolerationSeconds;
  readonly podSecurity?: PodSecuritySettings;
  /** Of EventRateLimit. */
  readonly eventLimits?: readonly EventLimit[];
  /** Turned on beside those that run by default. Source: --enable-admission-plugins. */
  readonly enabled?: readonly AdmissionPluginName[];
  /** Source: --disable-admission-plugins. */
  readonly disabled?: readonly AdmissionPluginName[];
}

type Plugin = MutatingPlugin | ValidatingPlugin;
type Make = (deps: AdmissionDeps, settings: AdmissionSettings) => Plugin | undefined;

/** What upstream's storage checks, after all plugins that mutate and before those that judge; no setting turns it off. */
const OF_STORAGE = ['PolicyParamAccess', 'RBACEscalation'] as const;

/** In the order they run. */
const PLUGINS: Readonly<Record<AdmissionPluginName | (typeof OF_STORAGE)[number], Make>> = {
  PolicyParamAccess: ({ policies, reader, authorizer }) =>
    policies === undefined ? undefined : paramAccess({ schema: policies.schema, reader, authorizer }),
  NamespaceLifecycle: ({ reader, clock }) => namespaceLifecycle({ reader, clock }),
  LimitRanger: ({ reader }) => limitRanger({ reader }),
  ServiceAccount: ({ reader, clock, ids }) => serviceAccountAdmission({ reader, clock, ids }),
  NodeRestriction: ({ reader, authorizer }) => nodeRestriction({ reader, authorizer }),
  TaintNodesByCondition: () => taintNodesByCondition,
  PodSecurity: ({ reader }, { podSecurity: settings }) => podSecurity({ reader }, settings),
  Priority: ({ reader }) => priorityAdmission({ reader }),
  DefaultTolerationSeconds: (_, { tolerationSeconds }) => defaultTolerationSeconds(tolerationSeconds),
  EventRateLimit: ({ clock }, { eventLimits = [] }) => eventRateLimit(eventLimits, { clock }),
  DefaultStorageClass: ({ reader }) => defaultStorageClass({ reader }),
  StorageObjectInUseProtection: () => storageObjectInUseProtection,
  PersistentVolumeClaimResize: ({ reader }) => persistentVolumeClaimResize({ reader }),
  RuntimeClass: ({ reader }) => runtimeClassAdmission({ reader }),
  CertificateApproval: ({ authorizer }) => certificateApproval({ authorizer }),
  CertificateSigning: ({ authorizer }) => certificateSigning({ authorizer }),
  ClusterTrustBundleAttest: ({ authorizer }) => clusterTrustBundleAttest({ authorizer }),
  CertificateSubjectRestriction: () => certificateSubjectRestriction,
  DefaultIngressClass: ({ reader }) => defaultIngressClass({ reader }),
  PodTopologyLabels: ({ reader }) => podTopologyLabels({ reader }),
  NodeDeclaredFeatureValidator: ({ reader }) => nodeDeclaredFeatureValidator({ reader }),
  PodResizeValidator: ({ reader }) => podResizeValidator({ reader }),
  RBACEscalation: ({ authorizer, rbac }) => escalationCheck({ authorizer, rbac }),
  MutatingAdmissionPolicy: ({ policies, reader, clock, authorizer }) =>
    policies === undefined ? undefined : mutatingAdmissionPolicy({ ...policies, reader, clock, authorizer }),
  MutatingAdmissionWebhook: ({ webhooks, ...deps }) => (webhooks === undefined ? undefined : mutatingWebhooks({ ...deps, ...webhooks })),
  ValidatingAdmissionPolicy: ({ policies, reader, clock, authorizer }) =>
    policies === undefined ? undefined : validatingAdmissionPolicy({ ...policies, reader, clock, authorizer }),
  ValidatingAdmissionWebhook: ({ webhooks, ...deps }) =>
    webhooks === undefined ? undefined : validatingWebhooks({ ...deps, ...webhooks }),
  ResourceQuota: quota,
};

/** Last, so that nothing is charged for what another plugin refuses. */
function quota({ reader, clock, loopback }: AdmissionDeps): Plugin | undefined {
  if (loopback === undefined) return undefined;
  let client: Client | undefined;
  const connect = (): Client => (client ??= createClient(loopback({ name: API_SERVER, groups: [SYSTEM_PRIVILEGED_GROUP] })));
  return resourceQuota({ reader, clock, client: connect });
}

export function defaultPlugins(deps: AdmissionDeps, settings: AdmissionSettings = {}): AdmissionChain {
  const running = runningPlugins(settings.enabled, settings.disabled);
  const plugins = Object.entries(PLUGINS)
    .filter(([name]) => running.has(name) || (OF_STORAGE as readonly string[]).includes(name))
    .map(([, make]) => make(deps, settings))
    .filter((plugin) => plugin !== undefined);
  return {
    mutating: plugins.filter((plugin): plugin is MutatingPlugin => 'admit' in plugin),
    validating: plugins.filter((plugin): plugin is ValidatingPlugin => 'validate' in plugin),
  };
}
