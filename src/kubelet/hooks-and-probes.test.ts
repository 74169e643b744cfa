import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { pods } from '#api/resources.ts';
import type { Probe } from '#api/types.ts';
import { container, pod } from './testing/pods.ts';
import { startWorld, stateOf } from './testing/world.ts';

test('a kubelet that stops during a postStart hook leaves the container to the next', async (t) => {
  const world = await startWorld(t);
  const hook = Promise.withResolvers<void>();
  world.runtime.intercept('execSync', () => hook.promise);
  const lifecycle = { postStart: { exec: { command: ['begin'] } } };
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { lifecycle })] } }));
  await world.until(() => world.runtime.calls.some(({ method }) => method === 'execSync'));
  await world.restart();
  hook.resolve();
  await world.until(() => stateOf(world.pod('web')) === 'running');
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.restartCount, 0);
  assert.equal(
    world.told('web').some((event) => event.startsWith('FailedPostStartHook')),
    false,
  );
});

test('a failed postStart hook kills the container', async (t) => {
  const world = await startWorld(t);
  world.runtime.behave('app', { exec: () => ({ exitCode: 3 }) });
  world.bind(
    pod({ name: 'web', spec: { containers: [container('app', { lifecycle: { postStart: { exec: { command: ['begin'] } } } })] } }),
  );
  await world.until(() => world.told('web').includes('FailedPostStartHook PostStartHook failed'));
  await world.until(() => world.told('web').includes('Killing FailedPostStartHook'));
});

test('a preStop hook runs before the container is stopped, within its grace period', async (t) => {
  const world = await startWorld(t);
  const order: string[] = [];
  world.runtime.behave('app', {
    exec([command = '']) {
      order.push(command);
      return {};
    },
  });
  world.runtime.intercept('stopContainer', () => void order.push('stop'));
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { lifecycle: { preStop: { exec: { command: ['drain'] } } } })] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await world.until(() => world.server.stored(pods).length === 0);
  assert.deepEqual(order, ['drain', 'stop']);
});

test('a preStop hook that never ends is given up when the grace period is over', async (t) => {
  const world = await startWorld(t);
  world.runtime.behave('app', { exec: () => new Promise(() => {}) });
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { lifecycle: { preStop: { exec: { command: ['hang'] } } } })] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  await world.client.delete(pods, { name: 'web', namespace: 'default' }, { gracePeriodSeconds: 5 });
  await world.advanceUntil(() => world.server.stored(pods).length === 0, 8000);
  assert.equal(world.runtime.calls.find(({ method }) => method === 'stopContainer')?.request['timeout'], 2);
});

