// What may change about a pod while it lives, and how it is reached, refused and ended: generations, resources, ephemeral
// containers, gates, deadlines, runtime classes, taints.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { nodes, pods as podResource, runtimeclasses } from '#api/resources.ts';
import type { New, Pod } from '#api/types.ts';
import { succeed } from '../harness/command.ts';
import { podSet } from '../harness/pods.ts';
import { readWebSocket } from '../harness/websocket.ts';

type Container = NonNullable<New<NonNullable<Pod['spec']>>['containers']>[number];

const IMAGE = 'example.test/tools:1';
const cluster = await startCluster({ after });
await cluster.importImage({ name: IMAGE, programs: ['sh', 'sleep', 'cat', 'grep', 'true', 'false', 'echo'] });
await cluster.importImage({ name: 'example.test/tools:2', programs: ['sh', 'sleep', 'cat', 'true'] });
const pods = await podSet({ after }, cluster, 'changes');
const { client, namespace } = pods;

const STAYS = 'trap "exit 0" TERM; while true; do sleep 0.2; done';
const stays = (name = 'main'): Container => ({ name, image: IMAGE, imagePullPolicy: 'Never', command: ['sh', '-c', STAYS] });
const ref = (name: string) => ({ namespace, name });
const ready = (pod: Pod) => pod.status.conditions?.some((each) => each.type === 'Ready' && each.status === 'True') === true;
const condition = (pod: Pod, type: string) => pod.status.conditions?.find((each) => each.type === type);
const merge = (body: unknown) => ({ type: 'strategic', body }) as const;
const patch = (name: string, body: unknown, subresource?: string) =>
  client.patch(podResource, ref(name), merge(body), subresource === undefined ? {} : { subresource });
const kubectl = (command: string, ...rest: readonly string[]) => cluster.kubectl.succeed([command, '-n', namespace, ...rest]);

