import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountsImages } from './containerd-image-mounter.ts';
import { silentLogger } from '#base/log.ts';
import type { Secret } from '#api/types.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { configEntries, credentialHash, matchingCredentials, secretEntries, type Credential } from './credentials.ts';
import { pullFailure } from './image-manager.ts';
import { ImageNameError, parseImageName, withDefaultTag } from './image-name.ts';
import { PullQueue } from './pull-queue.ts';
import { PullRecords } from './pull-records.ts';
import { allowlistProblem, verificationPolicy } from './verification-policy.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

for (const [image, want] of [
  ['nginx', 'nginx:latest'],
  ['nginx:1.2', 'nginx:1.2'],
  ['registry:5000/team/app', 'registry:5000/team/app:latest'],
  [`nginx@${DIGEST}`, `nginx@${DIGEST}`],
  [`nginx:1@${DIGEST}`, `nginx:1@${DIGEST}`],
] as const) {
  test(`withDefaultTag makes ${want} of ${image}`, () => assert.equal(withDefaultTag(image), want));
}

for (const image of ['', 'UPPER', 'a b', 'nginx:', '-x', 'http://x/y', 'a'.repeat(64)]) {
  test(`parseImageName ${/^[a-f0-9]{64}$/.test(image) || image === '' || /[^a-z]/.test(image) ? 'refuses' : 'takes'} ${JSON.stringify(image)}`, () => {
    assert.throws(() => parseImageName(image), ImageNameError);
  });
}

test('names and registries of a mebibyte that are made to be read again and again are read once', () => {
  const text = (character: string): string => `${character.repeat(1 << 20)}\n`;
  for (const character of [':', '@', '/', 'a', '.']) assert.throws(() => parseImageName(text(character)), ImageNameError);
  const auths = { [text('/')]: { auth: Buffer.from(`u:${'\0'.repeat(1 << 20)}p`).toString('base64') } };
  assert.equal(configEntries(JSON.stringify({ auths })).length, 1);
});

const auth = (user: string, password: string): { auth: string } => ({ auth: Buffer.from(`${user}:${password}`).toString('base64') });
function secret(auths: Readonly<Record<string, object>>, type = 'kubernetes.io/dockerconfigjson'): Secret {
  const content = type.endsWith('json') ? { auths } : auths;
  const key = type.endsWith('json') ? '.dockerconfigjson' : '.dockercfg';
  return {
    type,
    data: { [key]: Buffer.from(JSON.stringify(content)).toString('base64') },
    metadata: { name: 's', namespace: 'n', uid: 'u' },
  } as unknown as Secret;
}

for (const [pattern, repository, fits] of [
  ['registry.example.com', 'registry.example.com/team/app', true],
  ['https://registry.example.com/v2/', 'registry.example.com/team/app', true],
  ['registry.example.com/team', 'registry.example.com/team/app', true],
  ['registry.example.com/other', 'registry.example.com/team/app', false],
  ['*.example.com', 'registry.example.com/app', true],
  ['*.example.com', 'a.b.example.com/app', false],
  ['registry.example.com:5000', 'registry.example.com/app', false],
  ['registry.example.com:5000', 'registry.example.com:5000/app', true],
  ['https://index.docker.io/v1/', 'docker.io/library/nginx', true],
  ['other.example.com', 'docker.io/library/nginx', false],
] as const) {
  test(`credentials for ${pattern} ${fits ? 'fit' : 'do not fit'} ${repository}`, () => {
    const found = matchingCredentials(secretEntries([secret({ [pattern]: auth('me', 'pw:d') })]), repository);
    assert.deepEqual(
      found.map(({ username, password }) => [username, password]),
      fits ? [['me', 'pw:d']] : [],
    );
  });
}

test('matchingCredentials gives the most specific first', () => {
  const entries = secretEntries([
    secret({ 'r.example.com': auth('a', '') }),
    secret({ 'r.example.com/team': auth('b', '') }, 'kubernetes.io/dockercfg'),
  ]);
  assert.deepEqual(
    matchingCredentials(entries, 'r.example.com/team/app').map(({ username }) => username),
    ['b', 'a'],
  );
});

