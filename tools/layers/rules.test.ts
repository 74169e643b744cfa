import assert from 'node:assert/strict';
import { test } from 'node:test';
import { problemsOf } from './rules.ts';
import { readSource } from './source.ts';

function messages(path: string, text: string): string[] {
  return problemsOf(readSource(path, text)).map(({ severity, line, message }) => `${severity} ${line} ${message}`);
}

for (const c of [
  { name: 'a module may import what the law names', path: 'src/client/a.ts', text: "import { x } from '#api/types.ts';", says: [] },
  { name: 'its own files by a relative path', path: 'src/client/rest/a.ts', text: "import { x } from '../b.ts';", says: [] },
  { name: 'packages and parts of node', path: 'src/base/a.ts', text: "import 'ws'; import 'node:fs';", says: [] },
  { name: 'and cluster everything', path: 'src/cluster/a.ts', text: "import '#kubelet/a.ts'; import '#apiserver/b.ts';", says: [] },
  {
    name: 'but no sibling',
    path: 'src/scheduler/a.ts',
    text: "\nimport { x } from '#kubelet/b.ts';",
    says: ['error 2 scheduler may not import kubelet: #kubelet/b.ts'],
  },
  {
    name: 'nor a type of one',
    path: 'src/dns/a.ts',
    text: "import type { x } from '#store/b.ts';",
    says: ['error 1 dns may not import store: #store/b.ts'],
  },
  {
    name: 'nor by export',
    path: 'src/base/a.ts',
    text: "export * from '#api/b.ts';",
    says: ['error 1 base may not import api: #api/b.ts'],
  },
  {
    name: 'nor when it runs',
    path: 'src/base/a.ts',
    text: "await import('#api/b.ts');",
    says: ['error 1 base may not import api: #api/b.ts'],
  },
  {
    name: 'nor in a type expression',
    path: 'src/base/a.ts',
    text: "type X = import('#api/b.ts').X;",
    says: ['error 1 base may not import api: #api/b.ts'],
  },
  {
    name: 'nor another module by a relative path',
    path: 'src/client/rest/a.ts',
    text: "import { x } from '../../api/b.ts';",
    says: ['error 1 ../../api/b.ts leaves the module: write #api/…'],
  },
  {
    name: 'nor itself by name',
    path: 'src/client/a.ts',
    text: "import { x } from '#client/b.ts';",
    says: ['error 1 #client/b.ts is in the same module: write a relative path'],
  },
  {
    name: 'nor what is beside src',
    path: 'src/cluster/a.ts',
    text: "import '#test/harness/a.ts';",
    says: ['error 1 cluster may not import test: #test/harness/a.ts'],
  },
  { name: 'unless it is a test', path: 'src/cri/a.test.ts', text: "import '#test/harness/a.ts';", says: [] },
  { name: 'tests may use testing.ts', path: 'src/cri/a.test.ts', text: "import './testing.ts';", says: [] },
  { name: 'other code may not', path: 'src/cri/a.ts', text: "import './testing.ts';", says: ['error 1 ./testing.ts is for tests only'] },
  { name: 'nor a test', path: 'src/cri/a.ts', text: "import './b.test.ts';", says: ['error 1 ./b.test.ts is for tests only'] },
  {
    name: 'a new module needs its row',
    path: 'src/newcomer/a.ts',
    text: 'export {};',
    says: ['error 1 no module newcomer in the import law (tools/layers/law.ts)'],
  },
]) {
  test(`the import law: ${c.name}`, () => assert.deepEqual(messages(c.path, c.text), c.says));
}

for (const c of [
  { name: 'await', text: 'for await (const x of y) z(x);', says: 'await' },
  { name: 'async', text: 'export const f = async () => 1;', says: 'async' },
  { name: 'Promise as a type', text: 'export type F = () => Promise<void>;', says: 'Promise' },
  { name: 'Promise as a value', text: 'export const p = Promise.resolve();', says: 'Promise' },
  { name: 'the console', text: 'console.log(1);', says: 'console' },
  { name: 'the process', text: 'export const e = process.env;', says: 'process' },
]) {
  test(`a plan file may not use ${c.name}`, () => {
    assert.deepEqual(messages('src/kubelet/pod-plan.ts', c.text), [`error 1 a pure file may not use ${c.says}`]);
  });
}

test('a pure file may not import an effect, but its types', () => {
  assert.deepEqual(messages('src/kubelet/plan.ts', "import { readFile } from 'node:fs/promises';"), [
    'error 1 a pure file may not import node:fs/promises',
  ]);
  assert.deepEqual(
    messages('src/kubelet/plan.ts', "import type { Socket } from 'node:net';\nimport { createHash } from 'node:crypto';"),
    [],
  );
});

test('a pure file may name properties and types as it likes', () => {
  const text = 'export interface A { readonly process: string }\nexport const f = (a: A) => ({ process: a.process });';
  assert.deepEqual(messages('src/kubelet/plan.ts', text), []);
});

test('a file is pure by its first lines or not at all', () => {
  assert.equal(messages('src/kubelet/a.ts', '// Decides.\n// pure\nawait 1;').length, 1);
  assert.equal(messages('src/kubelet/a.ts', '// Purely decides.\nawait 1;').length, 0);
});

test('the clock is read in base, tools and bench alone', () => {
  const text = 'export const a = new Date();\nexport const b = new Date(0);';
  assert.deepEqual(messages('src/api/a.ts', text), ["error 1 new Date() reads the machine's clock: take a Clock (#base/clock.ts)"]);
  for (const path of ['src/base/a.ts', 'tools/a.ts', 'bench/a.ts']) assert.deepEqual(messages(path, text), []);
});

for (const c of [
  { path: 'src/api/a.ts', lines: 300, says: [] },
  { path: 'src/api/a.ts', lines: 301, says: ['warning 301 301 lines, 300 wanted'] },
  { path: 'src/api/a.ts', lines: 501, says: ['error 501 501 lines, at most 500: split by verb or step'] },
  { path: 'src/api/a.test.ts', lines: 800, says: [] },
  { path: 'src/api/a.test.ts', lines: 801, says: ['error 801 801 lines, at most 800: split by verb or step'] },
  { path: 'src/api/gen/a.ts', lines: 5000, says: [] },
]) {
  test(`${c.path} of ${c.lines} lines`, () => assert.deepEqual(messages(c.path, ';\n'.repeat(c.lines)), c.says));
}

for (const path of [
  'src/api/utils.ts',
  'src/api/string-helpers.ts',
  'src/api/common/a.ts',
  'src/api/sync-part2.ts',
  'src/api/util.test.ts',
]) {
  test(`the name of ${path} says nothing`, () => assert.match(messages(path, 'export {};').join('\n'), /says nothing/));
}

test('a name may contain such a word where it means something', () => {
  assert.deepEqual(messages('src/api/common-name.ts', 'export {};'), []);
});
