import 'reflect-metadata';
import assert from 'node:assert/strict';
import { generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import * as x509 from '@peculiar/x509';
import { seededIds } from '#base/ids.ts';
import { certificatesigningrequests } from '#api/resources.ts';
import type { CertificateSigningRequest } from '#api/types.ts';
import { startController } from '../testing.ts';
import { certificateApprovingController } from './approving.ts';
import { removalTime } from './cleaning.ts';
import { kubeletClientRefusal, kubeletServingRefusal, lifetimeSeconds, type RequestFacts, signerRefusal } from './request-facts.ts';
import { readRequest, signRequest } from './x509.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DIGITAL = ['digital signature', 'client auth'];

const facts = (given: Partial<RequestFacts> = {}): RequestFacts => ({
  commonName: 'system:node:boat',
  organizations: ['system:nodes'],
  dnsNames: [],
  ipAddresses: [],
  emails: [],
  uris: [],
  ...given,
});

for (const [what, given, usages, refusal] of [
  ['nothing in a good one', {}, DIGITAL, undefined],
  ['the key encipherment of RSA keys neither', {}, [...DIGITAL, 'key encipherment'], undefined],
  ['another group', { organizations: ['system:masters'] }, DIGITAL, 'subject organization is not system:nodes'],
  ['a second group', { organizations: ['system:nodes', 'x'] }, DIGITAL, 'subject organization is not system:nodes'],
  ['a name that is no node’s', { commonName: 'admin' }, DIGITAL, 'subject common name does not begin with system:node:'],
  ['names', { dnsNames: ['a'] }, DIGITAL, 'DNS subjectAltNames are not allowed'],
  ['addresses', { ipAddresses: ['10.0.0.1'] }, DIGITAL, 'IP subjectAltNames are not allowed'],
  ['use as a server', {}, ['digital signature', 'server auth'], 'usages did not match [client auth digital signature key encipherment]'],
] as const) {
  test(`kubeletClientRefusal refuses ${what}`, () => assert.equal(kubeletClientRefusal(facts(given), usages), refusal));
}

test('kubeletServingRefusal wants a name or an address, and the server’s usages', () => {
  const serving = ['digital signature', 'server auth'];
  assert.equal(kubeletServingRefusal(facts(), serving), 'DNS or IP subjectAltName is required');
  assert.equal(kubeletServingRefusal(facts({ ipAddresses: ['10.0.0.1'] }), serving), undefined);
  assert.match(kubeletServingRefusal(facts({ dnsNames: ['boat'] }), DIGITAL) ?? '', /^usages did not match/);
});

test('signerRefusal gives clients of the API server their usages and no more', () => {
  const client = 'kubernetes.io/kube-apiserver-client';
  assert.equal(signerRefusal(client, facts({ commonName: 'ann' }), ['client auth']), undefined);
  assert.equal(signerRefusal(client, facts(), ['cert sign', 'client auth']), 'invalid usage for client certificate: cert sign');
  assert.equal(signerRefusal(client, facts(), []), 'missing required usage for client certificate: client auth');
});

test('lifetimeSeconds keeps between ten minutes and the signer’s own', () => {
  assert.deepEqual(
    [lifetimeSeconds(undefined, 9000), lifetimeSeconds(1, 9000), lifetimeSeconds(8000, 9000), lifetimeSeconds(99_999, 9000)],
    [9000, 600, 8000, 9000],
  );
});

async function keyPair(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function signingRequest(): Promise<string> {
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ O: ['system:nodes'] }, { CN: ['system:node:boat'] }],
    keys: (await keyPair()) as Required<webcrypto.CryptoKeyPair> as never,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '10.0.0.7' }])],
  });
  return request.toString('pem');
}