test('secretEntries takes user and password as they stand, and skips what it cannot read', () => {
  const plain = secretEntries([
    secret({ r: { username: 'u', password: 'p' } }),
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': 'e30x' }, metadata: {} } as unknown as Secret,
  ]);
  assert.deepEqual(
    plain.map(({ credential: { username, password } }) => [username, password]),
    [['u', 'p']],
  );
  assert.deepEqual(configEntries(''), []);
});

test('PullQueue runs tasks one after the other, or as many as may', async () => {
  for (const [limit, most] of [
    [1, 1],
    [2, 2],
    [Infinity, 4],
  ] as const) {
    const queue = new PullQueue(limit);
    const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
    let running = 0;
    let peak = 0;
    const done = gates.map(({ promise }) =>
      queue.run(async () => {
        running++;
        peak = Math.max(peak, running);
        await promise;
        running--;
      }),
    );
    for (const { resolve } of gates) {
      resolve();
      await Promise.resolve();
    }
    await Promise.all(done);
    assert.equal(peak, most);
  }
});

const preloaded = verificationPolicy('NeverVerifyPreloadedImages', []);
const ofSecret = (name: string, password: string): Credential => ({
  username: 'me',
  password,
  secret: { namespace: 'n', name, uid: `uid-${name}` },
});
const ofAccount = (name: string): Credential => ({
  username: '',
  password: '',
  serviceAccount: { namespace: 'n', name, uid: `uid-${name}` },
});
const mayUse = (records: PullRecords, image: string, ref: string, ...credentials: readonly Credential[]): Promise<boolean> =>
  records.mayUse(image, ref, () => Promise.resolve(credentials));

test('PullRecords lets only those use an image who could pull it, also after a restart', async (t) => {
  const path = join(temporaryFolder(t), 'pulled.json');
  const records = new PullRecords(path, preloaded, silentLogger);
  assert.equal(await mayUse(records, 'here:1', 'preloaded'), true);
  await records.pulled('private:1', 'private', ofSecret('s', 'x'));
  await records.pulled('public:1', 'public', undefined);
  await records.pulled('node:1', 'node', { username: 'node', password: 'own' });
  await records.pulled('account:1', 'account', ofAccount('a'));
  const later = new PullRecords(path, preloaded, silentLogger);
  await later.load();
  for (const [image, ref, credentials, want] of [
    ['private:1', 'private', [], false],
    ['private:1', 'private', [{ username: 'me', password: 'x' }], false],
    ['private:1', 'private', [ofSecret('s', 'x')], true],
    ['private:2', 'private', [ofSecret('s', 'x')], true],
    ['private:1', 'private', [ofSecret('other', 'x')], true],
    ['private:1', 'private', [ofSecret('third', 'y')], false],
    ['elsewhere/private:1', 'private', [ofSecret('s', 'x')], false],
    ['public:1', 'public', [], true],
    ['node:1', 'node', [], true],
    ['account:1', 'account', [ofAccount('b')], false],
    ['account:1', 'account', [ofAccount('a')], true],
  ] as const) {
    assert.equal(await mayUse(later, image, ref, ...credentials), want, `${image} of ${ref}`);
  }
  await later.keepOnly(new Set(['public']));
  const last = new PullRecords(path, preloaded, silentLogger);
  await last.load();
  assert.equal(await mayUse(last, 'private:1', 'private'), true);
});

test('PullRecords knows a secret whose contents changed, and asks for credentials only where they decide', async (t) => {
  const records = new PullRecords(join(temporaryFolder(t), 'pulled.json'), preloaded, silentLogger);
  await records.pulled('private:1', 'private', ofSecret('s', 'old'));
  assert.equal(await mayUse(records, 'private:1', 'private', ofSecret('s', 'new')), true);
  assert.equal(await mayUse(records, 'private:1', 'private', ofSecret('other', 'new')), true);
  assert.equal(await mayUse(records, 'private:1', 'private', ofSecret('third', 'old')), false);
  await records.pulled('private:1', 'private', undefined);
  assert.equal(await records.mayUse('private:1', 'private', () => assert.fail('asked')), true);
  assert.equal(await records.mayUse('here:1', 'preloaded', () => assert.fail('asked')), true);
});

