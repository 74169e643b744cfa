import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { auditOf, encryptionOf } from './api-server.ts';

const settings = (flags: Readonly<Record<string, string>>) =>
  resolveSettings({ flags, file: undefined, machine: { nodeName: 'a', nodeIP: '192.0.2.1', kubeconfig: '/none' } });

// Source: apiserver server/options audit.go ApplyTo, which reads the policy before it looks where to write.
test('auditOf refuses a policy that cannot be read, even if nothing would be written', () => {
  const parts = { clock: systemClock, logger: silentLogger } as Parameters<typeof auditOf>[1];
  const flags = { 'audit-policy-file': '/none' };
  assert.throws(() => auditOf(settings(flags), parts), { message: '--audit-policy-file /none cannot be read (ENOENT)' });
});

test('encryptionOf names the flag of a file that is no configuration', () => {
  const deps = { clock: systemClock, ids: randomIds, logger: silentLogger } as Parameters<typeof encryptionOf>[0];
  const flags = { 'encryption-provider-config': '/dev/null' };
  return assert.rejects(encryptionOf({ ...deps, settings: settings(flags) }), {
    name: 'SettingsError',
    message: /^--encryption-provider-config \/dev\/null: /,
  });
});
