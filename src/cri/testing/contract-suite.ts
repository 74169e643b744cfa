// What a kubelet relies on in a container runtime. The suite runs against containerd and against the fake, so that what
// the fake says is what containerd says.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CriError } from '../errors.ts';
import { PodUnderTest, type Subject } from './pod-under-test.ts';

/** A command run in `obedient`: these come back from it. */
export const COMMAND = ['sh', '-c', 'echo out; echo err >&2; exit 5'] as const;
export const SLOW_COMMAND = ['sleep', '30'] as const;

/** Registers the suite's tests; `start` is called once for each. */
export function contractSuite(name: string, start: (t: TestContext) => Promise<Subject>): void {
  const contract = (title: string, run: (pod: PodUnderTest) => Promise<void>): void =>
    void test(`${name} ${title}`, async (t) => {
      const pod = await PodUnderTest.run(await start(t));
      try {
        await run(pod);
      } finally {
        await pod.cri.runtime.removePodSandbox({ podSandboxId: pod.id });
      }
    });

  contract('runs a sandbox that is ready, listed and reserved', async (pod) => {
    const { status } = await pod.cri.runtime.podSandboxStatus({ podSandboxId: pod.id });
    assert.equal(status?.state, 'SANDBOX_READY');
    assert.deepEqual(status?.metadata, { name: 'web', namespace: 'default', uid: 'uid-1', attempt: 0 });
    assert.equal(status?.network?.ip, '', 'a pod on the network of its host has no address of its own');
    const { items } = await pod.cri.runtime.listPodSandbox({
      filter: { labelSelector: { app: 'web' }, state: { state: 'SANDBOX_READY' } },
    });
    assert.deepEqual(
      items.map(({ id }) => id),
      [pod.id],
    );
    const message = `rpc error: code = Unknown desc = failed to reserve sandbox name "web_default_uid-1_0": name "web_default_uid-1_0" is reserved for "${pod.id}"`;
    await refuses(pod.cri.runtime.runPodSandbox({ config: pod.config }), 'Unknown', message);
  });

  contract('finds sandboxes and containers by the first characters of their ids', async (pod) => {
    const id = await pod.start('obedient');
    const { containers } = await pod.cri.runtime.listContainers({ filter: { podSandboxId: pod.id.slice(0, 10), id: id.slice(0, 10) } });
    assert.deepEqual(
      containers.map((container) => container.id),
      [id],
    );
    assert.equal((await pod.status(id.slice(0, 10))).id, id);
  });

  contract('takes a container from created to running to exited', async (pod) => {
    const id = await pod.create('obedient');
    const created = await pod.status(id);
    assert.equal(created.state, 'CONTAINER_CREATED');
    assert.equal(created.startedAt, 0n);
    assert.ok(created.createdAt > 0n);
    await pod.cri.runtime.startContainer({ containerId: id });
    const running = await pod.status(id);
    assert.equal(running.state, 'CONTAINER_RUNNING');
    assert.ok(running.startedAt >= created.createdAt);
    assert.equal(running.finishedAt, 0n);
    await pod.says(id, 'hello');
    await pod.cri.runtime.stopContainer({ containerId: id, timeout: 10 });
    const exited = await pod.status(id);
    assert.deepEqual([exited.state, exited.exitCode, exited.reason], ['CONTAINER_EXITED', 7, 'Error']);
    assert.ok(exited.finishedAt >= running.startedAt);
  });

  contract('kills a container that outlives its grace period', async (pod) => {
    const id = await pod.start('stubborn');
    await pod.cri.runtime.stopContainer({ containerId: id, timeout: 1 });
    const { state, exitCode, reason } = await pod.status(id);
    assert.deepEqual([state, exitCode, reason], ['CONTAINER_EXITED', 137, 'Error']);
  });

  for (const [program, exitCode, reason] of [
    ['failing', 3, 'Error'],
    ['succeeding', 0, 'Completed'],
  ] as const) {
    contract(`tells how a ${program} program ended`, async (pod) => {
      const id = await pod.start(program);
      const status = await pod.becomes(id, 'CONTAINER_EXITED');
      assert.deepEqual([status.exitCode, status.reason], [exitCode, reason]);
    });
  }

  contract('refuses to start a program that is missing, and keeps the reason', async (pod) => {
    const id = await pod.create('missing');
    const words =
      'failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "no-such-program": executable file not found in $PATH: unknown';
    await refuses(pod.cri.runtime.startContainer({ containerId: id }), 'Unknown', `rpc error: code = Unknown desc = ${words}`);
    const { state, exitCode, reason, message, startedAt } = await pod.status(id);
    assert.deepEqual([state, exitCode, reason, message, startedAt], ['CONTAINER_EXITED', 128, 'StartError', words, 0n]);
  });

  contract('starts a container only once', async (pod) => {
    const id = await pod.start('obedient');
    const starting = `rpc error: code = Unknown desc = failed to set starting state for container "${id}": container is in`;
    await refuses(pod.cri.runtime.startContainer({ containerId: id }), 'Unknown', `${starting} CONTAINER_RUNNING state`);
    await pod.cri.runtime.stopContainer({ containerId: id, timeout: 0 });
    await refuses(pod.cri.runtime.startContainer({ containerId: id }), 'Unknown', `${starting} CONTAINER_EXITED state`);
  });

  contract('refuses a second container of the same name and attempt', async (pod) => {
    const id = await pod.create('obedient');
    const reserved = `rpc error: code = Unknown desc = failed to reserve container name "obedient_web_default_uid-1_0": name "obedient_web_default_uid-1_0" is reserved for "${id}"`;
    await refuses(pod.create('obedient'), 'Unknown', reserved);
    await pod.create('obedient', { metadata: { name: 'obedient', attempt: 1 } });
  });

  contract('refuses a container without its image or sandbox', async (pod) => {
    const image = { image: { image: 'absent:1' } };
    await refuses(
      pod.create('obedient', image),
      'NotFound',
      'rpc error: code = NotFound desc = failed to resolve image "absent:1": not found',
    );
    const elsewhere = pod.cri.runtime.createContainer({
      podSandboxId: 'gone',
      config: pod.container('obedient'),
      sandboxConfig: pod.config,
    });
    await refuses(elsewhere, 'NotFound', 'rpc error: code = NotFound desc = failed to find sandbox id "gone": not found');
    await pod.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
    const stopped = `rpc error: code = NotFound desc = failed to get sandbox container task: no running task found: task ${pod.id} not found: not found`;
    await refuses(pod.create('obedient'), 'NotFound', stopped);
  });

  contract('runs commands in a container', async (pod) => {
    const id = await pod.start('obedient');
    const { stdout, stderr, exitCode } = await pod.cri.runtime.execSync({ containerId: id, cmd: COMMAND });
    assert.deepEqual([Buffer.from(stdout).toString(), Buffer.from(stderr).toString(), exitCode], ['out\n', 'err\n', 5]);
    const slow = pod.cri.runtime.execSync({ containerId: id, cmd: SLOW_COMMAND, timeout: 1 });
    const late = 'rpc error: code = DeadlineExceeded desc = failed to exec in container: timeout 1s exceeded: context deadline exceeded';
    await refuses(slow, 'DeadlineExceeded', late);
    await pod.cri.runtime.stopContainer({ containerId: id, timeout: 0 });
    const ended = 'rpc error: code = Unknown desc = failed to exec in container: container is in CONTAINER_EXITED state';
    await refuses(pod.cri.runtime.execSync({ containerId: id, cmd: COMMAND }), 'Unknown', ended);
    const none = 'rpc error: code = NotFound desc = failed to exec in container: failed to find container "gone" in store: not found';
    await refuses(pod.cri.runtime.execSync({ containerId: 'gone', cmd: COMMAND }), 'NotFound', none);
  });

  contract('gives addresses for exec, attach and port-forward', async (pod) => {
    const id = await pod.start('obedient');
    assert.match((await pod.cri.runtime.exec({ containerId: id, cmd: ['sh'], stdout: true })).url, /^http:\/\/127\.0\.0\.1:\d+\/exec\//);
    assert.match((await pod.cri.runtime.attach({ containerId: id, stdout: true })).url, /\/attach\//);
    assert.match((await pod.cri.runtime.portForward({ podSandboxId: pod.id })).url, /\/portforward\//);
    const streamless = 'rpc error: code = InvalidArgument desc = one of stdin, stdout, or stderr must be set';
    await refuses(pod.cri.runtime.exec({ containerId: id, cmd: ['sh'] }), 'InvalidArgument', streamless);
    await pod.cri.runtime.stopContainer({ containerId: id, timeout: 0 });
    const ended = 'rpc error: code = Unknown desc = container is in CONTAINER_EXITED state';
    await refuses(pod.cri.runtime.attach({ containerId: id, stdout: true }), 'Unknown', ended);
  });

  contract('writes logs line by line in the CRI form, and opens them again', async (pod) => {
    const id = await pod.start('obedient');
    await pod.says(id, 'hello');
    await pod.says(id, 'trouble');
    const { logPath } = await pod.status(id);
    assert.equal(basename(logPath), 'obedient.log');
    // Two streams are two pipes: which is read first is the runtime's choice.
    const lines = readFileSync(logPath, 'utf8').trimEnd().split('\n');
    const written = lines.map((line) => line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, ''));
    assert.deepEqual(new Set(written), new Set(['stdout F hello', 'stderr F trouble']));
    assert.equal(lines.length, 2);
    await pod.cri.runtime.reopenContainerLog({ containerId: id });
    await pod.cri.runtime.stopContainer({ containerId: id, timeout: 0 });
    const ended = 'rpc error: code = Unknown desc = container is not running';
    await refuses(pod.cri.runtime.reopenContainerLog({ containerId: id }), 'Unknown', ended);
  });

  contract('stops a sandbox with its containers, and again without harm', async (pod) => {
    const id = await pod.start('stubborn');
    await pod.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
    await pod.cri.runtime.stopPodSandbox({ podSandboxId: pod.id });
    assert.equal((await pod.cri.runtime.podSandboxStatus({ podSandboxId: pod.id })).status?.state, 'SANDBOX_NOTREADY');
    const { state, exitCode } = await pod.status(id);
    assert.deepEqual([state, exitCode], ['CONTAINER_EXITED', 137]);
    await refuses(
      pod.cri.runtime.stopPodSandbox({ podSandboxId: 'gone' }),
      'NotFound',
      'rpc error: code = NotFound desc = an error occurred when try to find sandbox "gone": not found',
    );
  });

  contract('removes a running container, and one that is not there', async (pod) => {
    const id = await pod.start('stubborn');
    await pod.cri.runtime.removeContainer({ containerId: id });
    await pod.cri.runtime.removeContainer({ containerId: id });
    const gone = `rpc error: code = NotFound desc = an error occurred when try to find container "${id}": not found`;
    await refuses(pod.cri.runtime.containerStatus({ containerId: id }), 'NotFound', gone);
    await refuses(pod.cri.runtime.stopContainer({ containerId: id, timeout: 0 }), 'NotFound', gone);
  });

  contract('removes a running sandbox with its containers', async (pod) => {
    await pod.start('stubborn');
    await pod.cri.runtime.removePodSandbox({ podSandboxId: pod.id });
    await pod.cri.runtime.removePodSandbox({ podSandboxId: pod.id });
    const { containers } = await pod.cri.runtime.listContainers({ filter: { podSandboxId: pod.id } });
    assert.deepEqual(containers, []);
    const gone = 'rpc error: code = NotFound desc = an error occurred when try to find sandbox: not found';
    await refuses(pod.cri.runtime.podSandboxStatus({ podSandboxId: pod.id }), 'NotFound', gone);
  });

  contract('does nothing to a created container that is stopped', async (pod) => {
    const id = await pod.create('obedient');
    await pod.cri.runtime.stopContainer({ containerId: id, timeout: 1 });
    assert.equal((await pod.status(id)).state, 'CONTAINER_CREATED');
  });

  contract('finds an image by every form of its name, and nothing for a name it has not', async (pod) => {
    const { image } = await pod.cri.image.imageStatus({ image: { image: pod.image } });
    assert.ok(image !== undefined && image.size > 0);
    for (const name of [image.id, ...image.repoTags]) {
      assert.equal((await pod.cri.image.imageStatus({ image: { image: name } })).image?.id, image.id, name);
    }
    for (const name of ['absent:1', 'NOT A NAME'])
      assert.equal((await pod.cri.image.imageStatus({ image: { image: name } })).image, undefined);
    const id = await pod.create('obedient');
    assert.equal((await pod.status(id)).image?.image, image.repoTags[0]);
    await refuses(
      pod.cri.image.pullImage({ image: { image: 'BAD::' } }),
      'Unknown',
      /^failed to parse image reference "BAD::": invalid reference format/,
    );
  });
}

async function refuses(call: Promise<unknown>, code: string, message: string | RegExp): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof CriError, String(error));
    assert.equal(error.code, code);
    if (typeof message === 'string') assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}
