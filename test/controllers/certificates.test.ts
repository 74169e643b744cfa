import 'reflect-metadata';
import assert from 'node:assert/strict';
import { webcrypto, X509Certificate } from 'node:crypto';
import { after, before, test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { certificatesigningrequests, clusterrolebindings } from '#api/resources.ts';
import type { CertificateSigningRequest, New } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { createClient } from '#client/client.ts';
import { certificateApprovingController } from '#controllers/certificates/approving.ts';
import { certificateCleanerController } from '#controllers/certificates/cleaning.ts';
import { certificateSigningController } from '#controllers/certificates/signing.ts';
import { createAuthority } from '#cluster/pki/certificate.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
let authority: { readonly certificate: string; readonly key: string };
before(async () => {
  authority = await createAuthority('kubernetes', 3650, { clock: new ManualClock(), ids: seededIds(7) });
  t = await startControllerTest({
    controllers: [certificateApprovingController, certificateSigningController, certificateCleanerController],
    config: { clusterSigning: { certificate: authority.certificate, key: authority.key } },
  });
  await t.client.create(clusterrolebindings, {
    metadata: { name: 'nodes-renew' },
    roleRef: {
      apiGroup: 'rbac.authorization.k8s.io',
      kind: 'ClusterRole',
      name: 'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient',
    },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:nodes' }],
  });
});
after(() => t.stop());

async function request(commonName: string, organization: string, names: x509.JsonGeneralNames = []): Promise<string> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: [organization] }, { CN: [commonName] }],
    keys: keys as never,
    signingAlgorithm: algorithm,
    extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
  });
  return Buffer.from(`${csr.toString('pem')}\n`).toString('base64');
}

const create = (as: string, name: string, spec: New<CertificateSigningRequest['spec']>) =>
  createClient(
    t.server.loopback({ name: as, groups: as === 'admin' ? ['system:masters'] : ['system:nodes', 'system:authenticated'] }),
  ).create(certificatesigningrequests, { metadata: { name }, spec } as New<CertificateSigningRequest>);

const approve = async (name: string) => {
  const csr = await t.client.get(certificatesigningrequests, { name });
  const condition = {
    type: 'Approved',
    status: 'True',
    reason: 'ByHand',
    message: 'ok',
    lastUpdateTime: null,
    lastTransitionTime: null,
  } as const;
  await t.client.update(
    certificatesigningrequests,
    { ...csr, status: { ...csr.status, conditions: [...(csr.status.conditions ?? []), condition] } } as CertificateSigningRequest,
    { subresource: 'approval' },
  );
};

const signed = (name: string) =>
  t.until(async () => {
    const { status } = await t.client.get(certificatesigningrequests, { name });
    return status.certificate === undefined ? undefined : new X509Certificate(Buffer.from(status.certificate, 'base64'));
  });

const CLIENT = 'kubernetes.io/kube-apiserver-client-kubelet';

test('a kubelet’s own client certificate is approved and signed by the cluster’s authority', async () => {
  await create('system:node:n1', 'renewal', {
    request: await request('system:node:n1', 'system:nodes'),
    signerName: CLIENT,
    usages: ['digital signature', 'client auth'],
    expirationSeconds: 3600,
  });
  const certificate = await signed('renewal');
  assert.ok(certificate.verify(new X509Certificate(authority.certificate).publicKey));
  assert.match(certificate.subject, /CN=system:node:n1/);
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.ok(Date.parse(certificate.validTo) <= t.clock.now() + 3_600_000);
  const { status } = await t.client.get(certificatesigningrequests, { name: 'renewal' });
  assert.equal(status.conditions?.[0]?.message, 'Auto approving self kubelet client certificate after SubjectAccessReview.');
});

test('a serving certificate waits for a person, and carries the names that were asked for', async () => {
  await create('system:node:n1', 'serving', {
    request: await request('system:node:n1', 'system:nodes', [
      { type: 'dns', value: 'n1' },
      { type: 'ip', value: '10.0.0.1' },
    ]),
    signerName: 'kubernetes.io/kubelet-serving',
    usages: ['digital signature', 'server auth'],
  });
  await approve('serving');
  const certificate = await signed('serving');
  assert.equal(certificate.subjectAltName, 'DNS:n1, IP Address:10.0.0.1');
});

test('a request that its signer does not sign fails, and says why', async () => {
  await create('admin', 'wrong', {
    request: await request('somebody', 'people'),
    signerName: 'kubernetes.io/kubelet-serving',
    usages: ['digital signature', 'server auth'],
  });
  await approve('wrong');
  const failed = await t.until(async () => {
    const { status } = await t.client.get(certificatesigningrequests, { name: 'wrong' });
    return status.conditions?.find(({ type }) => type === 'Failed');
  });
  assert.deepEqual([failed.reason, failed.message], ['SignerValidationFailure', 'subject organization is not system:nodes']);
});

test('answered requests are removed after an hour, those nobody answers after a day', async () => {
  await create('admin', 'pending', {
    request: await request('somebody', 'people'),
    signerName: 'example.com/own',
    usages: ['client auth'],
  });
  const names = async () => (await t.client.list(certificatesigningrequests)).items.map(({ metadata }) => metadata.name);
  await t.until(async () => ((await names()).join() === 'pending' ? true : undefined), 60_000);
  await t.until(async () => ((await names()).length === 0 ? true : undefined), 3_600_000);
});

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete|sign|approve)/.test(line)),
    [],
  );
});
