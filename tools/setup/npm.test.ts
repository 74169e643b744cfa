import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT } from '../node.mjs';
import { missingNpmPackages, npmInstallation } from './npm.mjs';

const LINUX = { os: 'linux', cpu: 'x64', libc: 'glibc' };

const LOCK = {
  packages: {
    '': { version: '0.1.0' },
    'node_modules/plain': { version: '1.0.0' },
    'node_modules/build-linux-x64': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
    'node_modules/build-linux-musl': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'], libc: ['musl'] },
    'node_modules/build-darwin': { version: '1.0.0', optional: true, os: ['darwin'] },
    'node_modules/not-on-windows': { version: '1.0.0', os: ['!win32'] },
    'node_modules/of-a-left-out-build': { version: '1.0.0', optional: true },
  },
};

const WANTED = ['node_modules/plain', 'node_modules/build-linux-x64', 'node_modules/not-on-windows'];

test('missingNpmPackages wants all that fits this platform when nothing is installed', () => {
  assert.deepEqual(missingNpmPackages(LOCK, undefined, LINUX), WANTED);
});

test('missingNpmPackages wants nothing when npm recorded the same versions', () => {
  assert.deepEqual(missingNpmPackages(LOCK, LOCK, LINUX), []);
});

test('missingNpmPackages wants a package whose version changed', () => {
  const installed = { packages: { ...LOCK.packages, 'node_modules/plain': { version: '0.9.0' } } };
  assert.deepEqual(missingNpmPackages(LOCK, installed, LINUX), ['node_modules/plain']);
});

test('npmInstallation deletes nothing under a tree that is in use', () => {
  assert.equal(npmInstallation(true, {}).args[0], 'ci');
  assert.equal(npmInstallation(false, {}).args[0], 'install');
});

test('npmInstallation runs no script of a package', () => {
  for (const fresh of [true, false]) assert.ok(npmInstallation(fresh, {}).args.includes('--ignore-scripts'));
});

test('npmInstallation lets npm speak of errors alone: its warnings are of a Node that will not run these packages', () => {
  assert.ok(npmInstallation(true, {}).args.includes('--loglevel=error'));
});

test('npmInstallation calls the npm it runs under, else the one on PATH', () => {
  assert.deepEqual(npmInstallation(true, { npm_execpath: '/x/npm-cli.js' }).args[0], '/x/npm-cli.js');
  assert.equal(npmInstallation(true, {}).command, 'npm');
});

test('the lock file is complete for every platform and names no host', () => {
  const text = readFileSync(`${ROOT}package-lock.json`, 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, { optionalDependencies?: Record<string, string> }> };
  const present = new Set(Object.keys(packages).map((path) => path.replace(/^.*node_modules\//, '')));
  const named = Object.values(packages).flatMap(({ optionalDependencies = {} }) => Object.keys(optionalDependencies));
  assert.deepEqual(
    named.filter((name) => !present.has(name)),
    [],
    'run: node tools/lock.mjs',
  );
  assert.doesNotMatch(text, /"resolved"/);
});
