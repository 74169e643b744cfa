import assert from 'node:assert/strict';
import { test } from 'node:test';
import { configmaps, pods, runtimeclasses } from '#api/resources.ts';
import type { Pod } from '#api/types.ts';
import type { ContainerConfig } from '#cri/gen/objects.ts';
import { container, pod } from './testing/pods.ts';
import { startWorld, stateOf } from './testing/world.ts';

test('a bound pod runs, and its status says so', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', generation: 1 }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const { status } = world.pod('web');
  assert.equal(stateOf(world.pod('web')), 'running');
  assert.deepEqual(
    status.conditions?.map(({ type, status: value, observedGeneration }) => [type, value, observedGeneration]),
    ['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map((type) => [type, 'True', 1]),
  );
  assert.equal(status.hostIP, '192.0.2.10');
  assert.equal(status.podIP, world.runtime.sandboxes[0]?.ip);
  assert.deepEqual(world.told('web'), [
    'Pulled Container image "example.test/programs:1" already present on machine and can be accessed by the pod',
    'Created Container created',
    'Started Container started',
  ]);
});

test('a crashing container is restarted at once, then after 10, 20 and 40 seconds', async (t) => {
  const world = await startWorld(t);
  world.runtime.behave('app', { started: (started) => world.runtime.exit(started, 1) });
  world.bind(pod({ name: 'web' }));
  const starts: number[] = [];
  world.runtime.intercept('startContainer', () => void starts.push(world.clock.now()));
  await world.until(() => world.pod('web').status.containerStatuses?.[0]?.restartCount === 1);
  await world.until(() => stateOf(world.pod('web')) === 'waiting CrashLoopBackOff');
  const waiting = world.pod('web').status.containerStatuses?.[0];
  assert.equal(waiting?.state.waiting?.message, 'back-off 10s restarting failed container=app pod=web_default(uid-web)');
  assert.deepEqual([waiting?.lastState.terminated?.exitCode, waiting?.lastState.terminated?.reason], [1, 'Error']);
  await world.advanceUntil(() => starts.length === 5, 120_000);
  const gaps = starts.slice(1).map((at, index) => at - (starts[index] as number));
  assert.equal(gaps[0], 0);
  for (const [index, want] of [10_000, 20_000, 40_000].entries()) {
    const gap = gaps[index + 1] as number;
    assert.ok(gap >= want && gap <= want + 1000, `restart ${index + 2} came after ${gap} ms`);
  }
  assert.ok(world.told('web').includes('BackOff Back-off restarting failed container app in pod web_default(uid-web)'));
  assert.equal(world.pod('web').status.phase, 'Running');
});

test('a pod that runs to its end succeeds, and keeps its address', async (t) => {
  const world = await startWorld(t);
  world.runtime.behave('app', { started: (started) => world.runtime.exit(started, 0) });
  world.bind(pod({ name: 'job', spec: { restartPolicy: 'Never' } }));
  await world.until(() => world.pod('job').status.phase === 'Succeeded');
  assert.equal(stateOf(world.pod('job')), 'terminated Completed 0');
  assert.deepEqual(
    world
      .pod('job')
      .status.conditions?.filter(({ type }) => type === 'Ready')
      .map(({ status, reason }) => [status, reason]),
    [['False', 'PodCompleted']],
  );
  assert.notEqual(world.pod('job').status.podIP, undefined);
});

