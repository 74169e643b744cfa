import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createLogger, silentLogger } from '#base/log.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { CredentialProviderConfigError } from '#kubelet/images/credential-provider-config.ts';
import { kubeletConfigOf, startKubelet } from './kubelet-config.ts';

const HEAD = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

test('kubeletConfigOf reads a file, and says which of its fields are not looked at', (t) => {
  const file = join(temporaryFolder(t), 'kubelet.yaml');
  const told: unknown[] = [];
  const logger = createLogger((_level, _message, fields) => void told.push(fields['fields']));
  writeFileSync(file, `${HEAD}maxPods: 7\nfailSwapOn: false\n`);
  assert.deepEqual(kubeletConfigOf(file, logger), { maxPods: 7, others: { failSwapOn: false } });
  assert.deepEqual(told, [['failSwapOn']]);
  assert.deepEqual(kubeletConfigOf('', logger), {});
});

test('kubeletConfigOf tells whoever gave the file what is wrong with it', (t) => {
  const file = join(temporaryFolder(t), 'kubelet.yaml');
  const refused = (words: RegExp): void =>
    assert.throws(() => kubeletConfigOf(file, silentLogger), { name: 'CommandError', message: words });
  refused(/^failed to load kubelet config file, path: .*kubelet\.yaml, error: ENOENT/);
  writeFileSync(file, `${HEAD}maxPods: many\n`);
  refused(/maxPods: Invalid value: "many": must be an integer/);
  writeFileSync(file, 'a: [');
  refused(/kubelet\.yaml, error: /);
});

test('startKubelet tells whoever gave credential providers what is wrong with them', async () => {
  const failing = (error: Error) => ({ start: () => Promise.reject(error), stop: () => Promise.resolve(), view: {} as never });
  await assert.rejects(startKubelet(failing(new CredentialProviderConfigError('plugin binary directory /x did not exist'))), {
    name: 'CommandError',
    message: 'failed to register CRI auth plugins: plugin binary directory /x did not exist',
  });
  await assert.rejects(startKubelet(failing(new TypeError('a bug'))), TypeError);
});
