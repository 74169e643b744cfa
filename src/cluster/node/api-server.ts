// The optional parts of the API server, made from files that its settings name.
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, resolve } from 'node:path';
import { readAdmissionConfiguration } from '#apiserver/admission/configuration.ts';
import type { AdmissionSettings } from '#apiserver/admission/default-plugins.ts';
import { apiServerId } from '#apiserver/identity/id.ts';
import { encryptionAtRest, type EncryptionAtRest } from '#apiserver/encryption/at-rest.ts';
import { inBatches, type BatchOptions } from '#apiserver/audit/batches.ts';
import type { AuditBackend, AuditSink } from '#apiserver/audit/contract.ts';
import { LogBackend } from '#apiserver/audit/log-backend.ts';
import { AuditMetrics } from '#apiserver/audit/metrics.ts';
import { readPolicy } from '#apiserver/audit/policy.ts';
import { PolicySink } from '#apiserver/audit/sink.ts';
import { truncating } from '#apiserver/audit/truncate.ts';
import { WebhookBackend } from '#apiserver/audit/webhook-backend.ts';
import { ConfigurationError } from '#apiserver/configuration/decode.ts';
import { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import { RuntimeConfig } from '#apiserver/enablement/runtime-config.ts';
import { servedApis } from '#apiserver/enablement/served-apis.ts';
import { kubeconfigWebhook } from '#apiserver/outbound/kubeconfig-webhook.ts';
import type { ServerParts } from '#apiserver/server-contract.ts';
import { readTracingConfiguration } from '#apiserver/tracing/configuration.ts';
import type { Tracer } from '#apiserver/tracing/contract.ts';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import type { FlowControlSettings } from '#apiserver/defaults.ts';
import { faultOfFile, settingFile } from '../settings/setting-file.ts';
import type { Settings } from '../settings/settings.ts';
import type { ControlPlaneDeps } from './control-plane.ts';

const asText = (text: string): string => text;

/** @throws SettingsError when the file cannot be read, or for what it says */
export async function encryptionOf({ settings, clock, ids, logger }: ControlPlaneDeps): Promise<EncryptionAtRest | undefined> {
  const { encryptionProviderConfig: path, encryptionProviderConfigAutomaticReload: reload } = settings;
  if (path === '') return undefined;
  const text = settingFile('encryptionProviderConfig', path, asText);
  try {
    return await encryptionAtRest({
      path,
      text,
      reload,
      serverId: apiServerId(hostname()),
      clock,
      ids,
      logger: logger.with({ component: 'encryption' }),
    });
  } catch (error) {
    throw faultOfFile('encryptionProviderConfig', path, error);
  }
}

/** @throws SettingsError for the file */
export async function tracerOf({ settings, ids, logger }: ControlPlaneDeps): Promise<Tracer | undefined> {
  if (settings.tracingConfigFile === '') return undefined;
  const configuration = settingFile('tracingConfigFile', settings.tracingConfigFile, readTracingConfiguration);
  const { otlpTracer } = await import('#apiserver/tracing/otlp-tracer.ts');
  return otlpTracer({ configuration, instance: ids.uuid(), logger: logger.with({ component: 'tracing' }) });
}

export const flowControlOf = (settings: Settings): FlowControlSettings => ({
  priorityAndFairness: settings.enablePriorityAndFairness,
  maxReads: settings.maxRequestsInflight,
  maxWrites: settings.maxMutatingRequestsInflight,
});

/** @throws SettingsError for the file; Error when one that it names cannot be read; ConfigurationError */
export function admissionOf(settings: Settings): AdmissionSettings {
  const { admissionControlConfigFile: path, enableAdmissionPlugins: enabled, disableAdmissionPlugins: disabled } = settings;
  const named = (file: string): string => readFileSync(resolve(dirname(path), file), 'utf8');
  const configured = path === '' ? {} : settingFile('admissionControlConfigFile', path, (text) => readAdmissionConfiguration(text, named));
  if (enabled.includes('EventRateLimit') && configured.eventLimits === undefined)
    throw new ConfigurationError('the admission plugin EventRateLimit needs limits, by --admission-control-config-file');
  return { ...configured, enabled, disabled };
}

/** What of the built-in API is served; what is asked for in vain is told in the log. */
export function enablementOf({ settings, logger }: Pick<ControlPlaneDeps, 'settings' | 'logger'>): Enablement {
  const gates = new FeatureGates(settings.featureGates);
  const apis = servedApis(new RuntimeConfig(settings.runtimeConfig), gates);
  const own = logger.with({ component: 'apiserver' });
  for (const message of apis.inVain) own.warn(message);
  for (const { text, featureGate, value } of gates.warnings) own.warn(text, { featureGate, value });
  for (const gate of gates.unheeded) own.warn(`setting the feature gate ${gate} has no effect on this server`);
  return { gates, serves: apis.serves };
}

export interface Enablement {
  readonly gates: FeatureGates;
  readonly serves: (group: string, version: string, resource: string) => boolean;
}

/** Undefined without a policy or without a place to write to. @throws SettingsError, KubeconfigError for the files */
export function auditOf(settings: Settings, { schema, clock, logger, outbound }: ServerParts): AuditSink | undefined {
  if (settings.auditPolicyFile === '') return undefined;
  const policy = settingFile('auditPolicyFile', settings.auditPolicyFile, readPolicy);
  const own = logger.with({ component: 'audit' });
  const { auditLogPath: path, auditWebhookConfigFile: webhook, auditLogCompress: compress } = settings;
  const limits = { maxSize: settings.auditLogMaxsize, maxBackups: settings.auditLogMaxbackup, maxAge: settings.auditLogMaxage };
  const initialBackoffMs = settings.auditWebhookInitialBackoff;
  const metrics = new AuditMetrics();
  const backends: AuditBackend[] = [];
  if (path !== '') {
    const log = new LogBackend({ path, ...limits, compress, mode: settings.auditLogMode, metrics, clock, logger: own });
    const batched = settings.auditLogMode === 'batch' ? inBatches(log, { options: batchesOf(settings, 'auditLog'), metrics, clock }) : log;
    backends.push(truncated(batched, settings, 'auditLog', metrics));
  }
  if (webhook !== '') {
    const service = new WebhookBackend({
      webhook: kubeconfigWebhook(webhook, outbound),
      initialBackoffMs,
      mode: settings.auditWebhookMode,
      batches: batchesOf(settings, 'auditWebhook'),
      metrics,
      clock,
      logger: own,
    });
    backends.push(truncated(service, settings, 'auditWebhook', metrics));
  }
  if (backends.length === 0) return undefined;
  const protobuf = kubeProtobuf(schema);
  return new PolicySink({
    policy,
    backends,
    metrics,
    clock,
    decode: (bytes) => protobuf.decode(bytes, ''),
  });
}

type AuditKeys = 'auditLog' | 'auditWebhook';

function batchesOf(settings: Settings, of: AuditKeys): BatchOptions {
  return {
    bufferSize: settings[`${of}BatchBufferSize`],
    maxSize: settings[`${of}BatchMaxSize`],
    maxWait: settings[`${of}BatchMaxWait`],
    throttle: settings[`${of}BatchThrottleEnable`]
      ? { qps: settings[`${of}BatchThrottleQps`], burst: settings[`${of}BatchThrottleBurst`] }
      : undefined,
  };
}

function truncated(backend: AuditBackend, settings: Settings, of: AuditKeys, metrics: AuditMetrics): AuditBackend {
  return settings[`${of}TruncateEnabled`] ? truncating(backend, settings[`${of}TruncateMaxEventSize`], metrics) : backend;
}
