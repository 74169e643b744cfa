import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { inSources } from '#cluster/source-lines.ts';
import type { Owner } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { ROOT } from '../node.mjs';
import { programIsBundled } from '../setup/program.mjs';
import { bundleProgram } from './bundle.ts';

const FILES: Readonly<Record<string, string>> = {
  'package.json': '{ "type": "module", "imports": { "#words/*": "./src/words/*" } }',
  'node_modules/.package-lock.json': '{}',
  'node_modules/plain/package.json': '{ "name": "plain", "version": "1.0.0", "main": "plain.js" }',
  'node_modules/plain/plain.js': 'exports.plain = "ordinary";\n',
  'src/words/words.ts': 'export const word: string = "ahoy – привет";\n',
  'src/words/words.test.ts': 'throw new Error("a test is no part of the program");\n',
  'src/cluster/late.ts': 'export const late: string = "not too late";\n',
  'src/cluster/main.ts': `
import { STATUS_CODES } from 'node:http';
import { plain } from 'plain';
import { word } from '#words/words.ts';

class Boat {}
const [, main = '', command]: string[] = process.argv;
if (command === 'wait') {
  console.log('waiting');
  process.stdin.once('data', async () => console.log((await import('./late.ts')).late));
} else if (command === 'fail') {
  console.log(new Error('no wind').stack);
} else console.log(main.slice(-7), word, plain, STATUS_CODES[404], new Boat().constructor.name);
`,
};

