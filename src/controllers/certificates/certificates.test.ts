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

const AGO = (hours: number): string => new Date(Date.UTC(2026, 0, 2) - hours * 3_600_000).toISOString();
const endingAt = async (hoursAgo: number): Promise<string> => {
  const keys = await keyPair();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    keys: keys as Required<webcrypto.CryptoKeyPair> as never,
    notBefore: new Date(AGO(hoursAgo + 1)),
    notAfter: new Date(AGO(hoursAgo)),
    signingAlgorithm: ALGORITHM,
  });
  return Buffer.from(certificate.toString('pem')).toString('base64');
};

// Source: cleaner_test.go TestCleanerWithApprovedExpiredCSR.
for (const { name, created = 50, conditions = [], issued, goes } of [
  { name: 'waiting for 23 h', created: 23, goes: false },
  { name: 'waiting for 25 h', created: 25, goes: true },
  { name: 'denied 50 minutes ago', conditions: [['Denied', AGO(5 / 6)]], goes: false },
  { name: 'denied 2 h ago', conditions: [['Denied', AGO(2)]], goes: true },
  { name: 'failed 50 minutes ago', conditions: [['Failed', AGO(5 / 6)]], goes: false },
  { name: 'failed 2 h ago', conditions: [['Failed', AGO(2)]], goes: true },
  { name: 'approved and issued 50 minutes ago', conditions: [['Approved', AGO(5 / 6)]], issued: -1, goes: false },
  { name: 'approved and issued 2 h ago', conditions: [['Approved', AGO(2)]], issued: -1, goes: true },
  { name: 'approved 2 h ago and not issued', conditions: [['Approved', AGO(2)]], goes: false },
  { name: 'approved 50 minutes ago, its certificate over', conditions: [['Approved', AGO(5 / 6)]], issued: 1, goes: true },
  { name: 'approved 2 h ago, its certificate unreadable', conditions: [['Approved', AGO(2)]], issued: 'garbage', goes: true },
  { name: 'approved just now, its certificate unreadable', conditions: [['Approved', AGO(0)]], issued: 'garbage', goes: false },
] as readonly {
  readonly name: string;
  readonly created?: number;
  readonly conditions?: readonly (readonly [string, string])[];
  /** Hours since the certificate ended. */
  readonly issued?: number | 'garbage';
  readonly goes: boolean;
}[])
  test(`a signing request ${name} ${goes ? 'goes' : 'stays'}`, async () => {
    const certificate = issued === 'garbage' ? 'Zm9y' : issued === undefined ? undefined : await endingAt(issued);
    const asked = request(conditions, certificate);
    const removal = removalTime({ ...asked, metadata: { ...asked.metadata, creationTimestamp: AGO(created) } });
    assert.equal(removal <= Date.UTC(2026, 0, 2), goes);
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
