import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { isPodActive, isPodReady } from '#api/pods.ts';
import { deployments, pods, replicasets } from '#api/resources.ts';
import type { Deployment, New, Pod, ReplicaSet } from '#api/types.ts';
import type { Client } from '#client/contract.ts';
import { replicaSetController } from '../replicaset/controller.ts';
import { type RunningController, startControllers } from '../testing.ts';
import { boundsOf } from './bounds.ts';
import { deploymentController } from './controller.ts';
import { planDeployment } from './plan.ts';
import { newSetAnnotations } from './replica-sets.ts';
import { deploymentStatus } from './status.ts';

const NOW = Date.UTC(2026, 0, 1, 1);
const template = (image: string) => ({ metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image }] } });

function deployment(spec: object = {}, status: object = {}, annotations: Record<string, string> = {}): Deployment {
  return {
    metadata: { name: 'web', namespace: 'ns', uid: 'd', generation: 2, annotations },
    spec: {
      replicas: 10,
      selector: { matchLabels: { app: 'web' } },
      template: template('v2'),
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
      ...spec,
    },
    status,
  } as unknown as Deployment;
}

let made = 0;
function set(
  image: string,
  replicas: number,
  more: { readonly available?: number; readonly desired?: number; readonly max?: number; readonly revision?: bigint } = {},
): ReplicaSet {
  const { available = replicas, desired = 10, max = 13, revision = 1n } = more;
  return {
    metadata: {
      name: `web-${image}`,
      namespace: 'ns',
      uid: `rs-${image}`,
      creationTimestamp: new Date(NOW - 1e6 + ++made * 1000).toISOString(),
      generation: 1,
      annotations: {
        'deployment.kubernetes.io/desired-replicas': String(desired),
        'deployment.kubernetes.io/max-replicas': String(max),
        'deployment.kubernetes.io/revision': String(revision),
      },
    },
    spec: { replicas, template: template(image) },
    status: { replicas, availableReplicas: available, readyReplicas: available, observedGeneration: 1 },
  } as unknown as ReplicaSet;
}

for (const [replicas, maxSurge, maxUnavailable, want] of [
  [10, '25%', '25%', { maxSurge: 3, maxUnavailable: 2 }],
  [1, '25%', '25%', { maxSurge: 1, maxUnavailable: 0 }],
  [3, 0, '10%', { maxSurge: 0, maxUnavailable: 1 }],
  [2, 1, 5, { maxSurge: 1, maxUnavailable: 2 }],
] as const) {
  test(`boundsOf ${replicas} replicas, surge ${maxSurge}, unavailable ${maxUnavailable}`, () => {
    assert.deepEqual(
      boundsOf(deployment({ replicas, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } } })),
      want,
    );
  });
}

for (const c of [
  { name: 'creates the first version whole', sets: [], plan: { create: 10 } },
  { name: 'creates a new version as large as the surge allows', sets: [set('v1', 10)], plan: { create: 3 } },
  { name: 'scales the new version up into the room', sets: [set('v1', 8), set('v2', 3)], plan: { v2: 5 } },
  { name: 'scales the old version down as far as enough are available', sets: [set('v1', 10), set('v2', 3)], plan: { v1: 5 } },
  { name: 'takes unhealthy old pods first', sets: [set('v1', 10, { available: 7 }), set('v2', 3, { available: 0 })], plan: { v1: 8 } },
  { name: 'waits while too few are available', sets: [set('v1', 8), set('v2', 5, { available: 0 })], plan: 'steady' },
  { name: 'shrinks a version that is too large', sets: [set('v2', 12)], plan: { v2: 10 } },
  { name: 'ends old pods before a Recreate', spec: { strategy: { type: 'Recreate' } }, sets: [set('v1', 10)], plan: { v1: 0 } },
  {
    name: 'spreads a scaling in the middle of a roll-out over both versions',
    spec: { replicas: 20 },
    sets: [set('v1', 8), set('v2', 5)],
    plan: { v1: 15, v2: 10 },
  },
  {
    name: 'takes all from every version at once that is to have none',
    spec: { replicas: 0, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } },
    sets: [set('v1', 5), set('v2', 5, { available: 0 })],
    plan: { v1: 0, v2: 0 },
  },
  { name: 'only scales while paused', spec: { paused: true }, sets: [set('v1', 10)], plan: 'steady' },
  { name: 'follows a new size of a finished version', spec: { replicas: 4 }, sets: [set('v2', 10)], plan: { v2: 4 } },
] as readonly { name: string; spec?: object; sets: readonly ReplicaSet[]; plan: unknown }[]) {
  test(`planDeployment ${c.name}`, () => {
    const plan = planDeployment({ deployment: deployment(c.spec), owned: c.sets, podsOf: () => [], now: NOW });
    const brief =
      plan.kind === 'create'
        ? { create: plan.replicas }
        : plan.kind === 'scale'
          ? Object.fromEntries(plan.scalings.map(({ rs, to }) => [rs.spec.template.spec.containers[0]?.image, to]))
          : plan.kind;
    assert.deepEqual(brief, c.plan);
  });
}