test('init containers run one after the other before the container', async (t) => {
  const world = await startWorld(t);
  const started: string[] = [];
  for (const name of ['one', 'two']) {
    world.runtime.behave(name, {
      started(each) {
        started.push(name);
        world.runtime.exit(each, 0);
      },
    });
  }
  world.runtime.behave('app', { started: () => void started.push('app') });
  world.bind(pod({ name: 'web', spec: { initContainers: [container('one'), container('two')] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  assert.deepEqual(started, ['one', 'two', 'app']);
  assert.deepEqual(
    world.pod('web').status.initContainerStatuses?.map(({ name, ready }) => [name, ready]),
    [
      ['one', true],
      ['two', true],
    ],
  );
});

test('a deleted pod is stopped within its grace period and removed for good', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  await world.client.delete(pods, { name: 'web', namespace: 'default' }, { gracePeriodSeconds: 7 });
  await world.until(() => world.server.stored(pods).length === 0);
  const stop = world.runtime.calls.find(({ method }) => method === 'stopContainer');
  assert.equal(stop?.request['timeout'], 7);
  await world.until(() => world.runtime.containers.length === 0 && world.runtime.sandboxes.length === 0);
  assert.ok(world.told('web').includes('Killing Stopping container app'));
});

test('sidecars end after the containers, the last first', async (t) => {
  const world = await startWorld(t);
  const sidecar = (name: string): ReturnType<typeof container> => container(name, { restartPolicy: 'Always' });
  world.bind(pod({ name: 'web', spec: { initContainers: [sidecar('first'), sidecar('second')] } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const names = new Map(world.runtime.containers.map(({ id, config }) => [id, config.metadata?.name]));
  await world.client.delete(pods, { name: 'web', namespace: 'default' });
  await world.until(() => world.server.stored(pods).length === 0);
  const stopped = world.runtime.calls
    .filter(({ method }) => method === 'stopContainer')
    .map(({ request }) => names.get(request['containerId'] as string));
  assert.deepEqual(stopped, ['app', 'second', 'first']);
});

test('a pod deleted by force is stopped all the same', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  world.server.erase(pods, 'web', 'default');
  await world.until(() => world.runtime.containers.length === 0 && world.runtime.sandboxes.length === 0);
});

test('a sandbox that was lost is made anew, and its containers with it', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  world.runtime.loseSandbox(world.runtime.sandboxes[0] as (typeof world.runtime.sandboxes)[number]);
  await world.advanceUntil(
    () => world.pod('web').status.containerStatuses?.[0]?.restartCount === 1 && stateOf(world.pod('web')) === 'running',
    30_000,
  );
  assert.ok(world.told('web').includes('SandboxChanged Pod sandbox changed, it will be killed and re-created.'));
  assert.equal(world.pod('web').status.podIP, world.runtime.sandboxes.find(({ state }) => state === 'SANDBOX_READY')?.ip);
});

for (const c of [
  {
    name: 'an image that cannot be pulled',
    container: container('app', { image: 'example.test/none:1' }),
    first: 'waiting ErrImagePull',
    then: 'waiting ImagePullBackOff',
    event: 'Failed Error: ErrImagePull',
  },
  {
    name: 'an image that is not there and may not be pulled',
    container: container('app', { image: 'example.test/none:1', imagePullPolicy: 'Never' }),
    first: 'waiting ErrImageNeverPull',
    event: 'ErrImageNeverPull Container image "example.test/none:1" is not present with pull policy of Never',
  },
  {
    name: 'a name no image can have',
    container: container('app', { image: 'Example/UPPER:1' }),
    first: 'waiting InvalidImageName',
    event:
      'InspectFailed Failed to apply default image tag "Example/UPPER:1": couldn\'t parse image name "Example/UPPER:1": invalid reference format: repository name (Example/UPPER) must be lowercase',
  },
  {
    name: 'a ConfigMap that is not there',
    container: container('app', { envFrom: [{ configMapRef: { name: 'settings' } }] }),
    first: 'waiting CreateContainerConfigError',
    event: 'Failed Error: configmap "settings" not found',
  },
  {
    name: 'a user that may not be root',
    container: container('app', { securityContext: { runAsNonRoot: true } }),
    first: 'waiting CreateContainerConfigError',
    event: 'Failed Error: container has runAsNonRoot and image will run as root (pod: "web_default(uid-web)", container: app)',
  },
]) {
  test(`${c.name} shows in status and events`, async (t) => {
    const world = await startWorld(t);
    world.bind(pod({ name: 'web', spec: { containers: [c.container] } }));
    await world.until(() => stateOf(world.pod('web')) === c.first);
    await world.until(() => world.told('web').includes(c.event), c.event);
    if (c.then !== undefined) await world.advanceUntil(() => stateOf(world.pod('web')) === c.then, 60_000);
    assert.equal(world.pod('web').status.phase, 'Pending');
  });
}

test('an image that appears in the registry is pulled when its back-off is over', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { image: 'example.test/late:1' })] } }));
  await world.until(() => stateOf(world.pod('web')) === 'waiting ErrImagePull');
  world.runtime.publishImage('example.test/late:1', { size: 1234 });
  await world.advanceUntil(() => stateOf(world.pod('web')) === 'running', 60_000);
  const pulled = world.told('web').find((event) => event.startsWith('Pulled'));
  assert.match(
    pulled ?? '',
    /^Pulled Successfully pulled image "example\.test\/late:1" in \S+ \(\S+ including waiting\)\. Image size: 1234 bytes\.$/,
  );
});

