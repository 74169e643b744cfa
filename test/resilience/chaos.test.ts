// A cluster of two nodes at work while its processes are killed at random, one after the other and several at once: nothing that was
// acknowledged is lost, nothing is done twice, what nobody killed runs on, all is well soon after, and nothing is left behind.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock, wait } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { isConditionTrue } from '#api/conditions.ts';
import { isPodReady } from '#api/pods.ts';
import {
  configmaps,
  deployments,
  jobs,
  namespaces,
  nodes,
  persistentvolumes,
  pods as podResource,
  services,
  statefulsets,
} from '#api/resources.ts';
import type { New, Pod, Service } from '#api/types.ts';
import { ConnectionError } from '#client/contract.ts';
import { eventually } from '../harness/eventually.ts';
import { type AgentPod, importAgentImage, startAgents } from '../harness/network-agent.ts';
import { podSet } from '../harness/pods.ts';
import { holdingsOf, namespacesOfPods, type NodePlace } from './chaos/holdings.ts';
import { descriptorsOf, kill, pidsOf, processes } from './chaos/processes.ts';
import { smallDisk } from './cut-off-disk.ts';
import { insist } from './watchers.ts';

/** PROA_CHAOS_ROUNDS=100 PROA_CHAOS_SEED=7 goes on for a quarter of an hour, in another order. */
const ROUNDS = Number(process.env['PROA_CHAOS_ROUNDS'] ?? 10);
const SEED = Number(process.env['PROA_CHAOS_SEED'] ?? 1);
/** From the last kill until all is as it should be. Milliseconds. */
const WELL_MS = 240_000;

const owner = { after };
/** A disk of its own: pods are evicted from one that is nearly full. */
const dataDir = join(await smallDisk(owner, '3g'), 'data');
const cluster = await startCluster(owner, ['--nodes', '2'], { dataDir, killed: true });
const NODES: readonly NodePlace[] = [
  { dataDir, runDir: '/run/proa' },
  { dataDir: join(dataDir, 'nodes', '2'), runDir: '/run/proa/nodes/2', namespace: 'proa-2' },
];
await importAgentImage(cluster);
const set = await podSet(owner, cluster, 'storm');
const { client: api, namespace } = set;
const before = await Promise.all(NODES.map(holdingsOf));
/** Not their keepers, whose command ends with theirs. */
const CLUSTER = /^(?!.*keeper\.sh).* run --data-dir /;
const AGENT = /^(?!.*keeper\.sh).* agent .*--server=/;
const clusterPid = (): number => pidsOf(CLUSTER)[0] as number;
const descriptorsBefore = descriptorsOf(clusterPid());

/** As it should be soon, whoever was killed. @throws Error with the last words of the cluster when it is not */
const soon = (assertion: () => Promise<void>): Promise<void> =>
  eventually(assertion, WELL_MS).catch((error: unknown) => {
    const words = readFileSync(join(dataDir, 'log', 'proa.log'), 'utf8').slice(-20_000);
    throw new Error(`${(error as Error).message}\n${words}`, { cause: error });
  });

const named = (name: string) => ({ name, namespace });
const sleeper = (command: string) => ({
  name: 'main',
  image: 'example.test/agent:1',
  imagePullPolicy: 'Never',
  command: ['sh', '-c', command],
});
const template = (app: string, container: object, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: { terminationGracePeriodSeconds: 1, containers: [container], ...more },
});
const NAP = `node -e 'setTimeout(() => {}, 800)'`;
const [REPLICAS, ORDINALS, COMPLETIONS] = [4, 3, 30];

const [near, far] = (await startAgents(set, [
  { name: 'near', node: 'boat', labels: { app: 'web' } },
  { name: 'far', node: 'boat-2', labels: { app: 'web' } },
])) as [AgentPod, AgentPod];
const web = await set.create(services, {
  metadata: { name: 'web' },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
} as New<Service>);