describe('a pod', { concurrency: true }, () => {
  test('the generation of a pod counts changes of its spec, and its status tells which the node has seen', async () => {
    await client.create(podResource, {
      metadata: { name: 'counted', namespace, generation: 100 },
      spec: { initContainers: [{ ...stays('init'), command: ['true'] }], containers: [stays()] },
    });
    const running = await pods.until('counted', ready);
    assert.equal(running.metadata.generation, 1);
    const changes: readonly (readonly [unknown, number])[] = [
      [{}, 1],
      [{ spec: { tolerations: [{ key: 'foo', operator: 'Equal', value: 'bar', effect: 'NoSchedule' }] } }, 2],
      [{ spec: { activeDeadlineSeconds: 5000 } }, 3],
      [{ spec: { containers: [{ name: 'main', image: 'example.test/tools:2' }] } }, 4],
      [{ spec: { initContainers: [{ name: 'init', image: 'example.test/tools:2' }] } }, 5],
      [{ metadata: { annotations: { key: 'value' } } }, 5],
      [{ metadata: { generation: 1 } }, 5],
    ];
    for (const [body, generation] of changes) assert.equal((await patch('counted', body)).metadata.generation, generation);
    await pods.until('counted', (pod) => pod.status.observedGeneration === 5 && pod.status.containerStatuses?.[0]?.restartCount === 1);
    for (let i = 0; i < 100; i++) await patch('counted', { spec: { activeDeadlineSeconds: 4999 - i } });
    const many = await pods.until('counted', (pod) => pod.status.observedGeneration === 105);
    assert.equal(many.metadata.generation, 105);
    assert.equal(condition(many, 'Ready')?.observedGeneration, 105);
    await client.delete(podResource, ref('counted'), { gracePeriodSeconds: 60 });
    await pods.gone('counted');
  });

  test('containers get other resources in place, forth and back, and none restarts', async () => {
    const amounts = (cpu?: string, memory?: string) => ({ ...(cpu && { cpu }), ...(memory && { memory }) });
    type Resources = { readonly requests?: object; readonly limits?: object };
    const guaranteed = (cpu: string, memory: string): Resources => ({ requests: amounts(cpu, memory), limits: amounts(cpu, memory) });
    const cases: Readonly<
      Record<string, { readonly from: readonly Resources[]; readonly to: readonly Resources[]; readonly back: boolean }>
    > = {
      'net-increase': {
        from: [guaranteed('20m', '35Mi'), guaranteed('22m', '37Mi'), guaranteed('24m', '39Mi')],
        to: [guaranteed('25m', '40Mi'), guaranteed('27m', '42Mi'), guaranteed('19m', '34Mi')],
        back: true,
      },
      'net-decrease': {
        from: [guaranteed('20m', '35Mi'), guaranteed('22m', '37Mi'), guaranteed('24m', '39Mi')],
        to: [guaranteed('25m', '40Mi'), guaranteed('17m', '32Mi'), guaranteed('19m', '34Mi')],
        back: true,
      },
      mixed: {
        from: [guaranteed('20m', '35Mi'), guaranteed('22m', '37Mi'), guaranteed('24m', '39Mi')],
        to: [guaranteed('25m', '35Mi'), guaranteed('17m', '42Mi'), guaranteed('29m', '44Mi')],
        back: true,
      },
      equivalents: {
        from: [{ requests: amounts('2m'), limits: amounts('10m') }],
        to: [{ requests: amounts('1m'), limits: amounts('5m') }],
        back: true,
      },
      various: {
        from: [
          { requests: amounts('20m') },
          { requests: amounts(undefined, '35Mi') },
          { requests: amounts('20m', '35Mi') },
          { requests: amounts('20m') },
          { requests: amounts(undefined, '35Mi') },
        ],
        to: [
          { requests: amounts('25m'), limits: amounts('35m') },
          { requests: amounts(undefined, '30Mi'), limits: amounts(undefined, '50Mi') },
          { requests: amounts('20m', '30Mi') },
          { requests: amounts('15m', '35Mi') },
          { requests: amounts('20m', '40Mi') },
        ],
        back: false,
      },
    };
    const body = (resources: readonly Resources[]) => ({
      spec: { containers: resources.map((each, i) => ({ name: `c${i}`, resources: each })) },
    });
    const settled = (resources: readonly Resources[], generation: number) => (pod: Pod) =>
      pod.status.observedGeneration === generation &&
      condition(pod, 'PodResizeInProgress') === undefined &&
      condition(pod, 'PodResizePending') === undefined &&
      JSON.stringify(pod.status.containerStatuses?.map((each) => each.resources)) ===
        JSON.stringify(resources.map(({ limits, requests }) => ({ ...(limits && { limits }), requests })));
    await Promise.all(
      Object.entries(cases).map(async ([name, { from, to, back }]) => {
        await pods.run(name, { containers: from.map((resources, i) => ({ ...stays(`c${i}`), resources })) });
        await pods.until(name, ready);
        await patch(name, body(to), 'resize');
        await pods.until(name, settled(to, 2));
        if (back) {
          await patch(name, body(from), 'resize');
          await pods.until(name, settled(from, 3));
        }
        const last = await pods.until(name, ready);
        assert.ok(last.status.containerStatuses?.every((each) => each.restartCount === 0));
      }),
    );
    const { status, ...whole } = await client.get(podResource, ref('equivalents'));
    const [container] = whole.spec.containers;
    assert.ok(container && status);
    const replaced = await client.update(
      podResource,
      {
        ...whole,
        spec: { ...whole.spec, containers: [{ ...container, resources: { requests: { cpu: '3m' }, limits: { cpu: '20m' } } }] },
      } as New<Pod>,
      { subresource: 'resize' },
    );
    assert.equal(replaced.metadata.generation, 4);
    await pods.until('equivalents', settled([{ requests: { cpu: '3m' }, limits: { cpu: '20m' } }], 4));
  });

  test('an init container that runs, and a pod as a whole, get other resources in place', async () => {
    const both = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    const first = { ...stays('first'), resources: both('20m', '35Mi') };
    await pods.run('beginning', { initContainers: [first], containers: [stays()] });
    await pods.run('whole', { resources: both('50m', '60Mi'), containers: [stays()] });
    const inForce = (resources: object | undefined, wanted: object) => JSON.stringify(resources) === JSON.stringify(wanted);
    const shown = ({ limits, requests }: ReturnType<typeof both>) => ({ limits, requests });
    const calm = (pod: Pod) => pod.status.conditions?.some(({ type }) => type.startsWith('PodResize')) !== true;
    const limitOf = async (name: string, container: string) => {
      const files = '/sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes';
      return Number(await kubectl('exec', name, '-c', container, '--', 'sh', '-c', `cat ${files} 2>/dev/null || true`));
    };
    await pods.until('beginning', ({ status }) => status.initContainerStatuses?.[0]?.state?.running !== undefined);
    await pods.until('whole', ready);
    assert.equal(await limitOf('whole', 'main'), 60 * 2 ** 20);
    for (const wanted of [both('40m', '70Mi'), both('25m', '40Mi')]) {
      await patch('beginning', { spec: { initContainers: [{ name: 'first', resources: wanted }] } }, 'resize');
      await patch('whole', { spec: { resources: wanted } }, 'resize');
      await pods.until('beginning', (pod) => calm(pod) && inForce(pod.status.initContainerStatuses?.[0]?.resources, shown(wanted)));
      const whole = await pods.until('whole', (pod) => calm(pod) && inForce(pod.status.resources, shown(wanted)));
      assert.deepEqual(whole.status.allocatedResources, wanted.requests);
      const bytes = Number.parseInt(wanted.limits.memory, 10) * 2 ** 20;
      assert.deepEqual([await limitOf('beginning', 'first'), await limitOf('whole', 'main')], [bytes, bytes]);
      const own = (await succeed('find', ['/sys/fs/cgroup', '-name', `pod${whole.metadata.uid}`])).trim().split('\n');
      const files = own.flatMap((folder) => [join(folder, 'memory.max'), join(folder, 'memory.limit_in_bytes')]).filter(existsSync);
      assert.deepEqual([...new Set(files.map((file) => Number(readFileSync(file, 'utf8'))))], [bytes]);
    }
    assert.equal((await client.get(podResource, ref('whole'))).status.containerStatuses?.[0]?.restartCount, 0);
  });

  test('memory in use is not taken away by a resize', async () => {
    const of = (memory: string) => ({ requests: { memory }, limits: { memory } });
    await pods.run('used', { containers: [{ ...stays(), resources: of('35Mi') }] });
    await pods.until('used', ready);
    await patch('used', { spec: { containers: [{ name: 'main', resources: of('10Ki') }] } }, 'resize');
    const held = await pods.until('used', (pod) => condition(pod, 'PodResizeInProgress')?.reason === 'Error');
    assert.match(condition(held, 'PodResizeInProgress')?.message ?? '', /memory limit \(10240\) below current usage \(\d+\)/);
    assert.equal(held.status.containerStatuses?.[0]?.resources?.limits?.['memory'], '35Mi');
    await patch('used', { spec: { containers: [{ name: 'main', resources: of('40Mi') }] } }, 'resize');
    await pods.until(
      'used',
      (pod) =>
        condition(pod, 'PodResizeInProgress') === undefined && pod.status.containerStatuses?.[0]?.resources?.limits?.['memory'] === '40Mi',
    );
  });

  test('ephemeral containers join a running pod, one after the other', async () => {
    await pods.run('joined', { containers: [stays()] });
    const pod = await pods.until('joined', ready);
    const joins = (name: string) =>
      pods.until('joined', ({ status }) =>
        (status.ephemeralContainerStatuses ?? []).some((each) => each.name === name && each.state?.running !== undefined),
      );
    const first = { ...stays('first'), command: ['sh', '-c', 'while true; do echo polo; sleep 0.2; done'], stdin: true, tty: true };
    const patched = await patch('joined', { spec: { ephemeralContainers: [first] } }, 'ephemeralcontainers');
    assert.deepEqual([pod.metadata.generation, patched.metadata.generation], [1, 2]);
    await joins('first');
    assert.equal(await kubectl('exec', 'joined', '-c', 'first', '--', 'echo', 'marco'), 'marco\n');
    await pods.writes('joined', /^polo$/, 'first');

    const seen = await client.get(podResource, ref('joined'), { subresource: 'ephemeralcontainers' });
    assert.equal(seen.spec.ephemeralContainers?.length, 1);
    const second = { ...stays('second'), terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File' as const };
    const both = { ...seen, spec: { ...seen.spec, ephemeralContainers: [...(seen.spec.ephemeralContainers ?? []), second] } };
    await client.update(podResource, both as New<Pod>, { subresource: 'ephemeralcontainers' });
    const joined = await joins('second');
    assert.equal(joined.spec.ephemeralContainers?.length, 2);
    assert.equal(joined.status.containerStatuses?.[0]?.restartCount, 0);
  });

  test('output of a command and the log of a container come over WebSockets', async () => {
    const command = ['sh', '-c', 'echo container is alive; sleep 3600'];
    await pods.run('heard', { terminationGracePeriodSeconds: 1, containers: [{ ...stays(), command }] });
    await pods.until('heard', ready);
    const read = (path: string, protocol: string) =>
      readWebSocket(cluster.kubeconfig, `/api/v1/namespaces/${namespace}/pods/heard/${path}`, protocol);
    for (const protocol of ['channel.k8s.io', 'v4.channel.k8s.io', 'v5.channel.k8s.io']) {
      const messages = await read('exec?stderr=1&stdout=1&container=main&command=echo&command=remote%20execution%20test', protocol);
      const said = (channel: number) => Buffer.concat(messages.filter((each) => each[0] === channel).map((each) => each.subarray(1)));
      assert.deepEqual([said(1).toString(), said(2).toString()], ['remote execution test\n', ''], protocol);
    }
    await pods.writes('heard', /alive/);
    assert.equal(Buffer.concat(await read('log?container=main', 'binary.k8s.io')).toString(), 'container is alive\n');
  });

  test('a pod is ready once all that it waits for says so, and what others write to its status stays', async () => {
    const gates = ['example.test/one', 'example.test/two'];
    await pods.run('gated', { readinessGates: gates.map((conditionType) => ({ conditionType })), containers: [stays()] });
    const open = (type: string | undefined, status: 'True' | 'False') =>
      patch('gated', { status: { conditions: [{ type, status }] } }, 'status');
    const unready = (message: string) => (pod: Pod) =>
      condition(pod, 'ContainersReady')?.status === 'True' &&
      condition(pod, 'Ready')?.status === 'False' &&
      condition(pod, 'Ready')?.reason === 'ReadinessGatesNotReady' &&
      condition(pod, 'Ready')?.message === message;
    await pods.until(
      'gated',
      unready(gates.map((gate) => `corresponding condition of pod readiness gate "${gate}" does not exist.`).join(', ')),
    );
    await open(gates[0], 'True');
    await pods.until('gated', unready(`corresponding condition of pod readiness gate "${gates[1]}" does not exist.`));
    await open(gates[1], 'True');
    await pods.until('gated', ready);
    await open(gates[0], 'False');
    await pods.until('gated', unready(`the status of pod readiness gate "${gates[0]}" is not "True", but False`));
  });

  test('a pod is followed by its label from its making to its end, which comes with its grace', async () => {
    const labelSelector = 'walk=lifecycle';
    const { metadata } = await client.list(podResource, { labelSelector });
    const watch = client.watch(podResource, { namespace, labelSelector, resourceVersion: metadata.resourceVersion ?? '' });
    await pods.run('followed', { containers: [stays()] }, { labels: { walk: 'lifecycle' } });
    await pods.until('followed', ready);
    const change = { metadata: { labels: { further: 'yes' } }, spec: { containers: [{ name: 'main', image: 'example.test/tools:2' }] } };
    const changed = await patch('followed', change);
    assert.deepEqual([changed.metadata.labels?.['further'], changed.spec.containers[0]?.image], ['yes', 'example.test/tools:2']);
    await pods.until('followed', (pod) => ready(pod) && pod.status.containerStatuses?.[0]?.restartCount === 1);

    const seen = await client.get(podResource, ref('followed'), { subresource: 'status' });
    const conditions = seen.status.conditions?.map((each) => (/Ready$/.test(each.type) ? { ...each, status: 'False' } : each));
    const replaced = await client.update(podResource, { ...seen, status: { ...seen.status, conditions } } as New<Pod>, {
      subresource: 'status',
    });
    assert.equal(condition(replaced, 'Ready')?.status, 'False');
    await pods.until('followed', ready); // the kubelet knows better

    await client.deleteCollection(podResource, { namespace, labelSelector }, { gracePeriodSeconds: 7 });
    const types: string[] = [];
    for await (const event of watch) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type !== types.at(-1)) types.push(event.type);
      if (event.type !== 'DELETED') continue;
      assert.notEqual(event.object.metadata.deletionTimestamp, undefined);
      assert.equal(event.object.spec.terminationGracePeriodSeconds, 30);
      break;
    }
    assert.deepEqual(types, ['ADDED', 'MODIFIED', 'DELETED']);
    assert.deepEqual((await client.list(podResource, { namespace, labelSelector })).items, []);
  });

  test('pods that are deleted while they come up go, and none of them ever seems to have done well', async () => {
    const labelSelector = 'walk=brief';
    const failing = { ...stays('fail'), command: ['false'] };
    const spec = (i: number) =>
      i % 2 === 0
        ? { restartPolicy: 'Never' as const, containers: [failing] }
        : { restartPolicy: 'Never' as const, initContainers: [failing], containers: [{ ...stays('blocked'), command: ['true'] }] };
    const { metadata } = await client.list(podResource, { namespace, labelSelector });
    const watch = client.watch(podResource, { namespace, labelSelector, resourceVersion: metadata.resourceVersion ?? '' });
    const names = Array.from({ length: 12 }, (_, i) => `brief-${i}`);
    // Each is deleted at another moment of its life: after so many changes of it.
    const patience = new Map(names.map((name, i) => [name, i >> 1]));
    await Promise.all([
      ...names.map((name, i) => pods.run(name, { terminationGracePeriodSeconds: 1, ...spec(i) }, { labels: { walk: 'brief' } })),
      pods.run('unplaced', { nodeSelector: { nowhere: 'yes' }, containers: [stays()] }, { labels: { walk: 'brief' } }),
      pods.run('unpulled', { containers: [{ ...stays(), image: 'example.test/absent:1' }] }, { labels: { walk: 'brief' } }),
    ]);
    await pods.until('unplaced', (pod) => condition(pod, 'PodScheduled')?.reason === 'Unschedulable');
    await pods.until('unpulled', (pod) => pod.status.containerStatuses?.[0]?.state?.waiting?.reason === 'ErrImageNeverPull');
    await client.delete(podResource, ref('unplaced'));
    await client.delete(podResource, ref('unpulled'));
    const left = new Set([...names, 'unplaced', 'unpulled']);
    for await (const event of watch) {
      if (event.type === 'BOOKMARK') continue;
      const { metadata: told, status } = event.object;
      const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
      assert.notEqual(status.phase, 'Succeeded', told.name);
      for (const { name, state, started, lastState } of all) {
        assert.ok(name === 'blocked' || state?.terminated?.exitCode !== 0, `${told.name}/${name}: ${JSON.stringify(state)}`);
        assert.ok(name !== 'blocked' || (started !== true && state?.running === undefined && lastState?.terminated === undefined));
      }
      if (event.type === 'DELETED') left.delete(told.name);
      if (left.size === 0) break;
      const more = patience.get(told.name);
      if (more === undefined || event.type === 'DELETED') continue;
      patience.set(told.name, more - 1);
      if (more === 0) await client.delete(podResource, ref(told.name));
    }
  });

  test('a pod of volumes that no driver serves is kept, changed and deleted like any other', async () => {
    const driver = 'example.test';
    await pods.run('undriven', {
      containers: [{ ...stays(), volumeMounts: ['one', 'two'].map((name) => ({ name, mountPath: `/${name}` })) }],
      volumes: [
        { name: 'one', csi: { driver } },
        { name: 'two', csi: { driver, fsType: 'ext4', readOnly: true } },
      ],
    });
    await assert.rejects(pods.run('undriven', { containers: [stays()] }), /already exists/);
    await pods.until('undriven', (pod) => condition(pod, 'PodReadyToStartContainers')?.status === 'False');
    const annotated = await patch('undriven', { metadata: { annotations: { patched: 'true' } } });
    assert.equal(annotated.metadata.annotations?.['patched'], 'true');
    await client.delete(podResource, ref('undriven'));
    await pods.gone('undriven');
  });

  test('a pod shows its quality of service, keeps a status that is patched, and ends at a deadline that was moved', async () => {
    const resources = { requests: { cpu: '100m', memory: '100Mi' }, limits: { cpu: '100m', memory: '100Mi' } };
    await pods.run('deadline', { terminationGracePeriodSeconds: 0, containers: [{ ...stays(), resources }] });
    const pod = await pods.until('deadline', ready);
    assert.equal(pod.status.qosClass, 'Guaranteed');
    assert.equal(condition(pod, 'PodReadyToStartContainers')?.status, 'True');
    assert.match(pod.status.hostIP ?? '', /^\d+\./);
    const patched = await patch('deadline', { status: { message: 'Patched by hand', reason: 'Tried' } }, 'status');
    assert.deepEqual([patched.status.message, patched.status.reason], ['Patched by hand', 'Tried']);
    await patch('deadline', { spec: { activeDeadlineSeconds: 1 } });
    const ended = await pods.until('deadline', (each) => each.status.phase === 'Failed');
    assert.equal(ended.status.reason, 'DeadlineExceeded');
  });

  test('a RuntimeClass adds its overhead, and one that no node or no API knows is refused', async () => {
    const handler = 'runc';
    await client.create(runtimeclasses, { metadata: { name: 'costly' }, handler, overhead: { podFixed: { cpu: '10m', memory: '1Mi' } } });
    await client.create(runtimeclasses, { metadata: { name: 'strange' }, handler: 'nobody-has-this' });
    await pods.run('costly', { runtimeClassName: 'costly', containers: [stays()] });
    const costly = await pods.until('costly', ready);
    assert.deepEqual(costly.spec.overhead, { cpu: '10m', memory: '1Mi' });
    await assert.rejects(pods.run('absent', { runtimeClassName: 'absent', containers: [stays()] }), /RuntimeClass "absent" not found/);
    await pods.run('strange', { runtimeClassName: 'strange', containers: [stays()] });
    await cluster.kubectl.succeed(['wait', '-n', namespace, 'pod/strange', '--for=condition=PodScheduled', '--timeout=60s']);
    await pods.until('strange', (each) => condition(each, 'PodReadyToStartContainers')?.status === 'False');
    assert.match(await pods.told('strange', 'FailedCreatePodSandBox'), /nobody-has-this/);
    assert.equal((await client.get(podResource, ref('strange'))).status.phase, 'Pending');
    await client.delete(runtimeclasses, { name: 'strange' });
    await assert.rejects(pods.run('deleted', { runtimeClassName: 'strange', containers: [stays()] }), /RuntimeClass "strange" not found/);
  });
});