test('a pod that is deleted while its image is pulled does not wait for it', async (t) => {
  const world = await startWorld(t);
  const pulling = Promise.withResolvers<void>();
  world.runtime.intercept('pullImage', () => pulling.promise);
  for (const name of ['first', 'second']) {
    world.bind(pod({ name, spec: { containers: [container('app', { image: `example.test/${name}:1` })] } }));
    await world.until(() => world.told(name).includes(`Pulling Pulling image "example.test/${name}:1"`));
  }
  for (const name of ['second', 'first']) {
    await world.client.delete(pods, { name, namespace: 'default' }, { gracePeriodSeconds: 0 });
    await world.until(() => world.runtime.sandboxes.every(({ config }) => config.metadata?.name !== name));
  }
  pulling.resolve();
  assert.deepEqual(world.told('first'), ['Pulling Pulling image "example.test/first:1"']);
});

test('a container starts as soon as what it refers to is there', async (t) => {
  const world = await startWorld(t);
  const env = [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } }];
  world.bind(pod({ name: 'web', spec: { containers: [container('app', { env })] } }));
  await world.until(() => stateOf(world.pod('web')) === 'waiting CreateContainerConfigError');
  await world.client.create(configmaps, { metadata: { name: 'settings', namespace: 'default' }, data: { colour: 'blue' } });
  await world.until(() => stateOf(world.pod('web')) === 'running');
  const envs = world.runtime.container('app').config.envs.map(({ key, value }) => `${key}=${Buffer.from(value).toString()}`);
  assert.ok(envs.includes('COLOUR=blue'));
});

test('a pod the node has no room for fails with the reason', async (t) => {
  const world = await startWorld(t);
  const asking = (name: string, cpu: string): void =>
    world.bind(pod({ name, spec: { containers: [container('app', { resources: { requests: { cpu } } })] } }));
  asking('one', '3');
  await world.until(() => world.pod('one').status.phase === 'Running');
  asking('two', '2');
  await world.until(() => world.pod('two').status.phase === 'Failed');
  const { reason, message } = world.pod('two').status;
  assert.deepEqual(
    [reason, message],
    ['OutOfcpu', "Pod was rejected: Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000"],
  );
  assert.ok(world.told('two').includes("OutOfcpu Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000"));
  await world.client.delete(pods, { name: 'two', namespace: 'default' });
  await world.until(() => world.server.stored(pods).length === 1);
});

test('a critical pod gets room at the expense of others', async (t) => {
  const world = await startWorld(t);
  const asking = (name: string, cpu: string, priority: number): void =>
    world.bind(pod({ name, spec: { priority, containers: [container('app', { resources: { requests: { cpu } } })] } }));
  asking('plain', '3', 0);
  await world.until(() => world.pod('plain').status.phase === 'Running');
  asking('critical', '2', 2_000_000_000);
  await world.until(() => world.pod('critical').status.phase === 'Running');
  await world.until(() => world.pod('plain').status.phase === 'Failed');
  assert.equal(world.pod('plain').status.reason, 'Preempting');
  assert.equal(world.pod('plain').status.conditions?.find(({ type }) => type === 'DisruptionTarget')?.reason, 'TerminationByKubelet');
});

