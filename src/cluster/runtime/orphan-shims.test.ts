import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { FakeRuntime } from '#cri/testing.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { eventually } from '#test/harness/eventually.ts';
import { processIdentity } from '../machine/processes.ts';
import { endOrphanShims } from './orphan-shims.ts';

/** A process of its own that says when it runs, under a command line like a shim's. */
async function shim(t: TestContext, socket: string, id: string, namespace = 'k8s.io'): Promise<ChildProcess> {
  const code = `console.log('here'); setInterval(() => {}, 1e6)`;
  const child = spawn(process.execPath, ['-e', code, '--', '-namespace', namespace, '-id', id, '-address', socket], {
    argv0: '/usr/bin/containerd-shim-runc-v2',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return child;
}

test('a shim of an earlier containerd that the present one does not know is ended, any other stays', async (t) => {
  const socket = join(temporaryFolder(t), 'containerd.sock');
  const runtime = new FakeRuntime();
  const { podSandboxId } = await runtime.runtime.runPodSandbox({ config: { metadata: { name: 'p', namespace: 'n', uid: 'u' } } });
  const lost = await shim(t, socket, 'lost');
  const stay = [
    await shim(t, socket, podSandboxId),
    await shim(t, socket, 'made-by-hand'),
    await shim(t, socket, 'elsewhere', 'moby'),
    await shim(t, join(temporaryFolder(t), 'other.sock'), 'lost'),
  ];
  const containerd = spawn('sleep', ['1000']);
  t.after(() => containerd.kill());
  await eventually(async () => assert.ok(Number(processIdentity(containerd.pid as number)) > Number(processIdentity(lost.pid as number))));
  stay.push(await shim(t, socket, 'being made'));

  const stop = new AbortController();
  const told: unknown[] = [];
  const ended = once(lost, 'exit');
  const done = endOrphanShims({
    runtime: runtime.runtime,
    containerd: { pid: containerd.pid as number },
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