async function authority(kind: 'ec' | 'rsa', now: number): Promise<{ readonly certificate: string; readonly key: string }> {
  const made = kind === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('rsa', { modulusLength: 2048 });
  const algorithm = kind === 'ec' ? ALGORITHM : { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  const der = new Uint8Array(made.privateKey.export({ type: 'pkcs8', format: 'der' }));
  const spki = new Uint8Array(made.publicKey.export({ type: 'spki', format: 'der' }));
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '01',
    subject: 'CN=kubernetes',
    issuer: 'CN=kubernetes',
    notBefore: new Date(now - 1000),
    notAfter: new Date(now + 86_400_000),
    publicKey: (await webcrypto.subtle.importKey('spki', spki, algorithm, true, ['verify'])) as CryptoKey,
    signingKey: (await webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign'])) as CryptoKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return { certificate: certificate.toString('pem'), key: made.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
}

for (const kind of ['ec', 'rsa'] as const) {
  test(`signRequest gives what was asked for and no longer life than the ${kind} authority has`, async () => {
    const now = Date.UTC(2026, 5, 1);
    const ca = await authority(kind, now);
    const request = await signingRequest();
    assert.deepEqual(readRequest(request), facts({ ipAddresses: ['10.0.0.7'] }));
    const usages = ['digital signature', 'server auth'];
    const signed = new X509Certificate(await signRequest(ca, { request, usages, seconds: 31_536_000, now }, seededIds(1)));
    const issuer = new X509Certificate(ca.certificate);
    assert.ok(signed.verify(issuer.publicKey));
    assert.equal(signed.subject, 'O=system:nodes\nCN=system:node:boat');
    assert.equal(signed.subjectAltName, 'IP Address:10.0.0.7');
    assert.equal(signed.ca, false);
    assert.equal(signed.validTo, issuer.validTo);
    assert.deepEqual(signed.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  });
}

const request = (conditions: readonly (readonly [string, string])[], certificate?: string): CertificateSigningRequest =>
  ({
    metadata: { name: 'r', creationTimestamp: '2026-01-01T00:00:00Z' },
    status: {
      conditions: conditions.map(([type, lastUpdateTime]) => ({ type, status: 'True', lastUpdateTime, lastTransitionTime: null })),
      ...(certificate === undefined ? {} : { certificate }),
    },
  }) as unknown as CertificateSigningRequest;

test('removalTime keeps a pending request a day, a settled one an hour, an approved one until it is issued', () => {
  const hours = (r: CertificateSigningRequest): number => (removalTime(r) - Date.UTC(2026, 0, 1)) / 3_600_000;
  assert.equal(hours(request([])), 24);
  assert.equal(hours(request([['Denied', '2026-01-01T05:00:00Z']])), 6);
  assert.equal(hours(request([['Approved', '2026-01-01T05:00:00Z']])), Infinity);
  assert.equal(hours(request([['Approved', '2026-01-01T05:00:00Z']], 'Zm9y')), 6);
});

for (const allowed of [true, false]) {
  test(`a kubelet's request is ${allowed ? 'approved' : 'left alone'} when its sender ${allowed ? 'may' : 'may not'} ask`, async (t) => {
    const { client, server, until, stop } = await startController(certificateApprovingController);
    t.after(stop);
    const asked = Promise.withResolvers<void>();
    server.react({ verb: 'create', resource: 'subjectaccessreviews' }, () => {
      asked.resolve();
      return { status: { allowed } };
    });
    const pem = await x509.Pkcs10CertificateRequestGenerator.create({
      name: [{ O: ['system:nodes'] }, { CN: ['system:node:boat'] }],
      keys: (await keyPair()) as Required<webcrypto.CryptoKeyPair> as never,
      signingAlgorithm: ALGORITHM,
    });
    const created = await client.create(certificatesigningrequests, {
      metadata: { name: 'r' },
      spec: {
        request: Buffer.from(pem.toString('pem')).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
        usages: ['digital signature', 'client auth'],
        username: 'system:bootstrap:abcdef',
      },
    });
    // What the API server gives every object; the fake one leaves it out.
    await client.update(certificatesigningrequests, { ...created, status: {} }, { subresource: 'status' });
    await asked.promise;
    const approvals = () => server.actions.filter(({ resource }) => resource === 'certificatesigningrequests/approval');
    if (!allowed) return assert.equal(approvals().length, 0);
    const { body } = await until(async () => approvals()[0]);
    assert.equal((body as CertificateSigningRequest).status.conditions?.[0]?.reason, 'AutoApproved');
  });
}