test('a pod past its deadline fails', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', spec: { activeDeadlineSeconds: 30 } }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const began = world.clock.now();
  await world.advanceUntil(() => world.pod('web').status.phase === 'Failed', 40_000);
  assert.ok(world.clock.now() - began >= 29_000);
  assert.equal(world.pod('web').status.reason, 'DeadlineExceeded');
  assert.equal(world.pod('web').status.message, 'Pod was active on the node longer than the specified deadline');
});

test('a pod fails at a deadline that it got while it ran, even if its program then ends well', async (t) => {
  const world = await startWorld(t);
  world.runtime.behave('app', { onTerm: 0 });
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  const ref = { name: 'web', namespace: 'default' };
  await world.client.patch(pods, ref, { type: 'merge', body: { spec: { activeDeadlineSeconds: 1 } } });
  await world.advanceUntil(() => world.pod('web').status.phase === 'Failed', 5000);
  assert.equal(world.pod('web').status.reason, 'DeadlineExceeded');
});

test('resources of a running container change without a restart, and events tell how it goes', async (t) => {
  const world = await startWorld(t);
  const asking = (generation: number, cpu: string, memory = '64Mi'): Pod => {
    const resources = { requests: { cpu, memory }, limits: { cpu } };
    return pod({ name: 'web', generation, spec: { containers: [container('app', { resources })] } });
  };
  const ask = (wanted: Pod): Pod =>
    world.server.change(pods, 'web', 'default', (current) => ({
      ...current,
      metadata: { ...current.metadata, generation: wanted.metadata.generation ?? 0 },
      spec: wanted.spec,
    }));
  const resizing = () => world.pod('web').status.conditions?.find(({ type }) => type.startsWith('PodResize'));
  const told = (what: string, resources: object, generation: number, error?: string): string =>
    `Pod resize ${what}: ${JSON.stringify({ containers: [{ name: 'app', resources }], generation, ...(error === undefined ? {} : { error }) })}`;
  const resources = (cpu: string, memory = '64Mi'): object => ({ limits: { cpu }, requests: { cpu, memory } });
  world.bind(asking(1, '500m'));
  await world.until(() => world.pod('web').status.phase === 'Running');
  ask(asking(2, '1'));
  await world.until(() => world.runtime.calls.some(({ method }) => method === 'updateContainerResources'));
  const update = world.runtime.calls.find(({ method }) => method === 'updateContainerResources');
  const linux = update?.request['linux'] as { readonly cpuQuota: number; readonly cpuShares: number } | undefined;
  assert.deepEqual([linux?.cpuQuota, linux?.cpuShares], [100_000, 1024]);
  await world.until(() => world.runtime.calls.some(({ method }) => method === 'updatePodSandboxResources'));
  const sandbox = world.runtime.calls.find(({ method }) => method === 'updatePodSandboxResources')?.request;
  const whole = sandbox?.['resources'] as { readonly cpuQuota: number; readonly cpuShares: number } | undefined;
  assert.deepEqual([sandbox?.['podSandboxId'], whole?.cpuShares, whole?.cpuQuota], [world.runtime.sandboxes[0]?.id, 1024, 100_000]);
  await world.until(() => world.pod('web').status.containerStatuses?.[0]?.allocatedResources?.['cpu'] === '1');
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.restartCount, 0);
  await world.until(() => world.told('web').includes(`ResizeCompleted ${told('completed', resources('1'), 2)}`));
  assert.ok(world.told('web').includes(`ResizeStarted ${told('started', resources('1'), 2)}`));

  ask(asking(3, '1', '128Mi'));
  await world.until(() => world.told('web').includes(`ResizeCompleted ${told('completed', resources('1', '128Mi'), 3)}`));
  await world.until(() => resizing() === undefined);

  ask(asking(4, '9', '128Mi'));
  await world.until(() => resizing()?.reason === 'Infeasible');
  const why = resizing()?.message ?? '';
  assert.deepEqual([resizing()?.type, resizing()?.observedGeneration], ['PodResizePending', 4]);
  await world.until(() => world.told('web').includes(`ResizeInfeasible ${told('Infeasible', resources('9', '128Mi'), 4, why)}`));
});