test("on the node's network a container and its hooks know the pod by the node's address", async (t) => {
  const world = await startWorld(t, { config: { nodeIPs: ['127.0.0.1'] } });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.headers.host} ${request.url}`);
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const hook = (path: string) => ({ httpGet: { path, port, scheme: 'HTTP' as const } });
  world.bind(
    pod({
      name: 'web',
      spec: {
        hostNetwork: true,
        containers: [
          container('app', {
            env: ['podIP', 'podIPs', 'hostIP'].map((field) => ({ name: field, valueFrom: { fieldRef: { fieldPath: `status.${field}` } } })),
            lifecycle: { postStart: hook('/begun'), preStop: hook('/ends') },
          }),
        ],
      },
    }),
  );
  await world.until(() => world.pod('web').status.phase === 'Running');
  const { envs } = world.runtime.container('app').config;
  const value = (name: string): string | undefined => envs.find(({ key }) => key === name)?.value.toString();
  assert.deepEqual(['podIP', 'podIPs', 'hostIP'].map(value), ['127.0.0.1', '127.0.0.1', '127.0.0.1']);
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await world.until(() => world.server.stored(pods).length === 0);
  assert.deepEqual(asked, [`127.0.0.1:${port} /begun`, `127.0.0.1:${port} /ends`]);
});

const probe = (more: Partial<Probe> = {}): Probe => ({
  exec: { command: ['check'] },
  timeoutSeconds: 1,
  periodSeconds: 10,
  successThreshold: 1,
  failureThreshold: 3,
  ...more,
});

test('a container is ready once its readiness probe succeeds, and no longer when it fails', async (t) => {
  const world = await startWorld(t);
  let exitCode = 1;
  world.runtime.behave('app', { exec: () => ({ exitCode, stdout: 'not yet' }) });
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { readinessProbe: probe({ failureThreshold: 1 }) })] } }));
  const isReady = (): boolean => world.pod('web').status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  await world.until(() => stateOf(world.pod('web')) === 'running');
  await world.until(() => world.told('web').includes('Unhealthy Readiness probe failed: not yet'));
  assert.equal(isReady(), false);
  exitCode = 0;
  await world.advanceUntil(isReady, 11_000);
  exitCode = 1;
  await world.advanceUntil(() => !isReady(), 11_000);
});

test('a container that fails its liveness probe three times is restarted', async (t) => {
  const world = await startWorld(t);
  world.runtime.behave('app', { exec: () => ({ exitCode: 1, stdout: 'dead' }) });
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { livenessProbe: probe() })] } }));
  await world.until(() => stateOf(world.pod('web')) === 'running');
  const began = world.clock.now();
  await world.advanceUntil(() => world.pod('web').status.containerStatuses?.[0]?.restartCount === 1, 60_000);
  assert.ok(world.clock.now() - began >= 20_000);
  assert.ok(world.told('web').includes('Killing Container app failed liveness probe, will be restarted'));
});

test('other probes wait for the startup probe', async (t) => {
  const world = await startWorld(t);
  const asked: string[] = [];
  let up = false;
  world.runtime.behave('app', {
    exec([command = '']) {
      asked.push(command);
      return { exitCode: command === 'started' && !up ? 1 : 0 };
    },
  });
  const startupProbe = probe({ exec: { command: ['started'] }, periodSeconds: 1, failureThreshold: 30 });
  world.bind(
    pod({ name: 'web', spec: { containers: [container('app', { startupProbe, livenessProbe: probe(), readinessProbe: probe() })] } }),
  );
  await world.until(() => stateOf(world.pod('web')) === 'running');
  await world.advanceUntil(() => asked.length >= 3, 5000);
  assert.deepEqual(new Set(asked), new Set(['started']));
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.started, false);
  up = true;
  await world.advanceUntil(() => world.pod('web').status.containerStatuses?.[0]?.ready === true, 5000);
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.started, true);
  assert.ok(asked.includes('check'));
});

test('readiness gates hold a pod back until others say so', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', spec: { readinessGates: [{ conditionType: 'example.com/loaded' }] } }));
  const ready = (): unknown => world.pod('web').status.conditions?.find(({ type }) => type === 'Ready');
  await world.until(() => world.pod('web').status.phase === 'Running');
  assert.equal(
    (ready() as { message?: string }).message,
    'corresponding condition of pod readiness gate "example.com/loaded" does not exist.',
  );
  const condition = { type: 'example.com/loaded', status: 'True', lastProbeTime: null, lastTransitionTime: '2026-01-01T00:00:00Z' };
  world.server.change(pods, 'web', 'default', (current) => ({
    ...current,
    status: { ...current.status, conditions: [...(current.status.conditions ?? []), condition] },
  }));
  await world.until(() => (ready() as { status?: string }).status === 'True');
  assert.ok(world.pod('web').status.conditions?.some(({ type }) => type === 'example.com/loaded'));
});

test('a pod that is being ended is shown unready as soon as its probe says so', async (t) => {
  const world = await startWorld(t);
  const readinessProbe: Probe = {
    exec: { command: ['check'] },
    periodSeconds: 1,
    timeoutSeconds: 1,
    failureThreshold: 1,
    successThreshold: 1,
  };
  let serves = true;
  world.runtime.behave('app', { onTerm: 'ignore', exec: () => ({ exitCode: serves ? 0 : 1 }) });
  world.bind(pod({ name: 'web', spec: { terminationGracePeriodSeconds: 30, containers: [container('app', { readinessProbe })] } }));
  const ready = (): string | undefined => world.pod('web').status.conditions?.find(({ type }) => type === 'Ready')?.status;
  await world.advanceUntil(() => ready() === 'True', 10_000);
  const labels = 'container="app",namespace="default",pod="web",probe_type="Readiness"';
  assert.match(world.kubelet.view.probeDurations(), new RegExp(`^prober_probe_duration_seconds_count\\{${labels}\\} [1-9]`, 'm'));
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await world.until(() => world.runtime.calls.some(({ method }) => method === 'stopContainer'));
  assert.equal(ready(), 'True');
  serves = false;
  await world.advanceUntil(() => ready() === 'False', 5_000);
  assert.equal(stateOf(world.pod('web')), 'running');
});