test('pods leave a node that gets a taint they do not tolerate, after the time they asked for or not at all once it is gone', async () => {
  const node = (await client.list(nodes)).items.at(-1)?.metadata.name ?? '';
  const toleration = (seconds: number) => ({
    tolerations: [{ key: 'evict', operator: 'Equal', value: 'yes', effect: 'NoExecute', tolerationSeconds: seconds } as const],
  });
  const on = { nodeSelector: { 'kubernetes.io/hostname': node }, terminationGracePeriodSeconds: 1, containers: [stays()] };
  await Promise.all([
    pods.run('goes-at-once', on),
    pods.run('goes-later', { ...on, ...toleration(3) }),
    pods.run('stays', { ...on, ...toleration(300) }),
  ]);
  await Promise.all(['goes-at-once', 'goes-later', 'stays'].map((name) => pods.until(name, ready)));
  const taint = { key: 'evict', value: 'yes', effect: 'NoExecute' };
  await client.patch(nodes, { name: node }, merge({ spec: { taints: [taint] } }));
  const evicted = await pods.until('goes-at-once', (pod) => pod.metadata.deletionTimestamp !== undefined);
  assert.deepEqual(
    [condition(evicted, 'DisruptionTarget')?.status, condition(evicted, 'DisruptionTarget')?.reason],
    ['True', 'DeletionByTaintManager'],
  );
  await pods.gone('goes-at-once');
  await pods.gone('goes-later');
  await client.patch(nodes, { name: node }, { type: 'merge', body: { spec: { taints: null } } });
  assert.equal((await client.get(podResource, ref('stays'))).metadata.deletionTimestamp, undefined);
});
