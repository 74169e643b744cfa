import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { FakeRuntime } from '#cri/testing.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { eventually } from '#test/harness/eventually.ts';
import { isRunning, processIdentity } from '../machine/processes.ts';
import { endOrphanShims, type OrphanShimsDeps } from './orphan-shims.ts';

interface ShimOptions {
  readonly namespace?: string;
  /** What it runs before it says that it is there. */
  readonly code?: string;
  /** Namespaces of its own: `--mount`. */
  readonly unshare?: readonly string[];
}

/** A process of its own that says when it runs, under a command line like a shim's. */
async function shim(t: TestContext, socket: string, id: string, { namespace = 'k8s.io', code = '', unshare = [] }: ShimOptions = {}) {
  const program = join(temporaryFolder(t), 'containerd-shim-runc-v2');
  symlinkSync(process.execPath, program);
  const script = `setInterval(() => {}, 1e6); (async () => { ${code}; console.log('here'); })()`;
  const command = [program, '-e', script, '--', '-namespace', namespace, '-id', id, '-address', socket];
  const [file = '', ...args] = unshare.length === 0 ? command : ['unshare', ...unshare, ...command];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

/** Started after all that `earlier` were. */
async function containerdAfter(t: TestContext, earlier: ChildProcess): Promise<{ readonly pid: number }> {
  const containerd = spawn('sleep', ['1000']);
  t.after(() => containerd.kill());
  await eventually(async () =>
    assert.ok(Number(processIdentity(containerd.pid as number)) > Number(processIdentity(earlier.pid as number))),
  );
  return { pid: containerd.pid as number };
}

test('a shim of an earlier containerd that the present one does not know is ended, any other stays', async (t) => {
  const socket = join(temporaryFolder(t), 'containerd.sock');
  const runtime = new FakeRuntime();
  const { podSandboxId } = await runtime.runtime.runPodSandbox({ config: { metadata: { name: 'p', namespace: 'n', uid: 'u' } } });
  const lost = await shim(t, socket, 'lost');
  const stay = [
    await shim(t, socket, podSandboxId),
    await shim(t, socket, 'made-by-hand'),
    await shim(t, socket, 'elsewhere', { namespace: 'moby' }),
    await shim(t, join(temporaryFolder(t), 'other.sock'), 'lost'),
    await shim(t, socket, "with another's files", { unshare: ['--mount'] }),
    await shim(t, socket, "with another's processes", { unshare: ['--pid', '--fork', '--kill-child'] }),
  ];
  const containerd = await containerdAfter(t, lost);
  stay.push(await shim(t, socket, 'being made'));

  const stop = new AbortController();
  const told: unknown[] = [];
  const ended = once(lost, 'exit');
  const done = endOrphanShims({
    runtime: runtime.runtime,
    containerd,
    socket,
    clock: new ManualClock(),
    logger: createLogger((_level, message, { id }) => told.push([message, id])),
    signal: stop.signal,
    containers: async () => [podSandboxId, 'made-by-hand'],
  });
  await ended;
  stop.abort(new Error('enough'));
  await done;
  assert.deepEqual(told, [['a shim that containerd does not know is ended', 'lost']]);
  assert.deepEqual(
    stay.map(({ exitCode, signalCode }) => exitCode ?? signalCode),
    stay.map(() => null),
  );
});

/** Looks for orphans of a containerd that has no sandbox and is younger than `lost`; the result ends that. */
async function looking(
  t: TestContext,
  lost: ChildProcess,
  socket: string,
  more: Pick<Partial<OrphanShimsDeps>, 'containers'> = {},
): Promise<() => Promise<void>> {
  const stop = new AbortController();
  const done = endOrphanShims({
    runtime: new FakeRuntime().runtime,
    containerd: await containerdAfter(t, lost),
    socket,
    clock: new ManualClock(),
    logger: silentLogger,
    signal: stop.signal,
    ...more,
  });
  return async () => {
    stop.abort(new Error('enough'));
    await done;
  };
}

test('with a shim everything ends that it started, and what that started', async (t) => {
  const socket = join(temporaryFolder(t), 'containerd.sock');
  const list = join(temporaryFolder(t), 'pids');
  const lost = await shim(t, socket, 'lost', {
    code: `
      const container = require('node:child_process').spawn('sh', ['-c', 'sleep 1000 & echo $! $$; wait'], { stdio: ['ignore', 'pipe', 'ignore'] });
      const [pids] = await require('node:events').once(container.stdout, 'data');
      require('node:fs').writeFileSync('${list}', pids);`,
  });
  const started = readFileSync(list, 'utf8')
    .split(' ')
    .map((pid) => ({ pid: Number(pid), identity: processIdentity(Number(pid)) }));
  const runs = (): readonly boolean[] => started.map(({ pid, identity }) => isRunning(pid, identity));
  assert.deepEqual(runs(), [true, true]);

  const stop = await looking(t, lost, socket, { containers: async () => [] });
  await eventually(async () => assert.deepEqual(runs(), [false, false]));
  await stop();
});

test('a containerd that does not come to tell what it has holds nobody up', async (t) => {
  const [programs, socket] = [temporaryFolder(t), join(temporaryFolder(t), 'containerd.sock')];
  const asked = join(programs, 'asked');
  writeFileSync(join(programs, 'ctr'), `#!/bin/sh\necho "$@" >${asked}\nexec sleep 1000\n`, { mode: 0o755 });
  const { PATH = '' } = process.env;
  process.env['PATH'] = `${programs}:${PATH}`;
  t.after(() => (process.env['PATH'] = PATH));
  const lost = await shim(t, socket, 'lost');
  const stop = await looking(t, lost, socket);
  await eventually(async () => assert.match(readFileSync(asked, 'utf8'), /--namespace=k8s\.io containers list --quiet/));
  await stop();
  assert.equal(lost.exitCode ?? lost.signalCode, null);
});
