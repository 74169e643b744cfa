import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test, type TestContext } from 'node:test';

const LAUNCHER = fileURLToPath(new URL('../bin/proa', import.meta.url));

/** A checkout with the launcher, a main that prints its process id and arguments, and no package. */
function checkout(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'proa-launcher-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'bin'));
  cpSync(LAUNCHER, join(root, 'bin/proa'));
  write(
    join(root, 'src/cluster/main.ts'),
    'const args: string[] = process.argv.slice(2);\nconsole.log(process.pid, args.join("|"));\nprocess.exitCode = 3;\n',
  );
  write(join(root, 'package.json'), '{ "type": "module" }');
  return root;
}

function write(path: string, text: string, mode = 0o644): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode });
}

/** As after `npm install`, without the packaged Node. */
function installed(t: TestContext): string {
  const root = checkout(t);
  write(join(root, 'node_modules/.package-lock.json'), '{}');
  return root;
}

/** A folder with the tools the launcher calls and, for `node`, a script that says it is `version`. */
function pathWith(t: TestContext, version?: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'proa-path-'));
  t.after(() => rmSync(folder, { recursive: true }));
  for (const name of ['sh', 'dirname', 'readlink', 'uname']) symlinkSync(`/usr/bin/${name}`, join(folder, name));
  if (version !== undefined)
    write(join(folder, 'node'), `#!/bin/sh\n[ "$1" = --version ] && echo ${version} && exit\nexec ${process.execPath} "$@"\n`, 0o755);
  return folder;
}

function run(
  root: string,
  path: string,
  args: readonly string[] = [],
): { status: number | null; stdout: string; stderr: string; pid: number } {
  return spawnSync(join(root, 'bin/proa'), args, { encoding: 'utf8', env: { PATH: path } });
}

test('the launcher becomes the program: same process, its arguments, its status', (t) => {
  const { status, stdout, pid } = run(installed(t), pathWith(t, 'v24.0.0'), ['up', '--yes', 'a b']);
  assert.equal(stdout, `${pid} up|--yes|a b\n`);
  assert.equal(status, 3);
});

test('the launcher works through a symbolic link', (t) => {
  const root = installed(t);
  const path = pathWith(t, 'v26.1.0');
  symlinkSync(join(root, 'bin/proa'), join(path, 'proa'));
  const { status, stdout } = spawnSync(join(path, 'proa'), ['x'], { encoding: 'utf8', env: { PATH: path } });
  assert.match(stdout, / x\n$/);
  assert.equal(status, 3);
});

test('the launcher takes the packaged Node before the one on PATH', (t) => {
  const root = installed(t);
  const packaged = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
  mkdirSync(dirname(packaged), { recursive: true });
  symlinkSync(process.execPath, packaged);
  assert.equal(run(root, pathWith(t, 'v20.0.0')).status, 3);
});

test("the launcher adds root's own folders to a search path that lacks them", (t) => {
  const root = installed(t);
  write(join(root, 'src/cluster/main.ts'), 'console.log(process.env.PATH);\n');
  const path = pathWith(t, 'v26.0.0');
  assert.equal(run(root, path).stdout, `${path}:/usr/local/sbin:/usr/sbin:/sbin\n`);
  assert.equal(run(root, `${path}:/usr/sbin:/x`).stdout, `${path}:/usr/sbin:/x\n`);
});

for (const c of [
  { name: 'no package is installed', root: checkout, version: 'v26.0.0', says: /its packages are not installed; run: npm install/ },
  { name: 'there is no Node', root: installed, version: undefined, says: /found none; run: npm install/ },
  { name: 'Node is too old', root: installed, version: 'v20.20.2', says: /found only v20\.20\.2 \(.*\); run: npm install/ },
]) {
  test(`the launcher says in one line what to do when ${c.name}`, (t) => {
    const { status, stdout, stderr } = run(c.root(t), pathWith(t, c.version));
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, c.says);
    assert.equal(stderr.trim().split('\n').length, 1);
  });
}
