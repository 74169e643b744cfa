import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Clock, ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import type { KeyedCertificate } from './certificate.ts';
import { nodeLeaves, serverLeaves } from './inventory.ts';
import { keepRenewed } from './renewals.ts';
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

test('keys are written as kubeadm writes them: some clients read no other form of a key of an elliptic curve', async () => {
  const { pki } = await freshPki('forms');
  await pki.ensureLeaf(apiserver);
  await pki.ensureServiceAccountKey();
  for (const file of ['ca', 'apiserver']) assert.match(pki.read(file).key, /^-----BEGIN EC PRIVATE KEY-----\n/);
  assert.match(readFileSync(pki.keyPath('sa'), 'utf8'), /^-----BEGIN RSA PRIVATE KEY-----\n/);
});

test('keys are readable by their owner alone', async () => {
  const { pki } = await freshPki('modes');
  await pki.ensureLeaf(apiserver);
  await pki.ensureServiceAccountKey();
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

test('ensureLeaf issues anew what is not valid yet, since the clock was set back', async () => {
  const { pki, clock } = await freshPki('set-back');
  const ahead = new ManualClock(clock.now() + 30 * DAY_MS);
  await new Pki(pki.dir, { clock: ahead, ids: seededIds(2) }).ensureLeaf(apiserver);
  assert.equal(await pki.ensureLeaf(apiserver), true);
  assert.ok(Date.parse(new X509Certificate(pki.read('apiserver').certificate).validFrom) <= clock.now());
});

test('ensureAuthority says so when the clock is before or after the life of the authority, and replaces nothing', async () => {
  const { pki, clock } = await freshPki('authority');
  const before = pki.certificate('ca');
  for (const c of [
    {
      days: -2,
      says: /ca\.crt is valid from 2025-12-31T00:00:00\.000Z, but this machine's clock says 2025-12-30T00:00:00\.000Z: set the clock right/,
    },
    {
      days: 3651,
      says: /ca\.crt ended at .*, and this machine's clock says .*: set the clock right and start again, or start anew with proa reset/,
    },
  ]) {
    const jumped = new Pki(pki.dir, { clock: new ManualClock(clock.now() + c.days * DAY_MS), ids: seededIds(2) });
    await assert.rejects(jumped.ensureAuthority('ca'), { name: 'AuthorityClockError', message: c.says });
  }
  assert.equal(pki.certificate('ca'), before);
});

const damages: readonly (readonly [string, (whole: string) => string])[] = [
  ['empty', () => ''],
  ['cut in half', (whole) => whole.slice(0, whole.length / 2)],
  ['zeros, as a power failure leaves them', (whole) => '\0'.repeat(whole.length)],
];

for (const [name, damage] of damages) {
  test(`ensureLeaf issues anew what is ${name}, the certificate or its key`, async () => {
    const { pki } = await freshPki(`leaf ${name}`);
    await pki.ensureLeaf(apiserver);
    for (const path of [pki.certificatePath('apiserver'), pki.keyPath('apiserver')]) {
      writeFileSync(path, damage(readFileSync(path, 'utf8')));
      assert.equal(await pki.ensureLeaf(apiserver), true);
      assert.equal(await pki.ensureLeaf(apiserver), false);
    }
  });

  test(`an authority or signing key that is ${name} is named with the way out, and left as it is`, async () => {
    const { pki } = await freshPki(`authority ${name}`);
    await pki.ensureServiceAccountKey();
    for (const [path, ensure] of [
      [pki.certificatePath('ca'), () => pki.ensureAuthority('ca')],
      [pki.keyPath('ca'), () => pki.ensureAuthority('ca')],
      [pki.keyPath('sa'), () => pki.ensureServiceAccountKey()],
    ] as const) {
      const whole = readFileSync(path, 'utf8');
      writeFileSync(path, damage(whole));
      await assert.rejects(ensure(), (error: Error) => {
        assert.equal(error.name, 'PkiDamagedError');
        assert.ok(error.message.startsWith(`${path} is damaged (`));
        assert.match(error.message, /\): put it back from a copy, or start anew with proa reset$/);
        return true;
      });
      assert.equal(readFileSync(path, 'utf8'), damage(whole));
      writeFileSync(path, whole);
      await ensure();
    }
  });
}

test('a crash between the two files of a pair is mended: a leaf is issued anew, sa.pub follows from sa.key', async () => {
  const { pki } = await freshPki('crash');
  await pki.ensureLeaf(apiserver);
  const [before, other] = [pki.read('apiserver'), leaves.find(({ file }) => file === 'admin') as (typeof leaves)[number]];
  await pki.ensureLeaf(other);
  writeFileSync(pki.keyPath('apiserver'), pki.read('admin').key);
  assert.equal(await pki.ensureLeaf(apiserver), true);
  assert.notEqual(pki.read('apiserver').certificate, before.certificate);
  await pki.ensureServiceAccountKey();
  const [key, publicKey] = ['sa.key', 'sa.pub'].map((file) => readFileSync(join(pki.dir, file), 'utf8'));
  rmSync(join(pki.dir, 'sa.pub'));
  await pki.ensureServiceAccountKey();
  assert.deepEqual(
    ['sa.key', 'sa.pub'].map((file) => readFileSync(join(pki.dir, file), 'utf8')),
    [key, publicKey],
  );
  writeFileSync(pki.keyPath('ca'), pki.read('front-proxy-ca').key);
  await assert.rejects(pki.ensureAuthority('ca'), /ca\.key is damaged \(it is not the key of \S+ca\.crt\)/);
});

/** The pair as it is when a crash came after the first of the two steps of replacing it. */
function interrupt(pki: Pki, file: string, { certificate, key }: KeyedCertificate): void {
  writeFileSync(pki.keyPath(file), key);
  writeFileSync(`${pki.certificatePath(file)}.new`, certificate);
}

test('a crash while a certificate is renewed does not cost a node its identity: what was new by then is used', async () => {
  const { pki } = await freshPki('interrupted');
  await pki.ensureLeaf(apiserver);
  const next = pki.read('apiserver');
  rmSync(pki.certificatePath('apiserver'));
  await pki.ensureLeaf(apiserver);
  interrupt(pki, 'apiserver', next);
  rmSync(pki.keyPath('ca'));
  assert.ok(pki.holds('apiserver'));
  assert.deepEqual(pki.read('apiserver'), next);
  assert.equal(pki.needs(apiserver), false);
});

test('an authority whose making a crash interrupted is the one that was begun; one whose certificate was lost is not replaced', async () => {
  const { pki } = await freshPki('begun');
  const authority = pki.read('ca');
  rmSync(pki.certificatePath('ca'));
  interrupt(pki, 'ca', authority);
  await pki.ensureAuthority('ca');
  assert.deepEqual(pki.read('ca'), authority);
  rmSync(pki.certificatePath('ca'));
  await assert.rejects(pki.ensureAuthority('ca'), /ca\.crt is damaged \(it is missing, and \S+ca\.key is there\): put it back/);
  assert.equal(readFileSync(pki.keyPath('ca'), 'utf8'), authority.key);
});

test('keepRenewed notices within a minute that the clock jumped over the end of a certificate', async () => {
  const { pki, clock } = await freshPki('jump');
  await pki.ensureLeaf(apiserver);
  const wall = { aheadMs: 0 };
  const jumping: Clock = {
    now: () => clock.now() + wall.aheadMs,
    monotonic: () => clock.monotonic(),
    after: (ms, fire) => clock.after(ms, fire),
  };
  const jumped = new Pki(pki.dir, { clock: jumping, ids: seededIds(2) });
  const stop = new AbortController();
  const renewed = Promise.withResolvers<void>();
  const running = keepRenewed(
    { renew: () => jumped.ensureLeaf(apiserver), renewed: renewed.resolve, clock: jumping, logger: silentLogger },
    stop.signal,
  );
  wall.aheadMs = 400 * DAY_MS;
  clock.advance(60_000);
  await renewed.promise;
  assert.ok(Date.parse(new X509Certificate(pki.read('apiserver').certificate).validTo) > jumping.now());
  stop.abort(new Error('done'));
  await running;
});
