import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { CriError } from './errors.ts';
import { type ExecResult, FakeRuntime } from './testing.ts';
import { COMMAND, contractSuite, SLOW_COMMAND } from './testing/contract-suite.ts';

/** A clock whose timers are due as soon as they are armed. */
class HastyClock extends ManualClock {
  override after(delayMs: number, fire: () => void): () => void {
    const cancel = super.after(delayMs, fire);
    setImmediate(() => this.advance(delayMs));
    return cancel;
  }
}

function temporary(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'proa-fake-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

contractSuite('FakeRuntime', async (t) => {
  const cri = new FakeRuntime({ clock: new HastyClock() });
  cri.addImage('programs:1');
  const exec = (command: readonly string[]): ExecResult | Promise<ExecResult> => {
    if (command === COMMAND || command.join() === COMMAND.join()) return { stdout: 'out\n', stderr: 'err\n', exitCode: 5 };
    assert.deepEqual(command, [...SLOW_COMMAND]);
    return new Promise(() => {}); // longer than any test
  };
  cri.behave('obedient', {
    onTerm: 7,
    exec,
    started: (container) => {
      cri.log(container, 'stdout', 'hello');
      cri.log(container, 'stderr', 'trouble');
    },
  });
  cri.behave('stubborn', { onTerm: 'ignore' });
  cri.behave('failing', { started: (container) => cri.exit(container, 3) });
  cri.behave('succeeding', { started: (container) => cri.exit(container, 0) });
  const words =
    'failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "no-such-program": executable file not found in $PATH: unknown';
  cri.behave('missing', { startError: words });
  return { cri, image: 'programs:1', logFolder: temporary(t) };
});

async function runningContainer(cri: FakeRuntime): Promise<string> {
  cri.addImage('app');
  const config = { metadata: { name: 'web', namespace: 'default', uid: 'u' } };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  const container = { metadata: { name: 'app' }, image: { image: 'app' } };
  const { containerId } = await cri.runtime.createContainer({ podSandboxId, config: container, sandboxConfig: config });
  await cri.runtime.startContainer({ containerId });
  return containerId;
}

test('FakeRuntime gives each pod an address of its own, and none on the network of the host', async () => {
  const cri = new FakeRuntime();
  const addresses: (string | undefined)[] = [];
  for (const [i, network] of (['POD', 'POD', 'NODE'] as const).entries()) {
    const config = { metadata: { name: `pod-${i}` }, linux: { securityContext: { namespaceOptions: { network } } } };
    const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
    addresses.push((await cri.runtime.podSandboxStatus({ podSandboxId })).status?.network?.ip);
  }
  assert.deepEqual(addresses, ['10.88.0.1', '10.88.0.2', '']);
});

test('FakeRuntime sends events of every change, with the state of the pod', async () => {
  const cri = new FakeRuntime();
  const events = cri.runtime.getContainerEvents({});
  const id = await runningContainer(cri);
  cri.exit(cri.container('app'), 1);
  const seen: string[] = [];
  for await (const { containerEventType, containerId, containersStatuses } of events) {
    seen.push(
      `${containerEventType} ${containerId === id ? 'container' : 'sandbox'} ${containersStatuses.map(({ state }) => state).join()}`,
    );
    if (seen.length === 5) break;
  }
  assert.deepEqual(seen, [
    'CONTAINER_CREATED_EVENT sandbox ',
    'CONTAINER_STARTED_EVENT sandbox ',
    'CONTAINER_CREATED_EVENT container CONTAINER_CREATED',
    'CONTAINER_STARTED_EVENT container CONTAINER_RUNNING',
    'CONTAINER_STOPPED_EVENT container CONTAINER_EXITED',
  ]);
});

test('FakeRuntime without events says so as containerd 1.6 does', async () => {
  const cri = new FakeRuntime({ events: 'unimplemented' });
  await assert.rejects(cri.runtime.getContainerEvents({}).next(), { code: 'Unimplemented' });
});

test('FakeRuntime pulls what is published and refuses the rest with its name', async () => {
  const cri = new FakeRuntime();
  cri.publishImage('nginx:1');
  const { imageRef } = await cri.image.pullImage({ image: { image: 'nginx:1' } });
  assert.equal((await cri.image.imageStatus({ image: { image: 'docker.io/library/nginx:1' } })).image?.id, imageRef);
  await assert.rejects(cri.image.pullImage({ image: { image: 'nginx:2' } }), {
    code: 'NotFound',
    details:
      'failed to pull and unpack image "docker.io/library/nginx:2": failed to resolve reference "docker.io/library/nginx:2": docker.io/library/nginx:2: not found',
  });
  await cri.image.removeImage({ image: { image: 'nginx:1' } });
  assert.deepEqual((await cri.image.listImages({})).images, []);
});

test('FakeRuntime fails the next calls as told, then works again, and records all of them', async () => {
  const cri = new FakeRuntime();
  cri.failNext('runPodSandbox', new CriError({ code: 'Unknown', details: 'no network', method: 'RunPodSandbox' }), 2);
  const config = { metadata: { name: 'web' } };
  for (let i = 0; i < 2; i++) await assert.rejects(cri.runtime.runPodSandbox({ config }), /no network/);
  await cri.runtime.runPodSandbox({ config });
  assert.deepEqual(
    cri.calls.map(({ method }) => method),
    ['runPodSandbox', 'runPodSandbox', 'runPodSandbox'],
  );
});

test('FakeRuntime that crashed refuses calls and ends streams until it recovers; its containers live on', async () => {
  const cri = new FakeRuntime();
  await runningContainer(cri);
  const events = cri.runtime.getContainerEvents({});
  const states: string[] = [];
  cri.onStateChange((state) => states.push(state));
  cri.crash();
  await assert.rejects(cri.runtime.version({}), { code: 'Unavailable' });
  await assert.rejects(events.next(), { code: 'Unavailable' });
  const ready = cri.ready();
  cri.recover();
  await ready;
  const { containers } = await cri.runtime.listContainers({ filter: { state: { state: 'CONTAINER_RUNNING' } } });
  assert.equal(containers.length, 1);
  cri.close();
  assert.deepEqual(states, ['unavailable', 'ready', 'closed']);
  await assert.rejects(cri.runtime.version({}), { code: 'Unavailable' });
});

test('FakeRuntime removes a sandbox that is not ready only when its containers are stopped', async () => {
  const cri = new FakeRuntime();
  await runningContainer(cri);
  const [sandbox] = cri.sandboxes;
  assert.ok(sandbox !== undefined);
  cri.loseSandbox(sandbox);
  const podSandboxId = sandbox.id;
  await assert.rejects(cri.runtime.removePodSandbox({ podSandboxId }), {
    code: 'Unknown',
    message: /container is still running, to stop first$/,
  });
  await cri.runtime.stopPodSandbox({ podSandboxId });
  await cri.runtime.removePodSandbox({ podSandboxId });
  assert.deepEqual([cri.sandboxes, cri.containers], [[], []]);
});

test('FakeRuntime refuses a request that would not fit the wire', async () => {
  const cri = new FakeRuntime();
  await assert.rejects(cri.runtime.stopContainer({ containerId: 'a', timeout: 0.5 }), { name: 'ProtobufEncodeError' });
});

test('FakeRuntime shows the usage a test gives', async () => {
  const cri = new FakeRuntime();
  const id = await runningContainer(cri);
  cri.setUsage(id, { memory: { workingSetBytes: { value: 4096 } } });
  const { stats } = await cri.runtime.listContainerStats({});
  assert.deepEqual(
    stats.map(({ attributes, memory }) => [attributes?.metadata?.name, memory?.workingSetBytes?.value]),
    [['app', 4096]],
  );
});

test('FakeRuntime call ends with the reason of its signal', async () => {
  const cri = new FakeRuntime();
  const id = await runningContainer(cri);
  cri.behave('app', { exec: () => new Promise(() => {}) });
  const stop = new AbortController();
  const call = cri.runtime.execSync({ containerId: id, cmd: ['wait'] }, { signal: stop.signal });
  const reason = new Error('enough');
  stop.abort(reason);
  await assert.rejects(call, reason);
});

test('FakeRuntime writes logs only for containers that have a place for them', async (t) => {
  const cri = new FakeRuntime();
  cri.addImage('app');
  const folder = temporary(t);
  const config = { metadata: { name: 'web' }, logDirectory: folder };
  const { podSandboxId } = await cri.runtime.runPodSandbox({ config });
  for (const [name, logPath] of [
    ['loud', 'loud.log'],
    ['mute', ''],
  ] as const) {
    const container = { metadata: { name }, image: { image: 'app' }, logPath };
    const { containerId } = await cri.runtime.createContainer({ podSandboxId, config: container, sandboxConfig: config });
    await cri.runtime.startContainer({ containerId });
    cri.log(cri.container(name), 'stdout', 'a line');
  }
  assert.equal(readFileSync(join(folder, 'loud.log'), 'utf8'), '2026-01-01T00:00:00.000000000Z stdout F a line\n');
});
