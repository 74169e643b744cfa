// pure
// Settings of the API server alone, under kube-apiserver's flag names.
import { FeatureGateError, FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { RuntimeConfig, RuntimeConfigError } from '#apiserver/enablement/runtime-config.ts';
import { ADMISSION_SETTINGS, type AdmissionFlags } from './admission.ts';
import { AUDIT_SETTINGS, type AuditSettings } from './audit.ts';
import { SERVICE_ACCOUNT_SETTINGS, type ServiceAccountSettings } from './service-accounts.ts';
import { AUTHENTICATION_SETTINGS, type AuthenticationSettings } from './authentication.ts';
import type { Setting } from './settings.ts';
import { bad, boolean, duration, ok, optionalPath, webhookVersion, wholeNumber, type Parsed } from './value.ts';

export interface ApiServerSettings extends AdmissionFlags, AuditSettings, AuthenticationSettings, ServiceAccountSettings {
  /** EncryptionConfiguration file; empty: values stand plainly in the store. */
  readonly encryptionProviderConfig: string;
  readonly encryptionProviderConfigAutomaticReload: boolean;
  /** False: requests under way are only counted. */
  readonly enablePriorityAndFairness: boolean;
  /** Reads and writes under way; together the seats of priority and fairness. */
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  /** apiserver.config.k8s.io/v1 TracingConfiguration file; empty: no traces. */
  readonly tracingConfigFile: string;
  /** AuthorizationConfiguration file, followed while it changes; empty: the modes. */
  readonly authorizationConfig: string;
  readonly authorizationMode: readonly string[];
  readonly authorizationWebhookConfigFile: string;
  readonly authorizationWebhookVersion: 'v1' | 'v1beta1';
  /** Milliseconds. */
  readonly authorizationWebhookCacheAuthorizedTtl: number;
  readonly authorizationWebhookCacheUnauthorizedTtl: number;
  /** Milliseconds. */
  readonly eventTtl: number;
  /** Milliseconds. */
  readonly shutdownDelayDuration: number;
  readonly shutdownSendRetryAfter: boolean;
  readonly profiling: boolean;
  /** `api/beta=true`, `GROUP/VERSION[/RESOURCE]=BOOL`, by comma: built-in APIs beyond or without the stable ones. */
  readonly runtimeConfig: string;
  /** `GATE=BOOL` by comma. */
  readonly featureGates: string;
}

/** The text itself, once `Reader` can read it. */
const readableBy =
  (Reader: new (text: string) => unknown, Mistake: typeof RuntimeConfigError | typeof FeatureGateError) =>
  (text: string): Parsed<string> => {
    try {
      void new Reader(text);
      return ok(text);
    } catch (error) {
      if (error instanceof Mistake) return bad(`is refused: ${error.message}`);
      throw error;
    }
  };

const MODES = ['AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
const modes = (text: string): Parsed<readonly string[]> => {
  const names = text.split(',');
  const known = names.every((name) => MODES.includes(name)) && new Set(names).size === names.length;
  return known ? ok(names) : bad(`is no list of different modes among ${MODES.join(', ')}`);
};
const setting = <K extends keyof ApiServerSettings>(row: Setting<K>): Setting => row as unknown as Setting;

export const API_SERVER_SETTINGS: readonly Setting[] = [
  setting({
    key: 'encryptionProviderConfig',
    flag: 'encryption-provider-config',
    argument: 'FILE',
    description: 'how values in the store are encrypted (EncryptionConfiguration)',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'encryptionProviderConfigAutomaticReload',
    flag: 'encryption-provider-config-automatic-reload',
    argument: 'BOOL',
    description: 'follow changes of that file',
    fallback: 'false',
    parse: boolean,
  }),
  setting({
    key: 'enablePriorityAndFairness',
    flag: 'enable-priority-and-fairness',
    argument: 'BOOL',
    description: 'share seats fairly among flows of requests',
    fallback: 'true',
    parse: boolean,
  }),
  setting({
    key: 'maxRequestsInflight',
    flag: 'max-requests-inflight',
    argument: 'COUNT',
    description: 'reads under way at most',
    fallback: '400',
    parse: wholeNumber(1),
  }),
  setting({
    key: 'maxMutatingRequestsInflight',
    flag: 'max-mutating-requests-inflight',
    argument: 'COUNT',
    description: 'writes under way at most',
    fallback: '200',
    parse: wholeNumber(1),
  }),
  setting({
    key: 'tracingConfigFile',
    flag: 'tracing-config-file',
    argument: 'FILE',
    description: 'where traces of requests are sent, and how many (TracingConfiguration)',
    fallback: '',
    parse: optionalPath,
  }),
  ...AUTHENTICATION_SETTINGS,
  ...ADMISSION_SETTINGS,
  ...AUDIT_SETTINGS,
  ...SERVICE_ACCOUNT_SETTINGS,
  setting({
    key: 'authorizationConfig',
    flag: 'authorization-config',
    argument: 'FILE',
    description: 'authorizers in order (AuthorizationConfiguration)',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'authorizationMode',
    flag: 'authorization-mode',
    argument: 'MODES',
    description: 'authorizers in order, by comma',
    fallback: 'Node,RBAC',
    parse: modes,
  }),
  setting({
    key: 'authorizationWebhookConfigFile',
    flag: 'authorization-webhook-config-file',
    argument: 'FILE',
    description: 'kubeconfig of a web service that authorizes',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'authorizationWebhookVersion',
    flag: 'authorization-webhook-version',
    argument: 'VERSION',
    description: 'version of the SubjectAccessReview it is sent',
    fallback: 'v1beta1',
    parse: webhookVersion,
  }),
  setting({
    key: 'authorizationWebhookCacheAuthorizedTtl',
    flag: 'authorization-webhook-cache-authorized-ttl',
    argument: 'DURATION',
    description: 'how long its permissions are kept',
    fallback: '5m',
    parse: duration,
  }),
  setting({
    key: 'authorizationWebhookCacheUnauthorizedTtl',
    flag: 'authorization-webhook-cache-unauthorized-ttl',
    argument: 'DURATION',
    description: 'how long its refusals are kept',
    fallback: '30s',
    parse: duration,
  }),
  setting({
    key: 'eventTtl',
    flag: 'event-ttl',
    argument: 'DURATION',
    description: 'how long events are kept',
    fallback: '1h',
    parse: duration,
  }),
  setting({
    key: 'shutdownDelayDuration',
    flag: 'shutdown-delay-duration',
    argument: 'DURATION',
    description: 'how long a stopping API server serves on while not ready',
    fallback: '0s',
    parse: duration,
  }),
  setting({
    key: 'shutdownSendRetryAfter',
    flag: 'shutdown-send-retry-after',
    argument: 'BOOL',
    description: 'a stopping API server answers 429 instead of closing its port',
    fallback: 'false',
    parse: boolean,
  }),
  setting({
    key: 'profiling',
    flag: 'profiling',
    argument: 'BOOL',
    description: 'serve /debug/pprof',
    fallback: 'false',
    parse: boolean,
  }),
  setting({
    key: 'runtimeConfig',
    flag: 'runtime-config',
    argument: 'APIS',
    description: 'built-in APIs to serve or not, api/beta=true or group/version[/resource]=true by comma',
    fallback: '',
    parse: readableBy(RuntimeConfig, RuntimeConfigError),
  }),
  setting({
    key: 'featureGates',
    flag: 'feature-gates',
    argument: 'GATES',
    description: 'features of the API server to turn on or off, Name=true by comma',
    fallback: '',
    parse: readableBy(FeatureGates, FeatureGateError),
  }),
];
