import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const ISOLATED = fileURLToPath(new URL('isolated.ts', import.meta.url));

/** A program that runs isolated, in a temporary folder where what it leaves can be seen. */
function program(t: TestContext, text: string): { file: string; env: NodeJS.ProcessEnv; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'proa-isolated-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'program.ts');
  writeFileSync(file, `import '${ISOLATED}';\n${text}`);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return { file, folder, env: { ...env, TMPDIR: folder } };
}

/** Cgroups of the isolated program whose outer process is `pid`, in all hierarchies. */
function groupsOf(pid: number): string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8').split('\n');
  const points = mounts.filter((line) => / - cgroup2? /.test(line)).map((line) => line.split(' ')[4] ?? '');
  return points.map((point) => join(point, `proa-test-${pid}`)).filter((path) => existsSync(path));
}

test('an isolated program ends with its own status and leaves nothing behind', (t) => {
  const { file, env, folder } = program(
    t,
    `import { spawn } from 'node:child_process';
     import { mkdirSync, writeFileSync } from 'node:fs';
     import { tmpdir } from 'node:os';
     spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' }).unref();
     for (const folder of [tmpdir(), '/etc', '/var/lib']) writeFileSync(folder + '/proa-left', '');
     for (const line of process.argv.slice(2)) console.log(line);
     process.exitCode = 5;`,
  );
  const { status, stdout, pid } = spawnSync(process.execPath, [file, 'an argument'], { env, encoding: 'utf8' });
  assert.deepEqual({ status, stdout }, { status: 5, stdout: 'an argument\n' });
  assert.deepEqual(readdirSync(folder), ['program.ts']);
  assert.deepEqual(groupsOf(pid), []);
  for (const folder of ['/etc', '/var/lib']) assert.ok(!existsSync(join(folder, 'proa-left')));
});

/** Host processes whose command line contains `word`. */
function processesWith(word: string): string[] {
  return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(word));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return '';
    throw error;
  }
}

async function firstLine(child: ChildProcess): Promise<void> {
  assert.ok(child.stdout);
  await once(child.stdout, 'data');
}

test('killing the outer process kills all inside, and the next isolated program removes what was left', async (t) => {
  const { file, env } = program(
    t,
    `process.stdout.write('up'); await new Promise((resolve) => { process.stdin.on('end', resolve).resume(); });`,
  );
  const killed = spawn(process.execPath, [file], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  await firstLine(killed);
  assert.ok(killed.pid);
  assert.ok(processesWith(file).length >= 3, 'outer process, first process and program');

  killed.kill('SIGKILL');
  await once(killed, 'close'); // its output closes when the last process that holds it has ended
  assert.deepEqual(processesWith(file), []);
  assert.notDeepEqual(groupsOf(killed.pid), []);

  const next = program(t, '');
  assert.equal(spawnSync(process.execPath, [next.file], { env: next.env }).status, 0);
  assert.deepEqual(groupsOf(killed.pid), []);
});