const SLEEP = `exec node -e 'setInterval(() => {}, 1e6)'`;
await set.create(deployments, {
  metadata: { name: 'fleet' },
  spec: { replicas: REPLICAS, selector: { matchLabels: { app: 'fleet' } }, template: template('fleet', sleeper(SLEEP)) },
} as never);
await set.create(statefulsets, {
  metadata: { name: 'log' },
  spec: {
    replicas: ORDINALS,
    serviceName: 'log',
    selector: { matchLabels: { app: 'log' } },
    template: template('log', { ...sleeper(`echo began >> /data/log; ${SLEEP}`), volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
    volumeClaimTemplates: [
      { metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } },
    ],
  },
} as never);

/** What a client was told of its writes. */
const acknowledged = { names: [] as string[], count: 0 };
const writing = new AbortController();
async function write(): Promise<void> {
  for (let i = 0; !writing.signal.aborted; i++) {
    try {
      await api.create(configmaps, { metadata: named(`written-${i}`), data: { i: String(i) } });
      acknowledged.names.push(`written-${i}`);
    } catch (error) {
      if (!(error instanceof ConnectionError || error instanceof StatusError)) throw error;
      await wait(systemClock, 50);
    }
  }
}

const random = seededIds(SEED);
const pick = <T>(from: readonly T[]): T => from[Math.floor(random.fraction() * from.length)] as T;
const containerdOf = (index: number): RegExp => new RegExp(`containerd --config ${NODES[index]?.runDir}/containerd/config\\.toml`);

const VICTIMS: Readonly<Record<string, () => Promise<void>>> = {
  'the cluster process': async () => kill(pidsOf(CLUSTER)),
  'the agent of the second node': async () => kill(pidsOf(AGENT)),
  'the containerd of the first node': async () => kill(pidsOf(containerdOf(0))),
  'the containerd of the second node': async () => kill(pidsOf(containerdOf(1))),
  'both containerds': async () => kill([0, 1].flatMap((index) => pidsOf(containerdOf(index)))),
  'the cluster process and its containerd': async () => kill([...pidsOf(CLUSTER), ...pidsOf(containerdOf(0))]),
  everything: async () => kill([...pidsOf(CLUSTER), ...pidsOf(AGENT), ...[0, 1].flatMap((index) => pidsOf(containerdOf(index)))]),
  'the cluster process, asked to end': async () => kill(pidsOf(CLUSTER), 'SIGTERM'),
};

const CHANGES: Readonly<Record<string, () => Promise<unknown>>> = {
  'the Deployment is rolled out': () =>
    insist(() =>
      api.patch(deployments, named('fleet'), {
        type: 'merge',
        body: { spec: { template: { metadata: { annotations: { turn: random.uuid() } } } } },
      }),
    ),
  'a pod of the StatefulSet is deleted': async () => {
    const name = `log-${Math.floor(random.fraction() * ORDINALS)}`;
    await insist(() => api.delete(podResource, named(name))).catch((error: unknown) => {
      if (!(error instanceof StatusError && error.code === 404)) throw error;
    });
  },
  nothing: async () => {},
};

const podsOf = async (app: string): Promise<readonly Pod[]> =>
  (await insist(() => api.list(podResource, { namespace, labelSelector: `app=${app}` }))).items;
/**
 * containerd takes a task away before it notes how the container ended: killed in between, it knows of a container that ran and has none.
 * Source: containerd 1.6 handleContainerExit, loadContainer (unknownExitCode, unknownExitReason).
 */
const isForgotten = ({ status }: Pod): boolean =>
  (status.containerStatuses ?? []).some(({ state }) => state.terminated?.exitCode === 255 && state.terminated.reason === 'Unknown');
const isFailed = ({ status }: Pod): boolean => status.phase === 'Failed';

const lifeOf = ({ metadata, status }: Pod) => [
  metadata.uid,
  status.podIP,
  status.containerStatuses?.map((each) => [each.containerID, each.restartCount]),
];

test(`a cluster goes on through ${ROUNDS} rounds of kills`, async (t) => {
  const written = write();
  await set.create(jobs, {
    metadata: { name: 'work' },
    spec: {
      completions: COMPLETIONS,
      parallelism: 3,
      completionMode: 'Indexed',
      backoffLimit: ROUNDS, // for what the runtime forgets
      template: template('work', sleeper(NAP), { restartPolicy: 'Never' }),
    },
  } as never);
  for (let round = 0; round < ROUNDS; round++) {
    const [change, victim] = [pick(Object.keys(CHANGES)), pick(Object.keys(VICTIMS))];
    await CHANGES[change]?.();
    await wait(systemClock, random.fraction() * 3_000); // in the middle of whatever follows from that
    const killedAt = systemClock.monotonic();
    await VICTIMS[victim]?.();
    // Sometimes the next blow comes before all is well again.
    if (random.fraction() < 0.6)
      await soon(async () => {
        const { items } = await insist(() => api.list(nodes));
        for (const { metadata, status } of items) assert.ok(isConditionTrue(status.conditions, 'Ready'), metadata.name);
        for (const index of [0, 1]) assert.equal(pidsOf(containerdOf(index)).length, 1);
      });
    t.diagnostic(`${change}; killed: ${victim}; ${Math.round(systemClock.monotonic() - killedAt)} ms`);
  }
  await soon(async () => {
    const { items } = await insist(() => api.list(nodes));
    for (const { metadata, status } of items) assert.ok(isConditionTrue(status.conditions, 'Ready'), metadata.name);
    for (const [app, count] of [
      ['fleet', REPLICAS],
      ['log', ORDINALS],
      ['web', 2],
    ] as const) {
      const found = await podsOf(app);
      assert.deepEqual([app, found.length, found.filter((pod) => isPodReady(pod)).length], [app, count, count]);
    }
    const failed = (await podsOf('work')).filter(isFailed);
    assert.deepEqual(
      failed.filter((pod) => !isForgotten(pod)).map(({ status }) => status),
      [],
    );
    const { status } = await insist(() => api.get(jobs, named('work')));
    assert.deepEqual([status.succeeded, status.active ?? 0, status.failed ?? 0], [COMPLETIONS, 0, failed.length]);
  });
  writing.abort(new Error('enough'));
  await written;

  const kept = new Set((await api.list(configmaps, { namespace })).items.map(({ metadata }) => metadata.name));
  assert.deepEqual(
    acknowledged.names.filter((name) => !kept.has(name)),
    [],
    'what was acknowledged is there',
  );
  t.diagnostic(`${acknowledged.names.length} writes were acknowledged`);
  for (const { name, pod } of [near, far]) {
    const now = await api.get(podResource, named(name));
    assert.deepEqual(lifeOf(now), lifeOf(pod), `${name} ran on`);
  }
  const worked = await podsOf('work');
  t.diagnostic(`the runtime forgot how ${worked.filter(isForgotten).length} containers of the Job ended`);
  const indexes = worked
    .filter((pod) => !isFailed(pod))
    .map(({ metadata }) => metadata.labels?.['batch.kubernetes.io/job-completion-index']);
  assert.deepEqual([indexes.length, new Set(indexes).size], [COMPLETIONS, COMPLETIONS], 'an index has one pod');
  for (const held of await Promise.all(NODES.map(holdingsOf)))
    for (const [kind, all] of Object.entries(held)) assert.notDeepEqual(all, [], `${kind} are told while there are pods`);
  for (const from of [near, far])
    for (const host of [web.spec.clusterIP, `web.${namespace}`])
      await eventually(async () =>
        assert.deepEqual(
          new Set(await from.ask(`http://${host}/hostname`, { times: 20 })),
          new Set(['near', 'far']),
          `${from.name} asks ${host}`,
        ),
      );
});

test('once the pods are deleted the nodes hold nothing of them, and no process is left over', async (t) => {
  await api.delete(namespaces, { name: namespace });
  await soon(async () => {
    const left = (await insist(() => api.list(namespaces))).items.map(({ metadata }) => metadata.name);
    assert.ok(!left.includes(namespace));
    assert.deepEqual(await Promise.all(NODES.map(holdingsOf)), before);
    assert.deepEqual(await namespacesOfPods(), []);
    assert.deepEqual(
      (await insist(() => api.list(persistentvolumes))).items.map(({ metadata }) => metadata.name),
      [],
    );
    for (const { dataDir: data } of NODES) assert.deepEqual(readdirSync(join(data, 'volumes')), []);
  });
  await eventually(async () =>
    assert.deepEqual(
      processes().filter(({ state }) => state === 'Z'),
      [],
      'who ended has been asked about',
    ),
  );
  const now = descriptorsOf(clusterPid());
  t.diagnostic(`${descriptorsBefore} descriptors before, ${now} after`);
  assert.ok(now <= descriptorsBefore + 20, `${now} descriptors, ${descriptorsBefore} before`);
});
