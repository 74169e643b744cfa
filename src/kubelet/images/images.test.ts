import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountsImages } from './containerd-image-mounter.ts';
import { silentLogger } from '#base/log.ts';
import type { Secret } from '#api/types.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { configEntries, credentialHash, matchingCredentials, secretEntries } from './credentials.ts';
import { pullFailure } from './image-manager.ts';
import { ImageNameError, parseImageName, withDefaultTag } from './image-name.ts';
import { PullQueue } from './pull-queue.ts';
import { PullRecords } from './pull-records.ts';

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

test('PullRecords lets only those use an image who could pull it, also after a restart', async (t) => {
  const path = join(temporaryFolder(t), 'pulled.json');
  const mine = credentialHash({ username: 'me', password: 'x' });
  const records = new PullRecords(path, silentLogger);
  assert.equal(records.mayUse('preloaded', []), true);
  await records.pulled('private', mine);
  await records.pulled('public', undefined);
  const later = new PullRecords(path, silentLogger);
  await later.load();
  assert.deepEqual([later.mayUse('private', []), later.mayUse('private', [mine]), later.mayUse('public', [])], [false, true, true]);
  await later.pulled('private', undefined);
  assert.equal(later.mayUse('private', []), true);
  await later.keepOnly(new Set(['public']));
  const last = new PullRecords(path, silentLogger);
  await last.load();
  assert.equal(last.mayUse('private', []), true);
});

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