test('PullRecords does not take an image for preloaded whose pull a kubelet did not see the end of', async (t) => {
  const path = join(temporaryFolder(t), 'pulled.json');
  const records = new PullRecords(path, preloaded, silentLogger);
  for (const image of ['begun:1', 'failed:1', 'done:1']) await records.pullBegins(image);
  await records.pullFailed('failed:1');
  await records.pulled('done:1', 'done', undefined);
  const later = new PullRecords(path, preloaded, silentLogger);
  await later.load();
  const known = async (image: string): Promise<boolean> => mayUse(later, image, 'new');
  assert.deepEqual([await known('begun:1'), await known('failed:1'), await known('done:1')], [false, true, true]);
});

test('PullRecords reads what was written before names were told apart', async (t) => {
  const path = join(temporaryFolder(t), 'pulled.json');
  const hash = credentialHash({ username: 'me', password: 'x' });
  writeFileSync(path, JSON.stringify({ open: { open: true, hashes: [] }, private: { open: false, hashes: [hash] } }));
  const records = new PullRecords(path, preloaded, silentLogger);
  await records.load();
  assert.equal(await mayUse(records, 'any:1', 'open'), true);
  assert.equal(await mayUse(records, 'any:1', 'private'), false);
  assert.equal(await mayUse(records, 'any:1', 'private', ofSecret('s', 'x')), true);
});

for (const [name, allowlist, image, pulled, want] of [
  ['NeverVerify', [], 'a:1', true, false],
  ['AlwaysVerify', [], 'a:1', false, true],
  ['NeverVerifyPreloadedImages', [], 'a:1', false, false],
  ['NeverVerifyPreloadedImages', [], 'a:1', true, true],
  ['NeverVerifyAllowlistedImages', ['docker.io/library/a'], 'a:1', true, false],
  ['NeverVerifyAllowlistedImages', ['docker.io/library/a'], 'ab:1', false, true],
  ['NeverVerifyAllowlistedImages', ['r.example/team/*'], `r.example/team/a/b@${DIGEST}`, true, false],
  ['NeverVerifyAllowlistedImages', ['r.example/team/*'], 'r.example/teams/a', true, true],
] as const) {
  test(`verificationPolicy ${name} of [${allowlist.join()}] ${want ? 'wants proof' : 'wants none'} for ${image}, pulled: ${pulled}`, () => {
    assert.equal(verificationPolicy(name, allowlist)(image, pulled), want);
  });
}

for (const [pattern, problem] of [
  ['docker.io/library/nginx', undefined],
  ['r.example:5000/team/*', undefined],
  [' r.example/a', 'leading/trailing spaces are not allowed:  r.example/a'],
  ['', 'the supplied pattern is too short: '],
  ['/*', 'at least registry hostname is required'],
  ['r.example/*/a', "not a valid wildcard pattern, only patterns ending with '/*' are allowed: r.example/*/a"],
  ['nginx', 'neither tag nor digest is accepted in an image reference: nginx'],
  ['docker.io/library/nginx:1', 'neither tag nor digest is accepted in an image reference: docker.io/library/nginx:1'],
  ['r.example/UPPER', 'failed to parse as an image name: invalid reference format'],
] as const) {
  test(`allowlistProblem of ${JSON.stringify(pattern)}`, () => assert.equal(allowlistProblem(pattern), problem));
}

test('pullFailure names registries that are out of reach and signatures that do not hold', () => {
  assert.deepEqual(pullFailure('x:1', 'RegistryUnavailable: down'), {
    reason: 'RegistryUnavailable',
    message: 'image pull failed for x:1 because the registry is unavailable: down',
  });
  assert.deepEqual(pullFailure('x:1', 'not found'), { reason: 'ErrImagePull', message: 'not found' });
});

test('mountsImages knows which containerd does', () => {
  for (const version of ['1.6.20~ds1', 'v1.7.28', '2.0.5', '']) assert.equal(mountsImages(version), false, version);
  for (const version of ['2.1.0', 'v2.1.0-rc.1', '2.10.1', '3.0.0']) assert.equal(mountsImages(version), true, version);
});
