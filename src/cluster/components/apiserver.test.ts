// The API server with the flags that test environments of operators give kube-apiserver, and no more.
// Source: controller-runtime pkg/internal/testing/controlplane apiserver.go defaultArgs.
import { startComponent } from '#test/harness/component.ts';
import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { configmaps, namespaces, pods } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { createClient } from '#client/client.ts';
import { fixedCredentials } from '#client/https/credentials.ts';
import { httpsTransport } from '#client/https/transport.ts';
import { freePorts } from '#test/harness/ports.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { createAuthority, issueCertificate } from '../pki/certificate.ts';
import { Pki } from '../pki/store.ts';
import { pairInFolder } from './cert-dir.ts';

const DEPS = { clock: systemClock, ids: randomIds };

test('the API server serves with the pair of its folder, and runs no plugin that was turned off', async (t) => {
  const folder = temporaryFolder(t);
  const file = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const pki = new Pki(join(folder, 'pki'), DEPS);
  await pki.ensureServiceAccountKey();
  const authority = await createAuthority('clients', 1, DEPS);
  const request = { commonName: 'admin', organizations: ['system:masters'], usages: ['client'], validDays: 1 } as const;
  const admin = await issueCertificate(authority, request, DEPS);
  const [port = 0] = await freePorts(1);
  const server = `https://127.0.0.1:${port}`;
  await startComponent(
    t,
    'apiserver',
    {
      'allow-privileged': 'true',
      'authorization-mode': 'RBAC',
      'bind-address': '127.0.0.1',
      'cert-dir': folder,
      'client-ca-file': file('clients.crt', authority.certificate),
      'data-dir': join(folder, 'store'),
      'disable-admission-plugins': 'ServiceAccount',
      'secure-port': String(port),
      'service-account-issuer': `${server}/`,
      'service-account-key-file': pki.keyPath('sa'),
      'service-account-signing-key-file': pki.keyPath('sa'),
      'service-cluster-ip-range': '10.0.0.0/24',
    },
    /the API server runs/,
  );
  const transport = httpsTransport({
    server,
    ca: { pem: (await pairInFolder(folder, [], DEPS))().certificate },
    credentials: fixedCredentials({ certificate: { cert: admin.certificate, key: admin.key } }),
    clock: systemClock,
    logger: silentLogger,
  });
  defer(t, () => transport.close());
  const client = createClient(transport);
  await client.create(namespaces, { metadata: { name: 'ns' } });
  // No controller makes the account `default` here: with the plugin the pod would be refused.
  const containers = [{ name: 'c', image: 'i', securityContext: { privileged: true } }];
  const pod = await client.create(pods, { metadata: { name: 'p', namespace: 'ns' }, spec: { containers } } as New<Pod>);
  assert.deepEqual([pod.spec.serviceAccountName, pod.spec.volumes], [undefined, undefined]);
  // The other plugins run.
  await assert.rejects(client.create(pods, { metadata: { name: 'p', namespace: 'none' }, spec: { containers } } as New<Pod>), (error) =>
    isStatusError(error, 'NotFound'),
  );
  // Nobody's front proxy is trusted, and nobody is told of one.
  const trusted = await client.get(configmaps, { namespace: 'kube-system', name: 'extension-apiserver-authentication' });
  assert.deepEqual(trusted.data, { 'client-ca-file': authority.certificate });
});

test('pairInFolder makes a pair once, for the addresses it is told, and leaves one that is there', async (t) => {
  const folder = join(temporaryFolder(t), 'certs');
  const read = await pairInFolder(folder, ['192.0.2.1', '10.96.0.1'], DEPS);
  const { subjectAltName } = new X509Certificate(read().certificate);
  for (const name of ['IP Address:192.0.2.1', 'IP Address:10.96.0.1', 'DNS:kubernetes.default.svc', 'DNS:localhost'])
    assert.ok(subjectAltName?.split(', ').includes(name) === true, String(subjectAltName));
  assert.equal(statSync(join(folder, 'apiserver.key')).mode & 0o777, 0o600);
  assert.deepEqual((await pairInFolder(folder, ['192.0.2.2'], DEPS))(), read());
});

for (const [name, gone, left] of [
  ['between its two files', ['apiserver.crt'], 'apiserver.crt.new'],
  ['when only the certificate was in its place', ['apiserver.key'], 'apiserver.key.new'],
  ['before either was in its place', ['apiserver.crt', 'apiserver.key'], 'apiserver.key.new'],
] as const) {
  test(`pairInFolder makes the pair anew after a crash ${name}`, async (t) => {
    const folder = temporaryFolder(t);
    await pairInFolder(folder, ['192.0.2.1'], DEPS);
    for (const file of gone) rmSync(join(folder, file));
    writeFileSync(join(folder, left), 'cut');
    const { certificate, key } = (await pairInFolder(folder, ['192.0.2.1'], DEPS))();
    assert.ok(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
    assert.deepEqual(readdirSync(folder).toSorted(), ['apiserver.crt', 'apiserver.key']);
  });
}

test('pairInFolder does not replace a key that somebody put there without its certificate', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'apiserver.key'), 'precious');
  const read = await pairInFolder(folder, ['192.0.2.1'], DEPS);
  assert.throws(read, { code: 'ENOENT' });
  assert.equal(readFileSync(join(folder, 'apiserver.key'), 'utf8'), 'precious');
});
