import './isolated.ts';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { homedir, hostname, networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

function output(command: string, ...args: string[]): string {
  return execFileSync(command, args, { encoding: 'utf8' });
}

test('an isolated test has loopback, up, and no other interface', () => {
  assert.deepEqual(Object.keys(networkInterfaces()), ['lo']);
  assert.deepEqual(readdirSync('/sys/class/net'), ['lo']);
});

test('an isolated test has no route out', async () => {
  assert.equal(output('ip', 'route'), '');
  const refusal = await new Promise((resolve) => {
    connect(80, '192.0.2.1').once('error', resolve).once('connect', resolve);
  });
  assert.match(String(refusal), /ENETUNREACH/);
});

test('an isolated test may shape its network as it likes', () => {
  output('ip', 'link', 'add', 'br-test', 'type', 'bridge');
  output('nft', 'add', 'table', 'inet', 'proa_test');
  output('ip', 'netns', 'add', 'pod');
  assert.deepEqual(readdirSync('/run/netns'), ['pod']);
});

test('an isolated test sees its own processes alone', () => {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  assert.ok(pids.includes(String(process.pid)));
  assert.ok(pids.length < 10, pids.join(' '));
});

test('an orphan in an isolated test is reaped', async () => {
  // The shell ends before its child, which the namespaces' first process inherits and must wait for.
  const pid = Number(output('sh', '-c', 'sleep 0 >/dev/null & echo $!'));
  while (existsSync(`/proc/${pid}`)) await new Promise((resolve) => setImmediate(resolve));
});

test('an isolated test is at the root of every cgroup hierarchy and may make groups there', () => {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const points = mounts.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(' ')[4] ?? '');
  assert.ok(points.length > 0);
  for (const point of points) mkdirSync(join(point, 'kubepods/burstable'), { recursive: true }); // removal is the harness's part
  assert.match(readFileSync('/proc/self/cgroup', 'utf8'), /^(?:\d+:[^:]*:\/(?:init)?\n)+$/);
});

test('an isolated test has a home and a temporary folder of its own', () => {
  for (const folder of [homedir(), tmpdir()]) assert.deepEqual(readdirSync(folder), []);
});

test('an isolated test may rename the machine', () => {
  output('hostname', 'isolated');
  assert.equal(hostname(), 'isolated');
});

for (const folder of ['/', '/usr', '/usr/bin', '/root', '/tmp', process.cwd()]) {
  test(`an isolated test cannot change ${folder} of the machine`, () => {
    assert.throws(() => writeFileSync(join(folder, 'proa-isolated-test'), '', { flag: 'wx' }), /EROFS/);
  });
}

test('a bind mount of the machine in an isolated test cannot be written through', () => {
  const point = join(tmpdir(), 'bound');
  mkdirSync(point);
  output('mount', '--bind', '/usr', point);
  assert.throws(() => writeFileSync(join(point, 'proa-isolated-test'), '', { flag: 'wx' }), /EROFS/);
  output('umount', point);
});

for (const folder of ['/etc', '/var/lib']) {
  test(`an isolated test may write to a ${folder} of its own`, () => {
    writeFileSync(join(folder, 'proa-isolated-test'), 'inside'); // isolated-leaves-nothing.test.ts looks from outside
    assert.equal(readFileSync(join(folder, 'proa-isolated-test'), 'utf8'), 'inside');
  });
}
