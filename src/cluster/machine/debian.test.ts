import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEBIAN_PACKAGES, missingDebianPackages, NODE_PACKAGES } from './debian.mjs';

const PACKAGES = [
  { name: 'one', files: ['/usr/bin/one', '/usr/sbin/one'] },
  { name: 'two', files: ['/usr/bin/two'] },
];

test('missingDebianPackages names packages of which no file is there', () => {
  const names = (present: readonly string[]): string[] =>
    missingDebianPackages(PACKAGES, (path) => present.includes(path)).map(({ name }) => name);
  assert.deepEqual(names([]), ['one', 'two']);
  assert.deepEqual(names(['/usr/sbin/one']), ['two']);
  assert.deepEqual(names(['/usr/bin/one', '/usr/bin/two']), []);
});

test('the tests need all that a cluster needs', () => {
  const tests = DEBIAN_PACKAGES.get('tests') ?? [];
  for (const each of DEBIAN_PACKAGES.get('cluster') ?? []) assert.ok(tests.includes(each), each.name);
});

test('every purpose needs what Node itself needs', () => {
  for (const [purpose, packages] of DEBIAN_PACKAGES)
    for (const each of NODE_PACKAGES) assert.ok(packages.includes(each), `${purpose}: ${each.name}`);
});
