import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeCgroups, removeCgroupsIn } from './cgroups.ts';

const hierarchies = readFileSync('/proc/self/mountinfo', 'utf8')
  .split('\n')
  .filter((line) => / - cgroup2? /.test(line))
  .map((line) => line.split(' ')[4] as string);
/** The named groups, in whichever hierarchy they are. */
const present = (...names: readonly string[]): readonly string[] =>
  names.filter((name) => hierarchies.some((point) => existsSync(join(point, name))));

test('removeCgroupsIn takes the groups of these nodes and, once it is empty, what they lay in', () => {
  const all = ['proa', 'proa/2', 'proa/2/kubepods', 'proa/3', 'kubepods', 'other'];
  for (const point of hierarchies) for (const name of all) mkdirSync(join(point, name), { recursive: true });
  removeCgroups('/');
  assert.deepEqual(present(...all), ['proa', 'proa/2', 'proa/2/kubepods', 'proa/3', 'other']);
  removeCgroupsIn('/proa', ['2', '4']);
  assert.deepEqual(present(...all), ['proa', 'proa/3', 'other']);
  removeCgroupsIn('/proa', ['3']);
  removeCgroupsIn('/proa', ['3']);
  assert.deepEqual(present(...all), ['other']);
});
