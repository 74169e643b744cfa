// The real kubectl, as an administrator of a test server.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { kubectl, type KubeClient } from '#test/harness/kubectl.ts';
import type { Owner } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import type { TestServer } from '../testing.ts';

export function adminKubectl(owner: Owner, { url, authority, admin }: TestServer): Promise<KubeClient> {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const kubeconfig = join(temporaryFolder(owner), 'kubeconfig');
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'admin' } }],
      clusters: [{ name: 'test', cluster: { server: url, 'certificate-authority-data': base64(authority.certificate) } }],
      users: [{ name: 'admin', user: { 'client-certificate-data': base64(admin.certificate), 'client-key-data': base64(admin.key) } }],
    }),
  );
  return kubectl(owner, kubeconfig);
}