/** A checkout with its packages, this launcher, and a program that tells what it was started from. */
function checkout(owner: Owner): string {
  const root = temporaryFolder(owner);
  for (const [path, text] of Object.entries(FILES)) write(join(root, path), text);
  for (const path of ['bin/proa', 'tools/program']) cpSync(join(ROOT, path), join(root, path), { recursive: true });
  const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
  mkdirSync(dirname(node), { recursive: true });
  symlinkSync(process.execPath, node);
  return root;
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What the program says; `{ from }` is the file that was run. */
function run(root: string, ...args: readonly string[]): { readonly from: string; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(join(root, 'bin/proa'), args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return { from: stdout.slice(0, 7), output: stdout.slice(8) };
}

const BUNDLE = 'main.js';
const SOURCES = 'main.ts';
const SAYS = 'ahoy – привет ordinary Not Found Boat\n';

const bundles = (root: string): readonly string[] => readdirSync(join(root, '.cache/program')).filter((name) => name !== 'current');

test('the launcher runs a bundle of the sources that are there, and it does what they do', async (t) => {
  const root = checkout(t);
  assert.deepEqual(run(root), { from: SOURCES, output: SAYS });
  assert.equal(programIsBundled(root), false);
  await bundleProgram(root);
  assert.deepEqual(run(root), { from: BUNDLE, output: SAYS });
  assert.equal(programIsBundled(root), true);
});

test('the launcher needs no diffutils to know its bundle', async (t) => {
  const root = checkout(t);
  await bundleProgram(root);
  const path = temporaryFolder(t);
  for (const program of ['sh', 'cat', 'dirname', 'find', 'readlink', 'uname'])
    symlinkSync(execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(), join(path, program));
  const { stdout, stderr } = spawnSync(join(root, 'bin/proa'), { encoding: 'utf8', env: { PATH: path } });
  assert.equal(stderr, '');
  assert.equal(stdout, `${BUNDLE} ${SAYS}`);
});

const words = (root: string): string => join(root, 'src/words/words.ts');

for (const { name, change, output = SAYS } of [
  {
    name: 'a source was changed',
    change: (root) => write(words(root), 'export const word = "oars";\n'),
    output: 'oars ordinary Not Found Boat\n',
  },
  {
    name: 'a source was replaced by one of its size and with its time',
    change(root) {
      const { atime, mtime } = statSync(words(root));
      write(`${words(root)}.new`, FILES['src/words/words.ts']?.replace('ahoy', 'oars') ?? '');
      utimesSync(`${words(root)}.new`, atime, mtime);
      renameSync(`${words(root)}.new`, words(root));
    },
    output: SAYS.replace('ahoy', 'oars'),
  },
  { name: 'a file came', change: (root) => write(join(root, 'src/words/more.ts'), 'export const more = 1;\n') },
  { name: 'a file went', change: (root) => rmSync(join(root, 'src/cluster/late.ts')) },
  { name: 'npm has installed something', change: (root) => write(join(root, 'node_modules/.package-lock.json'), '{ "packages": {} }') },
  { name: 'it is bundled in another way', change: (root) => appendFileSync(join(root, 'tools/program/bundle.ts'), '\n') },
  {
    name: 'the bundle is gone',
    change: (root) => rmSync(join(root, '.cache/program', readlinkSync(join(root, '.cache/program/current'))), { recursive: true }),
  },
  {
    name: 'its list of sources was not written to the end',
    change: (root) => writeFileSync(join(root, '.cache/program/current/sources'), ''),
  },
  {
    name: 'its list of sources is empty and they cannot be listed either',
    change(root) {
      writeFileSync(join(root, '.cache/program/current/sources'), '');
      rmSync(join(root, 'tools/program/sources.sh'));
    },
  },
] as readonly { readonly name: string; readonly change: (root: string) => void; readonly output?: string }[]) {
  test(`the launcher runs the sources when ${name}`, async (t) => {
    const root = checkout(t);
    await bundleProgram(root);
    change(root);
    assert.deepEqual(run(root), { from: SOURCES, output });
    assert.equal(programIsBundled(root), false);
  });
}

test('a change of a test makes no new bundle necessary', async (t) => {
  const root = checkout(t);
  await bundleProgram(root);
  write(join(root, 'src/words/words.test.ts'), '');
  assert.equal(run(root).from, BUNDLE);
});

test('bundleProgram follows the sources', async (t) => {
  const root = checkout(t);
  await bundleProgram(root);
  write(words(root), 'export const word = "oars";\n');
  await bundleProgram(root);
  assert.deepEqual(run(root), { from: BUNDLE, output: 'oars ordinary Not Found Boat\n' });
});

test('bundleProgram leaves the bundle there was when the sources are broken, and nothing half made', async (t) => {
  const root = checkout(t);
  const folder = await bundleProgram(root);
  write(words(root), 'export const word = ;\n');
  await assert.rejects(bundleProgram(root), /words\.ts/);
  write(words(root), 'import "./nowhere.ts";\nexport const word = "";\n');
  await assert.rejects(bundleProgram(root), /nowhere\.ts/);
  assert.deepEqual(
    bundles(root).map((name) => join(root, '.cache/program', name)),
    [folder],
  );
  assert.equal(readlinkSync(join(root, '.cache/program/current')), folder.slice(-8));
});

test('bundleProgram makes nothing of sources that change meanwhile', async (t) => {
  const root = checkout(t);
  write(join(root, 'tools/program/sources.sh'), 'date +%s%N\n');
  await assert.rejects(bundleProgram(root), /the sources changed while they were being bundled/);
  assert.deepEqual(bundles(root), []);
});

test('bundleProgram says why when the cache cannot be written, and the sources run', async (t) => {
  const root = checkout(t);
  write(join(root, '.cache'), 'a file is no folder, not even for root');
  await assert.rejects(bundleProgram(root), { code: 'ENOTDIR' });
  assert.equal(run(root).from, SOURCES);
});

test('bundleProgram removes what a crash left, and goes on after it', async (t) => {
  const root = checkout(t);
  write(join(root, '.cache/program/b-crash/main.js'), 'throw new Error("half written");\n');
  symlinkSync('b-crash', join(root, '.cache/program/b-crash/current'));
  symlinkSync('b-gone', join(root, '.cache/program/current'));
  const folder = await bundleProgram(root);
  assert.deepEqual(
    bundles(root).map((name) => join(root, '.cache/program', name)),
    [folder],
  );
  assert.equal(run(root).from, BUNDLE);
});

test('a process finds all of the bundle it was started from, however many were made since', async (t) => {
  const root = checkout(t);
  const first = await bundleProgram(root);
  const child = spawn(join(root, 'bin/proa'), ['wait'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => said.push(text));
  await once(child.stdout, 'data');
  for (const version of [1, 2, 3]) {
    write(join(root, 'src/cluster/late.ts'), `export const late = "version ${version}";\n`);
    await bundleProgram(root);
  }
  assert.equal(bundles(root).length, 3, 'the one that runs, the last and the one before it');
  child.stdin.end('go on\n');
  await once(child, 'close');
  assert.equal(said.join(''), 'waiting\nnot too late\n');
  await bundleProgram(root);
  assert.equal(bundles(root).includes(first.slice(-8)), false);
});

test('traces name the lines of the sources, as long as the bundle is there', async (t) => {
  const root = checkout(t);
  const folder = await bundleProgram(root);
  const { stdout } = spawnSync(join(root, 'bin/proa'), ['fail'], { encoding: 'utf8' });
  const line = 1 + (FILES['src/cluster/main.ts'] ?? '').split('\n').findIndex((text) => text.includes('no wind'));
  assert.match(stdout, /main\.js:\d+/);
  assert.ok(inSources(stdout).includes(`file://${root}/src/cluster/main.ts:${line}:`), inSources(stdout));
  const other = stdout.replaceAll('main.js', 'other.js');
  assert.equal(inSources(other), other);
  assert.equal(readFileSync(join(folder, 'main.js.map'), 'utf8').includes('sourcesContent'), false);
});
