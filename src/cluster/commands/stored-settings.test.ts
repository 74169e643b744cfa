import assert from 'node:assert/strict';
import { test } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { readStoredSettings, storeSettings } from './stored-settings.ts';

test('readStoredSettings gives every setting in the form it is read from', (t) => {
  const dataDir = temporaryFolder(t);
  const machine = { nodeName: 'boat', nodeIP: '192.0.2.1', kubeconfig: '/root/.kube/config', dataDir, tlsNames: 'a,b' };
  const settings = resolveSettings({ flags: {}, file: undefined, machine });
  storeSettings(settings);
  assert.deepEqual(resolveSettings({ flags: {}, file: undefined, machine: readStoredSettings(settings) }), settings);
});