test('what one pod gives back by a resize is given to another that waits for it', async (t) => {
  const world = await startWorld(t);
  const of = (name: string, generation: number, cpu: string): Pod =>
    pod({ name, generation, spec: { containers: [container('app', { resources: { requests: { cpu } } })] } });
  const ask = (wanted: Pod): Pod =>
    world.server.change(pods, wanted.metadata.name, 'default', (current) => ({
      ...current,
      metadata: { ...current.metadata, generation: wanted.metadata.generation ?? 0 },
      spec: wanted.spec,
    }));
  for (const name of ['one', 'two']) world.bind(of(name, 1, '1'));
  await world.until(() => ['one', 'two'].every((name) => world.pod(name).status.phase === 'Running'));
  const given = (name: string) => world.pod(name).status.containerStatuses?.[0]?.allocatedResources?.['cpu'];
  ask(of('one', 2, '3500m'));
  await world.until(() => world.pod('one').status.conditions?.some(({ reason }) => reason === 'Deferred') === true);
  ask(of('two', 2, '100m'));
  await world.until(() => given('one') === '3500m' && given('two') === '100m');
});

test('a pod as a whole gets other resources, and memory in use is not taken away', async (t) => {
  const world = await startWorld(t);
  const of = (generation: number, cpu: string, memory: string): Pod => {
    const resources = { requests: { cpu, memory }, limits: { cpu, memory } };
    return pod({ name: 'web', generation, spec: { resources, containers: [container('app')] } });
  };
  const ask = (wanted: Pod): Pod =>
    world.server.change(pods, 'web', 'default', (current) => ({
      ...current,
      metadata: { ...current.metadata, generation: wanted.metadata.generation ?? 0 },
      spec: wanted.spec,
    }));
  const asked = () => world.pod('web').status;
  const resizing = () => asked().conditions?.find(({ type }) => type.startsWith('PodResize'));
  world.bind(of(1, '500m', '64Mi'));
  await world.until(() => asked().phase === 'Running');
  assert.deepEqual(
    [asked().resources, asked().allocatedResources],
    [of(1, '500m', '64Mi').spec.resources, { cpu: '500m', memory: '64Mi' }],
  );

  ask(of(2, '1', '128Mi'));
  await world.until(() => asked().resources?.limits?.['cpu'] === '1' && resizing() === undefined);
  assert.deepEqual(asked().resources, of(2, '1', '128Mi').spec.resources);
  const limits = world.runtime.calls
    .filter(({ method }) => method === 'updateContainerResources')
    .map(({ request }) => request['linux'] as { readonly cpuQuota: number; readonly memoryLimitInBytes: number });
  assert.deepEqual([limits.at(-1)?.cpuQuota, limits.at(-1)?.memoryLimitInBytes], [100_000, 128 * 2 ** 20]);

  const id = asked().containerStatuses?.[0]?.containerID?.replace(/^.*:\/\//, '') ?? '';
  world.runtime.setUsage(id, { memory: { usageBytes: { value: 4_000_000 } } });
  ask(of(3, '1', '1Mi'));
  await world.until(() => resizing()?.reason === 'Error');
  assert.deepEqual(
    [resizing()?.type, resizing()?.message],
    [
      'PodResizeInProgress',
      'cannot decrease memory limits: attempting to set container "app" memory limit (1048576) below current usage (4000000)',
    ],
  );
  assert.equal(asked().resources?.limits?.['memory'], '128Mi');
  ask(of(4, '1', '64Mi'));
  await world.until(() => resizing() === undefined && asked().resources?.limits?.['memory'] === '64Mi');
});

test('lists alone notice the end of a container where the runtime has no events', async (t) => {
  const world = await startWorld(t, { events: 'unimplemented' });
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  world.runtime.exit(world.runtime.container('app'), 0);
  await world.advanceUntil(() => world.pod('web').status.containerStatuses?.[0]?.restartCount === 1, 3000);
});

test('pods run on while the API is out of reach, and their status follows later', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web' }));
  await world.until(() => world.pod('web').status.phase === 'Running');
  world.server.setOffline(true);
  world.runtime.exit(world.runtime.container('app'), 0);
  await world.advanceUntil(() => world.runtime.containers.filter(({ state }) => state === 'CONTAINER_RUNNING').length === 1, 5000);
  assert.equal(world.pod('web').status.containerStatuses?.[0]?.restartCount, 0);
  world.server.setOffline(false);
  await world.advanceUntil(() => world.pod('web').status.containerStatuses?.[0]?.restartCount === 1, 30_000);
});

