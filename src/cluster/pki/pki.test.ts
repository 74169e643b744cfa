import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { nodeLeaves, serverLeaves } from './inventory.ts';
import { Pki } from './store.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const subjects = {
  nodeName: 'boat',
  nodeIP: '10.0.0.7',
  serviceIP: '10.96.0.1',
  clusterDomain: 'cluster.local',
  extraNames: ['api.example.org', '10.9.9.9'],
};
const leaves = [...serverLeaves(subjects), ...nodeLeaves(subjects)];
const apiserver = leaves.find((leaf) => leaf.file === 'apiserver') as (typeof leaves)[number];

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'proa-pki-'));
});
after(() => rmSync(dir, { recursive: true }));

async function freshPki(name: string): Promise<{ readonly pki: Pki; readonly clock: ManualClock }> {
  const clock = new ManualClock();
  const pki = new Pki(join(dir, name), { clock, ids: seededIds(1) });
  await pki.ensureAuthority('ca');
  await pki.ensureAuthority('front-proxy-ca');
  return { pki, clock };
}

test('ensureLeaf issues every certificate of the inventory, signed by its authority', async () => {
  const { pki } = await freshPki('all');
  for (const leaf of leaves) {
    assert.equal(await pki.ensureLeaf(leaf), true);
    const certificate = new X509Certificate(pki.read(leaf.file).certificate);
    const issuer = new X509Certificate(pki.read(leaf.issuer).certificate);
    assert.ok(certificate.verify(issuer.publicKey), leaf.file);
    assert.ok(certificate.checkIssued(issuer), leaf.file);
    assert.equal(certificate.ca, false);
  }
});

test('the apiserver certificate answers for every name and address clients use', async () => {
  const { pki } = await freshPki('names');
  await pki.ensureLeaf(apiserver);
  const certificate = new X509Certificate(pki.read('apiserver').certificate);
  for (const name of ['localhost', 'boat', 'kubernetes.default.svc.cluster.local', 'api.example.org'])
    assert.ok(certificate.checkHost(name), name);
  for (const address of ['127.0.0.1', '10.0.0.7', '10.96.0.1', '10.9.9.9']) assert.ok(certificate.checkIP(address), address);
  assert.equal(certificate.checkHost('elsewhere.org'), undefined);
});

test('keys are readable by their owner alone', async () => {
  const { pki } = await freshPki('modes');
  await pki.ensureLeaf(apiserver);
  pki.ensureServiceAccountKey();
  for (const file of ['ca', 'apiserver', 'sa']) assert.equal(statSync(pki.keyPath(file)).mode & 0o777, 0o600);
});

test('ensureLeaf keeps a good certificate, and renews one with less than a third of its life left', async () => {
  const { pki, clock } = await freshPki('renew');
  await pki.ensureLeaf(apiserver);
  assert.equal(await pki.ensureLeaf(apiserver), false);
  clock.advance(240 * DAY_MS);
  assert.equal(await pki.ensureLeaf(apiserver), false);
  clock.advance(10 * DAY_MS);
  assert.equal(await pki.ensureLeaf(apiserver), true);
});

test('ensureLeaf issues anew when a name is added or the subject changes', async () => {
  const { pki } = await freshPki('changed');
  await pki.ensureLeaf(apiserver);
  const renamed = { ...apiserver, request: { ...apiserver.request, dnsNames: [...(apiserver.request.dnsNames ?? []), 'new.example.org'] } };
  assert.equal(await pki.ensureLeaf(renamed), true);
  assert.equal(await pki.ensureLeaf({ ...renamed, request: { ...renamed.request, commonName: 'other' } }), true);
});
