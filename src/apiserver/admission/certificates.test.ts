import assert from 'node:assert/strict';
import { webcrypto } from 'node:crypto';
import { test } from 'node:test';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { certificatesigningrequests } from '#api/resources.ts';
import { ALLOW, NO_OPINION, type AuthorizationAttributes } from '../authorization/contract.ts';
import { MemoryReader } from '../authorization/testing.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction, clusterTrustBundleAttest } from './certificates.ts';
import { nodeRestriction } from './node-restriction.ts';
import { kubelet, refused, write } from './testing.ts';

x509.cryptoProvider.set(webcrypto);

async function request(name: string): Promise<string> {
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const made = await x509.Pkcs10CertificateRequestGenerator.create({ name, keys, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } });
  return Buffer.from(made.toString('pem')).toString('base64');
}

const csr = (spec: object, status: object = {}) =>
  ({ metadata: { name: 'r' }, spec: { signerName: 'example.com/own', ...spec }, status }) as never;
const allowing = (...names: string[]) => ({
  authorize: ({ verb, resource, name }: AuthorizationAttributes) => (names.includes(`${verb} ${resource} ${name}`) ? ALLOW : NO_OPINION),
});

for (const [names, why] of [
  [['approve signers example.com/own'], undefined],
  [['approve signers example.com/*'], undefined],
  [['sign signers example.com/own'], 'user not permitted to approve requests with signerName "example.com/own"'],
] as const) {
  test(`CertificateApproval goes by ${names[0]}`, async () => {
    const attributes = write(certificatesigningrequests, {
      object: csr({ signerName: 'kubernetes.io/kubelet-serving' }),
      oldObject: csr({}),
      subresource: 'approval',
    });
    assert.equal(
      await refused(certificateApproval({ authorizer: allowing(...names) }), attributes),
      why === undefined ? undefined : `certificatesigningrequests.certificates.k8s.io "r" is forbidden: ${why}`,
    );
  });
}

test('CertificateSigning asks when certificate or conditions change', async () => {
  const sign = (now: object, before: object, ...names: string[]) =>
    refused(
      certificateSigning({ authorizer: allowing(...names) }),
      write(certificatesigningrequests, { object: csr({}, now), oldObject: csr({}, before), subresource: 'status' }),
    );
  assert.match((await sign({ certificate: 'eA==' }, {})) ?? '', /user not permitted to sign requests with signerName "example.com\/own"/);
  assert.match((await sign({ conditions: [{ type: 'Failed' }] }, {})) ?? '', /not permitted to sign/);
  assert.equal(await sign({ certificate: 'eA==' }, {}, 'sign signers example.com/own'), undefined);
  assert.equal(await sign({ certificate: 'eA==' }, { certificate: 'eA==' }), undefined);
});

const podRequests = {
  ...certificatesigningrequests,
  kind: 'PodCertificateRequest',
  resource: 'podcertificaterequests',
  version: 'v1beta1',
} as const;

test('CertificateSigning asks when a pod is given a certificate, and answers as validation does', async () => {
  const issue = (now: object, before: object, ...names: string[]) =>
    refused(
      certificateSigning({ authorizer: allowing(...names) }),
      write(podRequests as never, { object: csr({}, now), oldObject: csr({}, before), subresource: 'status' }),
    );
  const chain = { certificateChain: 'x' };
  assert.match(
    (await issue(chain, {})) ?? '',
    /^PodCertificateRequest.certificates.k8s.io "r" is invalid: spec.signerName: Forbidden: User "[^"]+" is not permitted to "sign" for signer "example.com\/own"$/,
  );
  assert.equal(await issue(chain, {}, 'sign signers example.com/*'), undefined);
  assert.equal(await issue({ conditions: [{ type: 'Denied' }] }, {}), undefined);
  assert.equal(await issue(chain, chain), undefined);
});

const bundle = (spec: object, metadata: object = {}) =>
  ({ kind: 'ClusterTrustBundle', metadata: { name: 'b', ...metadata }, spec: { trustBundle: 'a', ...spec } }) as never;
const bundles = { ...certificatesigningrequests, kind: 'ClusterTrustBundle', resource: 'clustertrustbundles', version: 'v1beta1' } as const;

test('ClusterTrustBundleAttest lets those who may attest for a signer write its anchors', async () => {
  const attest = (objects: { readonly object: never; readonly oldObject?: never }, ...names: string[]) =>
    refused(clusterTrustBundleAttest({ authorizer: allowing(...names) }), write(bundles as never, objects));
  const signed = bundle({ signerName: 'example.com/own' });
  assert.match((await attest({ object: signed })) ?? '', /user not permitted to attest for signerName "example.com\/own"$/);
  assert.match((await attest({ object: signed }, 'sign signers example.com/own')) ?? '', /not permitted/);
  assert.equal(await attest({ object: signed }, 'attest signers example.com/own'), undefined);
  assert.equal(await attest({ object: signed }, 'attest signers example.com/*'), undefined);
  assert.equal(await attest({ object: bundle({}) }), undefined);
  assert.match(
    (await attest({ object: bundle({ signerName: 'example.com/own', trustBundle: 'b' }), oldObject: signed })) ?? '',
    /not permitted/,
  );
  assert.equal(await attest({ object: bundle({ signerName: 'example.com/own' }, { finalizers: ['x'] }), oldObject: signed }), undefined);
});

test('CertificateSubjectRestriction keeps system:masters from the client signer', async () => {
  const bad = await request('CN=x, O=dev, O=system:masters');
  const signerName = 'kubernetes.io/kube-apiserver-client';
  const create = (spec: object) => refused(certificateSubjectRestriction, write(certificatesigningrequests, { object: csr(spec) }));
  assert.match(
    (await create({ signerName, request: bad })) ?? '',
    /use of kubernetes.io\/kube-apiserver-client signer with system:masters group is not allowed/,
  );
  assert.equal(await create({ signerName, request: await request('CN=x, O=dev') }), undefined);
  assert.equal(await create({ signerName: 'example.com/own', request: bad }), undefined);
  assert.match(
    (await create({ signerName, request: 'bm9uZQ==' })) ?? '',
    /failed to parse CSR: PEM block type must be CERTIFICATE REQUEST/,
  );
});

test('NodeRestriction lets a node ask for certificates of its own name', async () => {
  const plugin = nodeRestriction({ reader: new MemoryReader(), authorizer: allowing() });
  const ask = async (name: string) =>
    refused(
      plugin,
      write(certificatesigningrequests, {
        object: csr({ signerName: 'kubernetes.io/kubelet-serving', request: await request(name) }),
        user: kubelet('n1'),
      }),
    );
  assert.equal(await ask('CN=system:node:n1, O=system:nodes'), undefined);
  assert.match((await ask('CN=system:node:n2, O=system:nodes')) ?? '', /can only create a node CSR with CN=system:node:n1/);
});