test('a runtime class names the handler of the sandbox, and keeps the pod back while it is not there', async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', spec: { runtimeClassName: 'boxed' } }));
  const told = 'FailedCreatePodSandBox Failed to create pod sandbox: runtimeclass.node.k8s.io "boxed" not found';
  await world.until(() => world.told('web').includes(told));
  await world.client.create(runtimeclasses, { metadata: { name: 'boxed' }, handler: 'box' });
  await world.advanceUntil(() => world.pod('web').status.phase === 'Running', 30_000);
  const handlers = world.runtime.calls.flatMap(({ method, request }) => (method === 'runPodSandbox' ? [request['runtimeHandler']] : []));
  assert.deepEqual(handlers, ['box']);
});

test('a pod that is to have a longer name than the kernel keeps is told so', async (t) => {
  const world = await startWorld(t, { config: { clusterDomain: 'cluster.local' } });
  const [hostname, subdomain] = ['h'.repeat(30), 's'.repeat(20)];
  world.bind(pod({ name: 'web', spec: { hostname, subdomain, setHostnameAsFQDN: true } }));
  const name = `${hostname}.${subdomain}.default.svc.cluster.local`;
  const why = `FQDN ${name} is too long (64 characters is the max, ${name.length} characters requested)`;
  const told = `FailedCreatePodSandBox Failed to create pod sandbox: failed to construct FQDN from Pod hostname and cluster domain, ${why}`;
  await world.until(() => world.told('web').includes(told));
  assert.deepEqual(world.runtime.sandboxes, []);
});

test("a pod that is to have users of its own does not run with the node's", async (t) => {
  const world = await startWorld(t);
  world.bind(pod({ name: 'web', spec: { hostUsers: false } }));
  const why = "can't set `spec.hostUsers: false`, runtime does not support user namespaces";
  await world.until(() => world.told('web').includes(`FailedCreatePodSandBox Failed to create pod sandbox: ${why}`));
  await world.settle();
  assert.deepEqual(world.runtime.sandboxes, []);
});

test("an image volume is pulled and mounted by the runtime, and its failure is the container's", async (t) => {
  const world = await startWorld(t);
  const volumes = [{ name: 'files', image: { reference: 'example.test/files:1', pullPolicy: 'IfNotPresent' as const } }];
  const volumeMounts = [{ name: 'files', mountPath: '/files', subPath: 'etc' }];
  world.bind(pod({ name: 'web', spec: { volumes, containers: [container('app', { volumeMounts })] } }));
  await world.until(() => stateOf(world.pod('web')) === 'waiting ErrImagePull');
  world.runtime.addImage('example.test/files:1');
  await world.advanceUntil(() => world.pod('web').status.phase === 'Running', 60_000);
  const { request } = world.runtime.calls.find(({ method }) => method === 'createContainer') ?? assert.fail('no container was created');
  const { mounts } = request['config'] as ContainerConfig;
  const mount = mounts.find(({ containerPath }) => containerPath === '/files');
  assert.deepEqual([mount?.image?.userSpecifiedImage, mount?.imageSubPath, mount?.hostPath], ['example.test/files:1', 'etc', '']);
});
