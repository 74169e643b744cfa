import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ROOT } from '../node.mjs';
import { isModule, mayImport, moduleOf } from './law.ts';

const MODULES = readdirSync(`${ROOT}src`);

test('the law has a row for every folder of src', () => {
  assert.deepEqual(
    MODULES.filter((name) => !isModule(name)),
    [],
  );
});

test('package.json gives every module but the dashboard its name', () => {
  const { imports } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { imports: Record<string, string> };
  for (const name of MODULES.filter((each) => each !== 'dashboard')) assert.equal(imports[`#${name}/*`], `./src/${name}/*`);
});

test('the law has no way round: no two modules may import each other', () => {
  for (const a of MODULES) {
    for (const b of MODULES) assert.ok(a === b || !(mayImport(a, b, false) && mayImport(b, a, false)), `${a} and ${b}`);
  }
});

test('moduleOf takes the folder of src, or the one beside it', () => {
  assert.equal(moduleOf('src/api/gen/core.ts'), 'api');
  assert.equal(moduleOf('test/walks/pod.test.ts'), 'test');
});
