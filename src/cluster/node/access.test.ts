import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { resolveSettings } from '../settings/resolve.ts';
import { serviceAccountsOf } from './access.ts';

const machine = { nodeName: 'boat', nodeIP: '192.0.2.7', kubeconfig: '/root/.kube/config' };
const settings = (flags: Readonly<Record<string, string>>) => resolveSettings({ flags, file: undefined, machine });

test('serviceAccountsOf names the cluster as the issuer, and this server as the place of its keys', () => {
  assert.deepEqual(serviceAccountsOf(settings({}), 'KEY'), {
    issuer: 'https://kubernetes.default.svc.cluster.local',
    otherIssuers: [],
    signingKey: 'KEY',
    verifyingKeys: [],
    jwksUri: 'https://192.0.2.7:6443/openid/v1/jwks',
  });
});

test('serviceAccountsOf takes issuers, audiences, keys and the place of the key set from flags', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'proa-access-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const key = join(folder, 'old.pub');
  writeFileSync(key, 'OLD');
  const flags = {
    'service-account-issuer': 'https://new.example.org,https://old.example.org',
    'service-account-jwks-uri': 'https://keys.example.org/jwks',
    'api-audiences': 'api,vault',
    'service-account-key-file': key,
    'service-account-max-token-expiration': '2h',
  };
  assert.deepEqual(serviceAccountsOf(settings(flags), 'KEY'), {
    issuer: 'https://new.example.org',
    otherIssuers: ['https://old.example.org'],
    signingKey: 'KEY',
    verifyingKeys: ['OLD'],
    jwksUri: 'https://keys.example.org/jwks',
    audiences: ['api', 'vault'],
    maxExpirationSeconds: 7_200,
  });
});
