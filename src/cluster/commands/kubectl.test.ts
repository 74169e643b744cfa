import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { temporaryFolder } from '#test/harness/temp.ts';
import { LAUNCHER } from '../instance/launcher.ts';
import { needsCluster } from './without-cluster.ts';

/** Says its arguments, its input and its configuration. @returns its folder */
function fakeKubectl(t: TestContext): string {
  const folder = temporaryFolder(t);
  const said = `[ "$1" = version ] && echo '{"clientVersion":{"minor":"36"}}' && exit\necho $$ $KUBECONFIG "$@" "$(cat)"\nexit 7\n`;
  writeFileSync(join(folder, 'kubectl'), `#!/bin/sh\n${said}`, { mode: 0o755 });
  return folder;
}

for (const [line, needs] of [
  ['', false],
  ['--help', false],
  ['get pods -h', false],
  ['help get', false],
  ['completion bash', false],
  ['kustomize folder', false],
  ['version --client', false],
  ['version', true],
  ['--kubeconfig mine get pods', false],
  ['get pods --server=https://192.0.2.1:6443', false],
  ['get pods', true],
  ['exec web -- ls --help', true],
  ['-n help get pods', true],
] as const) {
  test(`kubectl ${line} ${needs ? 'needs' : 'does without'} a cluster`, () => {
    assert.equal(needsCluster(line.split(' ').filter(Boolean)), needs);
  });
}

test('proa kubectl --help needs no cluster, and never reaches for another one', (t) => {
  const [folder, dataDir] = [fakeKubectl(t), temporaryFolder(t)];
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, KUBECONFIG: undefined };
  const run = (...args: string[]) => spawnSync(LAUNCHER, ['kubectl', '--data-dir', dataDir, ...args], { encoding: 'utf8', input: '', env });
  assert.match(run('get', '--help').stdout, /^\d+ \/dev\/null get --help/);
  const refused = run('get', 'pods');
  assert.deepEqual([refused.status, refused.stderr], [1, `proa: there is no cluster in ${dataDir}: make one with proa up\n`]);
});

test('proa kubectl becomes kubectl: the same process, its arguments, its input, its status', (t) => {
  const folder = fakeKubectl(t);
  const { pid, status, stdout, stderr } = spawnSync(LAUNCHER, ['kubectl', 'get', '-o', 'a  b', '--data-dir=x'], {
    encoding: 'utf8',
    input: 'heard',
    env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, KUBECONFIG: '/mine' },
  });
  assert.equal(stdout, `${pid} /mine get -o a  b --data-dir=x heard\n`, stderr);
  assert.equal(status, 7);
});

test('proa kubectl says where it cannot unpack, and what to do', (t) => {
  const folder = temporaryFolder(t);
  for (const program of ['uname', 'readlink', 'dirname', 'cat']) symlinkSync(join('/usr/bin', program), join(folder, program));
  writeFileSync(join(folder, 'file'), '');
  const env = { ...process.env, PATH: folder, XDG_CACHE_HOME: join(folder, 'file') };
  const { status, stderr } = spawnSync(LAUNCHER, ['kubectl', 'get', '--help'], { encoding: 'utf8', env });
  assert.equal(status, 1, stderr);
  assert.match(
    stderr,
    /^proa: kubectl cannot be unpacked into \S+\/file\/proa \(ENOTDIR\): name another folder by XDG_CACHE_HOME, or install/,
  );
});
