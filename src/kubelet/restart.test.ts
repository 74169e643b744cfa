import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pods } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import { CriError } from '#cri/errors.ts';
import { type CgroupManager, noCgroups } from './cgroups/cgroup-manager.ts';
import { container, pod } from './testing/pods.ts';
import { startWorld, stateOf } from './testing/world.ts';

test('a kubelet that starts again takes over running containers without restarting them', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const before = world.pod('web').status;
  await world.restart();
  await world.settle();
  assert.equal(world.runtime.containers.length, 1);
  assert.equal(world.runtime.calls.filter(({ method }) => method === 'startContainer').length, 1);
  assert.equal(world.runtime.calls.filter(({ method }) => method === 'stopContainer').length, 0);
  assert.deepEqual(world.pod('web').status, before);
});

test('containers of a pod that went while no kubelet ran are stopped and removed', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  await world.kubelet.stop();
  world.server.erase(pods, 'web', 'default');
  await world.restart();
  await world.until(() => world.runtime.containers.length === 0 && world.runtime.sandboxes.length === 0);
});

test('a kubelet starts although the runtime cannot tell what an orphan is, and ends it later', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  await world.kubelet.stop();
  world.server.erase(pods, 'web', 'default');
  let asked = 0;
  world.runtime.intercept('containerStatus', () => {
    // The first call is for the list of what there is.
    if (++asked === 2) throw new CriError({ code: 'Unavailable', details: 'connection error', method: 'ContainerStatus' });
  });
  await world.restart();
  assert.ok(asked >= 2);
  await world.advanceUntil(() => world.runtime.containers.length === 0 && world.runtime.sandboxes.length === 0, 60_000);
});

test('a kubelet that starts while the API is out of reach ends nothing and removes nothing that it does not know yet', async (t) => {
  const world = await startWorld(t);
  let failures = 1; // what ended is kept
  world.runtime.behave('app', {
    started(container) {
      if (failures-- > 0) world.runtime.exit(container, 1);
    },
  });
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.runtime.containers.length === 2 && stateOf(world.pod('web')) === 'running');
  await world.kubelet.stop();
  world.server.setOffline(true);
  const before = world.runtime.containers.map(({ id, state }) => [id, state]);
  let started = false;
  const restarting = world.restart().then(() => (started = true));
  const until = world.clock.now() + 100_000;
  await world.advanceUntil(() => world.clock.now() >= until, 120_000);
  assert.deepEqual(
    world.runtime.containers.map(({ id, state }) => [id, state]),
    before,
  );
  world.server.setOffline(false);
  await world.advanceUntil(() => started, 60_000);
  await restarting;
  await world.settle();
  assert.equal(world.runtime.calls.filter(({ method }) => method === 'stopContainer').length, 0);
  assert.equal(stateOf(world.pod('web')), 'running');
});

test('a pod that comes while what orphans left is cleared away loses nothing', async (t) => {
  const looks: ((known: Parameters<CgroupManager['cleanOrphans']>[0]) => Promise<void>)[] = [];
  const world = await startWorld(t, { cgroups: { ...noCgroups, cleanOrphans: async (known) => looks.shift()?.(known) } });
  const asking = (cpu: string): Pod =>
    pod({ name: 'late', spec: { containers: [container('app', { resources: { requests: { cpu }, limits: { cpu } } })] } });
  const cleared = Promise.withResolvers<boolean>();
  looks.push(async (known) => {
    world.bind(asking('500m'));
    await world.until(() => world.server.stored(pods)[0]?.status.phase === 'Running');
    cleared.resolve(known.has('uid-late'));
  });
  await world.advanceUntil(() => looks.length === 0, 60_000);
  assert.ok(await cleared.promise, 'it is known as soon as it is there');
  await world.settle();
  world.server.change(pods, 'late', 'default', (current) => ({ ...current, spec: asking('1').spec }));
  await world.until(() => world.runtime.calls.some(({ method }) => method === 'updateContainerResources'));
});

test('a resize that is under way when the kubelet starts anew is told of until it is done, and that it is', async (t) => {
  const world = await startWorld(t);
  const asking = (cpu: string): Pod =>
    pod({ name: 'web', spec: { containers: [container('app', { resources: { requests: { cpu }, limits: { cpu } } })] } });
  world.bind(asking('500m'));
  await world.until(() => world.pod('web').status.phase === 'Running');
  let refused = true;
  world.runtime.intercept('updateContainerResources', () => {
    if (refused) throw new CriError({ code: 'Unknown', details: 'device is busy', method: 'UpdateContainerResources' });
  });
  world.server.change(pods, 'web', 'default', (current) => ({
    ...current,
    metadata: { ...current.metadata, generation: 2 },
    spec: asking('1').spec,
  }));
  const progress = () => world.pod('web').status.conditions?.find(({ type }) => type === 'PodResizeInProgress');
  await world.until(() => progress()?.reason === 'Error');
  await world.restart();
  await world.settle();
  assert.deepEqual([progress()?.reason, progress()?.observedGeneration], ['Error', 2]);
  refused = false;
  await world.advanceUntil(() => progress() === undefined, 60_000);
  assert.ok(world.told('web').some((told) => told.startsWith('ResizeCompleted Pod resize completed: ')));
});
