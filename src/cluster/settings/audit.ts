// pure
// Settings of the audit log, under kube-apiserver's flag names. Source: apiserver server/options audit.go.
import type { AuditMode } from '#apiserver/audit/contract.ts';
import type { Setting } from './settings.ts';
import { bad, boolean, duration, ok, optionalPath, positiveNumber, wholeNumber, type Parsed } from './value.ts';

export interface AuditSettings {
  /** audit.k8s.io/v1 Policy file; empty: nothing is written down. */
  readonly auditPolicyFile: string;
  /** Empty: no file; `-`: standard output. */
  readonly auditLogPath: string;
  /** Days, files, megabytes; 0: no limit (100 MB for the size). */
  readonly auditLogMaxage: number;
  readonly auditLogMaxbackup: number;
  readonly auditLogMaxsize: number;
  readonly auditLogCompress: boolean;
  readonly auditLogMode: AuditMode;
  /** Kubeconfig of a web service that takes events; empty: none. */
  readonly auditWebhookConfigFile: string;
  /** Milliseconds. */
  readonly auditWebhookInitialBackoff: number;
  readonly auditWebhookMode: AuditMode;
  /** How events of the log back end are put together in mode batch. Events. */
  readonly auditLogBatchBufferSize: number;
  readonly auditLogBatchMaxSize: number;
  /** Milliseconds. */
  readonly auditLogBatchMaxWait: number;
  readonly auditLogBatchThrottleEnable: boolean;
  /** Batches a second. */
  readonly auditLogBatchThrottleQps: number;
  readonly auditLogBatchThrottleBurst: number;
  readonly auditLogTruncateEnabled: boolean;
  /** Bytes. */
  readonly auditLogTruncateMaxBatchSize: number;
  readonly auditLogTruncateMaxEventSize: number;
  /** How events of the webhook back end are put together in mode batch. Events. */
  readonly auditWebhookBatchBufferSize: number;
  readonly auditWebhookBatchMaxSize: number;
  /** Milliseconds. */
  readonly auditWebhookBatchMaxWait: number;
  readonly auditWebhookBatchThrottleEnable: boolean;
  /** Batches a second. */
  readonly auditWebhookBatchThrottleQps: number;
  readonly auditWebhookBatchThrottleBurst: number;
  readonly auditWebhookTruncateEnabled: boolean;
  /** Bytes. */
  readonly auditWebhookTruncateMaxBatchSize: number;
  readonly auditWebhookTruncateMaxEventSize: number;
}

const AUDIT_MODES: readonly AuditMode[] = ['batch', 'blocking', 'blocking-strict'];
/** Source: validateBackendMode. */
const auditMode =
  (plugin: 'log' | 'webhook') =>
  (text: string): Parsed<AuditMode> => {
    const mode = AUDIT_MODES.find((one) => one === text);
    const allowed = `allowed modes are "${AUDIT_MODES.join(',')}"`;
    return mode === undefined ? bad(`is an invalid audit ${plugin} mode, ${allowed}`) : ok(mode);
  };

const setting = <K extends keyof AuditSettings>(row: Setting<K>): Setting => row as unknown as Setting;

/** Batches and sizes of one back end. */
function plugin(
  name: 'log' | 'webhook',
  defaults: { readonly maxSize: string; readonly maxWait: string; readonly throttle: string },
): readonly Setting[] {
  const key = name === 'log' ? 'auditLog' : 'auditWebhook';
  return [
    setting({
      key: `${key}BatchBufferSize`,
      flag: `audit-${name}-batch-buffer-size`,
      argument: 'COUNT',
      description: `events that may wait for the audit ${name} in mode batch`,
      fallback: '10000',
      parse: wholeNumber(1),
    }),
    setting({
      key: `${key}BatchMaxSize`,
      flag: `audit-${name}-batch-max-size`,
      argument: 'COUNT',
      description: 'events in a batch at most',
      fallback: defaults.maxSize,
      parse: wholeNumber(1),
    }),
    setting({
      key: `${key}BatchMaxWait`,
      flag: `audit-${name}-batch-max-wait`,
      argument: 'DURATION',
      description: 'how long a batch waits for more events; 0 until it is full',
      fallback: defaults.maxWait,
      parse: duration,
    }),
    setting({
      key: `${key}BatchThrottleEnable`,
      flag: `audit-${name}-batch-throttle-enable`,
      argument: 'BOOL',
      description: 'limit the rate of batches',
      fallback: defaults.throttle,
      parse: boolean,
    }),
    setting({
      key: `${key}BatchThrottleQps`,
      flag: `audit-${name}-batch-throttle-qps`,
      argument: 'RATE',
      description: 'batches a second',
      fallback: '10',
      parse: positiveNumber,
    }),
    setting({
      key: `${key}BatchThrottleBurst`,
      flag: `audit-${name}-batch-throttle-burst`,
      argument: 'COUNT',
      description: 'batches at once after a rest',
      fallback: '15',
      parse: wholeNumber(1),
    }),
    setting({
      key: `${key}TruncateEnabled`,
      flag: `audit-${name}-truncate-enabled`,
      argument: 'BOOL',
      description: 'take bodies off large events, and drop what is larger still',
      fallback: 'false',
      parse: boolean,
    }),
    setting({
      key: `${key}TruncateMaxBatchSize`,
      flag: `audit-${name}-truncate-max-batch-size`,
      argument: 'BYTES',
      description: 'greatest batch, at least one greatest event',
      fallback: '10485760',
      parse: wholeNumber(1),
    }),
    setting({
      key: `${key}TruncateMaxEventSize`,
      flag: `audit-${name}-truncate-max-event-size`,
      argument: 'BYTES',
      description: 'greatest event',
      fallback: '102400',
      parse: wholeNumber(1),
    }),
  ];
}

export const AUDIT_SETTINGS: readonly Setting[] = [
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
    fallback: '366',
    parse: wholeNumber(0),
  }),
  setting({
    key: 'auditLogMaxbackup',
    flag: 'audit-log-maxbackup',
    argument: 'COUNT',
    description: 'old audit files kept; 0 for all',
    fallback: '100',
    parse: wholeNumber(0),
  }),
  setting({
    key: 'auditLogMaxsize',
    flag: 'audit-log-maxsize',
    argument: 'MB',
    description: 'size at which the audit file is replaced; 0 for 100',
    fallback: '100',
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
    key: 'auditLogMode',
    flag: 'audit-log-mode',
    argument: 'MODE',
    description: 'whether requests wait for the audit file: batch, blocking, blocking-strict',
    fallback: 'blocking',
    parse: auditMode('log'),
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
  setting({
    key: 'auditWebhookMode',
    flag: 'audit-webhook-mode',
    argument: 'MODE',
    description: 'whether requests wait for that web service: batch, blocking, blocking-strict',
    fallback: 'batch',
    parse: auditMode('webhook'),
  }),
  ...plugin('log', { maxSize: '1', maxWait: '0s', throttle: 'false' }),
  ...plugin('webhook', { maxSize: '400', maxWait: '30s', throttle: 'true' }),
];

/** Source: AuditTruncateOptions.Validate. */
export function auditContradictions(settings: AuditSettings): readonly string[] {
  return [
    ['log', settings.auditLogTruncateMaxBatchSize, settings.auditLogTruncateMaxEventSize] as const,
    ['webhook', settings.auditWebhookTruncateMaxBatchSize, settings.auditWebhookTruncateMaxEventSize] as const,
  ].flatMap(([name, batch, event]) =>
    batch < event ? [`invalid audit truncate ${name} max batch size ${batch}, must be greater than max event size (${event})`] : [],
  );
}