test('planDeployment waits for the last old pod of a Recreate, and for the status to count it no more', () => {
  const plan = (counted: number, ...phases: string[]) =>
    planDeployment({
      deployment: deployment({ strategy: { type: 'Recreate' } }),
      owned: [{ ...set('v1', 0), status: { replicas: counted } }],
      podsOf: () => phases.map((phase) => ({ status: { phase } }) as Pod),
      now: NOW,
    }).kind;
  assert.equal(plan(0, 'Running'), 'steady');
  assert.equal(plan(1), 'steady');
  assert.equal(plan(0, 'Succeeded'), 'create');
});

test('planDeployment prunes the oldest versions beyond the history limit once complete', () => {
  const status = { updatedReplicas: 10, replicas: 10, availableReplicas: 10, observedGeneration: 2 };
  const owned = [set('a', 0), set('b', 0), set('c', 0), set('v2', 10)];
  const plan = planDeployment({ deployment: deployment({ revisionHistoryLimit: 1 }, status), owned, podsOf: () => [], now: NOW });
  assert.deepEqual(plan.kind === 'prune' && plan.sets.map((rs) => rs.metadata.name), ['web-a', 'web-b']);
});

test('newSetAnnotations numbers a version that is rolled back to, and keeps its old number in the history', () => {
  const d = deployment({}, {}, { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}' });
  assert.deepEqual(newSetAnnotations(d, { 'deployment.kubernetes.io/revision': '1' }, 3n), {
    note: 'x',
    'deployment.kubernetes.io/revision': '3',
    'deployment.kubernetes.io/revision-history': '1',
  });
});

test('newSetAnnotations drops the oldest numbers of a history that grows beyond 2,000 characters', () => {
  const numbers = Array.from({ length: 500 }, (_, i) => String(1000 + i));
  const present = { 'deployment.kubernetes.io/revision': '1500', 'deployment.kubernetes.io/revision-history': numbers.join(',') };
  const history = newSetAnnotations(deployment(), present, 1501n)['deployment.kubernetes.io/revision-history'] ?? '';
  assert.deepEqual([history.length, history.split(',')[0], history.split(',').at(-1)], [1999, '1101', '1500']);
});

test('deploymentStatus forgets progress when no deadline is set any more', () => {
  const conditions = [
    { type: 'Progressing', status: 'True', reason: 'ReplicaSetUpdated', message: '', lastUpdateTime: null, lastTransitionTime: null },
  ];
  const { status } = deploymentStatus({
    deployment: deployment({ progressDeadlineSeconds: 2 ** 31 - 1 }, { conditions }),
    current: set('v2', 10),
    old: [],
    progress: { kind: 'none' },
    collisionCount: undefined,
    now: NOW,
  });
  assert.deepEqual(
    status.conditions?.map(({ type }) => type),
    ['Available'],
  );
});

test('deploymentStatus gives up after the deadline, and says so', () => {
  const conditions = [
    {
      type: 'Progressing',
      status: 'True',
      reason: 'ReplicaSetUpdated',
      message: '',
      lastUpdateTime: '2026-01-01T00:49:59Z',
      lastTransitionTime: null,
    },
  ];
  const stuck = { observedGeneration: 2, replicas: 13, updatedReplicas: 3, readyReplicas: 10, availableReplicas: 10, conditions };
  const { status } = deploymentStatus({
    deployment: deployment({}, stuck),
    current: set('v2', 3, { available: 0 }),
    old: [set('v1', 10)],
    progress: { kind: 'none' },
    collisionCount: undefined,
    now: NOW,
  });
  const progressing = status.conditions?.find((c) => c.type === 'Progressing');
  assert.equal(progressing?.reason, 'ProgressDeadlineExceeded');
  assert.equal(progressing.message, 'ReplicaSet "web-v2" has timed out progressing.');
});

/** Makes every pod ready, one at a time in random order: a kubelet without containers. */
function playKubelet(client: Client, signal: AbortSignal, seed: number): Promise<void> {
  const ids = seededIds(seed);
  return (async () => {
    while (!signal.aborted) {
      const waiting = (await client.list(pods)).items.filter((pod) => isPodActive(pod) && !isPodReady(pod));
      const pod = waiting[Math.floor(ids.fraction() * waiting.length)];
      await new Promise((resolve) => setImmediate(resolve));
      if (pod === undefined) continue;
      const ready = { type: 'Ready', status: 'True', lastTransitionTime: new Date(NOW).toISOString() };
      await client
        .patch(
          pods,
          pod.metadata,
          { type: 'merge', body: { status: { phase: 'Running', conditions: [ready] } } },
          { subresource: 'status' },
        )
        .catch(() => undefined);
    }
  })();
}

async function rollout(
  seed: number,
  change: (running: RunningController) => Promise<void>,
): Promise<{ readonly least: number; readonly most: number; readonly writes: number }> {
  const running = await startControllers([deploymentController, replicaSetController]);
  const { client, until } = running;
  const stop = new AbortController();
  const kubelet = playKubelet(client, stop.signal, seed);
  const { metadata: _, status: __, ...rest } = deployment({ template: template('v1') });
  await client.create(deployments, { ...rest, metadata: { name: 'web', namespace: 'ns' } } as New<Deployment>);
  const complete = (image: string) =>
    until(async () => {
      const { status, metadata, spec } = await client.get(deployments, { name: 'web', namespace: 'ns' });
      const done =
        status.availableReplicas === spec.replicas &&
        status.updatedReplicas === spec.replicas &&
        status.replicas === spec.replicas &&
        (status.observedGeneration ?? 0) >= (metadata.generation ?? 0);
      return done && spec.template.spec.containers[0]?.image === image ? true : undefined;
    });
  await complete('v1');

  const seen = { least: Infinity, most: 0 };
  const known = new Map<string, Pod>((await client.list(pods)).items.map((pod) => [pod.metadata.uid, pod]));
  const watching = (async () => {
    for await (const event of client.watch(pods, { signal: stop.signal })) {
      if (event.type === 'BOOKMARK') continue;
      if (event.type === 'DELETED') known.delete(event.object.metadata.uid);
      else known.set(event.object.metadata.uid, event.object);
      const active = [...known.values()].filter(isPodActive);
      seen.least = Math.min(seen.least, active.filter(isPodReady).length);
    }
  })().catch(() => undefined);
  // The surge bounds what is asked for: a ReplicaSet that was told to shrink may not have done so yet.
  const wanted = new Map<string, number>();
  const counting = (async () => {
    for await (const event of client.watch(replicasets, { signal: stop.signal })) {
      if (event.type === 'BOOKMARK') continue;
      wanted.set(event.object.metadata.uid, event.type === 'DELETED' ? 0 : event.object.spec.replicas);
      seen.most = Math.max(
        seen.most,
        [...wanted.values()].reduce((sum, replicas) => sum + replicas, 0),
      );
    }
  })().catch(() => undefined);
  const before = running.server.actions.length;
  await change(running);
  await complete('v2');
  const writes = running.server.actions
    .slice(before)
    .filter(({ verb, resource }) => verb !== 'list' && verb !== 'watch' && verb !== 'get' && resource !== 'pods/status').length;
  stop.abort();
  await Promise.all([kubelet, watching, counting]);
  await running.stop();
  return { ...seen, writes };
}

for (const seed of [1, 2, 3]) {
  test(`a roll-out keeps enough pods available and asks for no more than the surge (seed ${seed})`, async () => {
    const { least, most, writes } = await rollout(seed, async ({ client }) => {
      await client.patch(deployments, { name: 'web', namespace: 'ns' }, { type: 'merge', body: { spec: { template: template('v2') } } });
    });
    assert.ok(least >= 8, `${least} were available`);
    assert.ok(most <= 13, `${most} were asked for`);
    assert.ok(writes < 200, `${writes} writes for 20 pods`);
  });
}

test('a Deployment that is deleted by its owner leaves what it made to the garbage collector', async () => {
  const running = await startControllers([deploymentController, replicaSetController]);
  const { client, until } = running;
  const { metadata: _, status: __, ...rest } = deployment({ replicas: 1 });
  await client.create(deployments, { ...rest, metadata: { name: 'web', namespace: 'ns' } } as New<Deployment>);
  const rs = await until(async () => (await client.list(replicasets)).items[0]);
  assert.equal(rs.metadata.ownerReferences?.[0]?.name, 'web');
  assert.equal(rs.metadata.labels?.['pod-template-hash'], rs.metadata.name.replace('web-', ''));
  await until(async () =>
    (await client.get(deployments, { name: 'web', namespace: 'ns' })).metadata.annotations?.['deployment.kubernetes.io/revision'] === '1'
      ? true
      : undefined,
  );
  assert.ok(running.events.some((event) => event.message === `Scaled up replica set ${rs.metadata.name} from 0 to 1`));
  await running.stop();
});
