// pure
// Settings of the API server alone, under kube-apiserver's flag names.
import type { Setting } from './settings.ts';
import { boolean, duration, ok, optionalPath, wholeNumber } from './value.ts';

export interface ApiServerSettings {
  /** EncryptionConfiguration file; empty: values stand plainly in the store. */
  readonly encryptionProviderConfig: string;
  readonly encryptionProviderConfigAutomaticReload: boolean;
  /** False: requests under way are only counted. */
  readonly enablePriorityAndFairness: boolean;
  /** Reads and writes under way; together the seats of priority and fairness. */
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  /** audit.k8s.io/v1 Policy file; empty: nothing is written down. */
  readonly auditPolicyFile: string;
  /** Empty: no file; `-`: standard output. */
  readonly auditLogPath: string;
  /** Days, files, megabytes; 0: no limit (100 MB for the size). */
  readonly auditLogMaxage: number;
  readonly auditLogMaxbackup: number;
  readonly auditLogMaxsize: number;
  readonly auditLogCompress: boolean;
  /** Kubeconfig of a web service that takes events; empty: none. */
  readonly auditWebhookConfigFile: string;
  /** Milliseconds. */
  readonly auditWebhookInitialBackoff: number;
}

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
    key: 'auditPolicyFile',
    flag: 'audit-policy-file',
    argument: 'FILE',
    description: 'which requests are written down (audit Policy)',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'auditLogPath',
    flag: 'audit-log-path',
    argument: 'FILE',
    description: 'file that takes audit events; - for standard output',
    fallback: '',
    parse: (text) => (text === '-' ? ok(text) : optionalPath(text)),
  }),
  setting({
    key: 'auditLogMaxage',
    flag: 'audit-log-maxage',
    argument: 'DAYS',
    description: 'how long old audit files are kept; 0 for ever',
    fallback: '0',
    parse: wholeNumber(0),
  }),
  setting({
    key: 'auditLogMaxbackup',
    flag: 'audit-log-maxbackup',
    argument: 'COUNT',
    description: 'old audit files kept; 0 for all',
    fallback: '0',
    parse: wholeNumber(0),
  }),
  setting({
    key: 'auditLogMaxsize',
    flag: 'audit-log-maxsize',
    argument: 'MB',
    description: 'size at which the audit file is replaced; 0 for 100',
    fallback: '0',
    parse: wholeNumber(0),
  }),
  setting({
    key: 'auditLogCompress',
    flag: 'audit-log-compress',
    argument: 'BOOL',
    description: 'pack old audit files',
    fallback: 'false',
    parse: boolean,
  }),
  setting({
    key: 'auditWebhookConfigFile',
    flag: 'audit-webhook-config-file',
    argument: 'FILE',
    description: 'kubeconfig of a web service that takes audit events',
    fallback: '',
    parse: optionalPath,
  }),
  setting({
    key: 'auditWebhookInitialBackoff',
    flag: 'audit-webhook-initial-backoff',
    argument: 'DURATION',
    description: 'pause before events are offered again',
    fallback: '10s',
    parse: duration,
  }),
];
