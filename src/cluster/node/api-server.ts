// The optional parts of the API server, made from files that its settings name.
import { readFileSync } from 'node:fs';
import { encryptionAtRest, type EncryptionAtRest } from '#apiserver/encryption/at-rest.ts';
import type { FlowControlSettings } from '#apiserver/defaults.ts';
import type { Settings } from '../settings/settings.ts';
import type { ControlPlaneDeps } from './control-plane.ts';

const read = (path: string): string => readFileSync(path, 'utf8');

/** @throws Error when the file cannot be read; ConfigurationError for what it says */
export async function encryptionOf({ settings, clock, ids, logger }: ControlPlaneDeps): Promise<EncryptionAtRest | undefined> {
  const { encryptionProviderConfig: path, encryptionProviderConfigAutomaticReload: reload } = settings;
  if (path === '') return undefined;
  return encryptionAtRest({ path, text: read(path), reload, clock, ids, logger: logger.with({ component: 'encryption' }) });
}

export const flowControlOf = (settings: Settings): FlowControlSettings => ({
  priorityAndFairness: settings.enablePriorityAndFairness,
  maxReads: settings.maxRequestsInflight,
  maxWrites: settings.maxMutatingRequestsInflight,
});
