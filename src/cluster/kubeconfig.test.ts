import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  adminKubeconfig,
  keepKubeconfig,
  KubeconfigError,
  mergeKubeconfig,
  readKubeconfig,
  withoutContext,
  writeKubeconfig,
} from './kubeconfig.ts';

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), 'proa-kubeconfig-'));
});
after(() => rmSync(dir, { recursive: true }));

const ours = adminKubeconfig('https://127.0.0.1:6443', 'CA', { certificate: 'CERT', key: 'KEY' });
const theirs = {
  preferences: { colors: true },
  clusters: [
    { name: 'prod', cluster: { server: 'https://prod' } },
    { name: 'proa', cluster: { server: 'https://old' } },
  ],
  users: [{ name: 'me', user: {} }],
  contexts: null,
  'current-context': 'prod',
};

test('mergeKubeconfig keeps what others wrote and replaces its own entries', () => {
  const merged = mergeKubeconfig(theirs, ours);
  assert.deepEqual(
    merged.clusters?.map((c) => c.name),
    ['prod', 'proa'],
  );
  assert.deepEqual(merged.clusters?.[1], ours.clusters?.[0]);
  assert.deepEqual(
    merged.users?.map((u) => u.name),
    ['me', 'proa'],
  );
  assert.deepEqual(
    merged.contexts?.map((c) => c.name),
    ['proa'],
  );
  assert.equal(merged['current-context'], 'proa');
  assert.deepEqual(merged.preferences, { colors: true });
});

test('mergeKubeconfig keeps the namespace that somebody chose for the context', () => {
  const chosen = { contexts: [{ name: 'proa', context: { cluster: 'old', user: 'old', namespace: 'shop' } }] };
  assert.deepEqual(mergeKubeconfig(chosen, ours).contexts, [
    { name: 'proa', context: { cluster: 'proa', user: 'proa', namespace: 'shop' } },
  ]);
});

test('keepKubeconfig writes only where what is ours has changed, and makes a damaged file anew', () => {
  const path = join(dir, 'kept');
  keepKubeconfig(path, ours);
  assert.deepEqual(readKubeconfig(path), ours);
  const chosen = mergeKubeconfig({ contexts: [{ name: 'proa', context: { namespace: 'shop' } }] }, ours);
  writeFileSync(path, `# mine\n${JSON.stringify(chosen)}`);
  keepKubeconfig(path, ours);
  assert.match(readFileSync(path, 'utf8'), /^# mine/);
  keepKubeconfig(path, adminKubeconfig('https://127.0.0.1:6443', 'CA', { certificate: 'RENEWED', key: 'KEY' }));
  assert.deepEqual(readKubeconfig(path).contexts, chosen.contexts);
  assert.notDeepEqual(readKubeconfig(path).users, chosen.users);
  writeFileSync(path, '{');
  keepKubeconfig(path, ours);
  assert.deepEqual(readKubeconfig(path), ours);
});

test('withoutContext takes back exactly what mergeKubeconfig added', () => {
  const left = withoutContext(mergeKubeconfig(theirs, ours), 'proa');
  assert.deepEqual(
    left.clusters?.map((c) => c.name),
    ['prod'],
  );
  assert.equal(left['current-context'], '');
});

test('writeKubeconfig and readKubeconfig agree, and only the owner may read', () => {
  const path = join(dir, 'deep', 'config');
  writeKubeconfig(path, ours);
  assert.deepEqual(readKubeconfig(path), ours);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('writeKubeconfig leaves a file that says the same as it is, and replaces any other', () => {
  const path = join(dir, 'same');
  writeKubeconfig(path, ours);
  const { ino } = statSync(path);
  writeKubeconfig(path, ours);
  assert.equal(statSync(path).ino, ino);
  writeFileSync(path, 'cut');
  writeKubeconfig(path, ours);
  assert.deepEqual(readKubeconfig(path), ours);
});

test('readKubeconfig refuses a broken file and leaves it as it was', () => {
  const path = join(dir, 'broken');
  writeFileSync(path, 'clusters: [');
  assert.throws(() => readKubeconfig(path), KubeconfigError);
  assert.equal(readFileSync(path, 'utf8'), 'clusters: [');
  writeFileSync(path, '- a list');
  assert.throws(() => readKubeconfig(path), /is not a kubeconfig, so nothing was added to it/);
});

test('writeKubeconfig says that a file cannot be written, and how to name another', () => {
  assert.throws(() => writeKubeconfig('/proc/no-such-folder/config', {}), {
    name: 'KubeconfigError',
    message: '/proc/no-such-folder/config cannot be written (ENOENT): name another file with --kubeconfig',
  });
});
