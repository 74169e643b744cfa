// The optional parts of the API server, made from files that its settings name.
import { readFileSync } from 'node:fs';
import { encryptionAtRest, type EncryptionAtRest } from '#apiserver/encryption/at-rest.ts';
import type { ControlPlaneDeps } from './control-plane.ts';

const read = (path: string): string => readFileSync(path, 'utf8');

/** @throws Error when the file cannot be read; ConfigurationError for what it says */
export async function encryptionOf({ settings, clock, ids, logger }: ControlPlaneDeps): Promise<EncryptionAtRest | undefined> {
  const { encryptionProviderConfig: path, encryptionProviderConfigAutomaticReload: reload } = settings;
  if (path === '') return undefined;
  return encryptionAtRest({ path, text: read(path), reload, clock, ids, logger: logger.with({ component: 'encryption' }) });
}
