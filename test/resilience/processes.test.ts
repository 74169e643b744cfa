// Controllers, schedulers and the API server as processes of their own, two copies of each of the former: any of them is
// killed in the middle of a roll-out, a Job and the update of a StatefulSet. Another copy goes on, and nothing is done twice.
import { controlPlanePki, startApiServer } from '../harness/api-server.ts';
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isPodReady } from '#api/pods.ts';
import { deployments, jobs, leases, namespaces, pods, statefulsets } from '#api/resources.ts';
import type { Deployment, Job, Pod, StatefulSet } from '#api/types.ts';
import { createClient } from '#client/client.ts';
import type { ComponentName } from '#cluster/components/component-flags.ts';
import { adminKubeconfig, writeKubeconfig } from '#cluster/kubeconfig.ts';
import { type ComponentProcess, startComponent } from '../harness/component.ts';
import { eventually } from '../harness/eventually.ts';
import { temporaryFolder } from '../harness/temp.ts';
import { LifeRecord } from './processes/life-record.ts';
import { insist } from './watchers.ts';

const owner = { after };
const folder = temporaryFolder(owner);
const pki = await controlPlanePki(owner);
const apiserver = await startApiServer(owner, pki);
const api = createClient(apiserver.connect());
const kubeconfig = (user: string): string => {
  const path = join(folder, `${user}.kubeconfig`);
  writeKubeconfig(path, adminKubeconfig(apiserver.server, pki.certificate('ca'), pki.read(user)));
  return path;
};
/** Shorter than by default: a copy that is killed holds its Lease until it runs out. */
const ELECTION = { 'leader-elect-lease-duration': '6s', 'leader-elect-renew-deadline': '4s', 'leader-elect-retry-period': '1s' };
const manager = {
  kubeconfig: kubeconfig('controller-manager'),
  'root-ca-file': pki.certificatePath('ca'),
  'secure-port': '0',
  ...ELECTION,
};
const scheduler = { kubeconfig: kubeconfig('scheduler'), 'secure-port': '0', ...ELECTION };
/** Pods whose label says that they do work end after a while; all others run for ever. */
writeFileSync(join(folder, 'stages.yaml'), 'stages: [{ selector: app=work, run: 500ms-1500ms }]\n');
const hollow = { kubeconfig: kubeconfig('admin'), nodes: '4', stages: join(folder, 'stages.yaml') };

const two = (name: ComponentName, flags: Readonly<Record<string, string>>): Promise<readonly ComponentProcess[]> =>
  Promise.all([0, 1].map(() => startComponent(owner, name, flags, /attempting to acquire leader lease/)));
const [managers, schedulers] = await Promise.all([
  two('controller-manager', manager),
  two('scheduler', scheduler),
  startComponent(owner, 'hollow', hollow, /hollow nodes are registered/),
]);

const NAMESPACE = 'busy';
await api.create(namespaces, { metadata: { name: NAMESPACE } });
const recording = new AbortController();
after(() => recording.abort(new Error('the test has ended')));
const record = {
  pods: new LifeRecord<Pod>(api, pods, NAMESPACE, recording.signal),
  deployments: new LifeRecord<Deployment>(api, deployments, NAMESPACE, recording.signal),
  jobs: new LifeRecord<Job>(api, jobs, NAMESPACE, recording.signal),
  statefulsets: new LifeRecord<StatefulSet>(api, statefulsets, NAMESPACE, recording.signal),
};

const REPLICAS = 20;
const COMPLETIONS = 50;
const PARALLELISM = 5;
const ORDINALS = 5;
/** Much happens here, on a machine that may be busy. Milliseconds. */
const PATIENCE_MS = 240_000;

const template = (app: string, image: string, more: object = {}) => ({
  metadata: { labels: { app } },
  spec: { containers: [{ name: 'c', image, resources: { requests: { cpu: '10m' } } }], ...more },
});
const named = (name: string) => ({ name, namespace: NAMESPACE });
const imageOf = (pod: Pod): string => pod.spec.containers[0]?.image ?? '';
const of =
  (app: string) =>
  (pod: Pod): boolean =>
    pod.metadata.labels?.['app'] === app;
const running = (app: string, image: string): readonly Pod[] =>
  record.pods.present((pod) => of(app)(pod) && imageOf(pod) === image && isPodReady(pod) && pod.metadata.deletionTimestamp === undefined);

/** What it is called in Leases. */
const namesOf = ({ process }: ComponentProcess): string =>
  process.output.split('\n').find((line) => line.includes('attempting to acquire leader lease')) ?? '';

/** The copy that leads, and what it is called in its Lease. */
async function leaderOf(
  lease: string,
  copies: readonly ComponentProcess[],
): Promise<{ readonly copy: ComponentProcess; readonly identity: string }> {
  let found: ComponentProcess | undefined;
  let identity = '';
  await eventually(async () => {
    const { spec } = await insist(() => api.get(leases, { name: lease, namespace: 'kube-system' }));
    identity = spec?.holderIdentity ?? '';
    found = copies.find((copy) => namesOf(copy).includes(identity));
    assert.ok(identity !== '' && found !== undefined, `${lease} is led by ${identity}`);
  });
  return { copy: found as ComponentProcess, identity };
}

/** Has another copy take over from the one that `end` ends; gives that one. */
async function takeOver(
  lease: string,
  copies: readonly ComponentProcess[],
  end: (copy: ComponentProcess) => unknown,
): Promise<ComponentProcess> {
  const { copy } = await leaderOf(lease, copies);
  await end(copy);
  await leaderOf(
    lease,
    copies.filter((each) => each !== copy),
  );
  return copy;
}

const killLeader = async (lease: string, copies: readonly ComponentProcess[]): Promise<void> =>
  (await takeOver(lease, copies, (copy) => copy.kill())).restart();

const scaleWeb = (replicas: number) => api.patch(deployments, named('web'), { type: 'merge', body: { spec: { replicas } } });
const made = (app: string, image: string): number => record.pods.all((pod) => of(app)(pod) && imageOf(pod) === image).length;
/** Most writes of one object of each kind after it was made: each has a few for every step it takes. */
const MOST_WRITES = { pods: 12, deployments: 5 * REPLICAS, jobs: 3 * COMPLETIONS, statefulsets: 12 * ORDINALS };

/** What tells why there was another one. */
const lifeOf = ({ metadata, spec, status }: Pod): object => ({
  name: metadata.name,
  created: metadata.creationTimestamp,
  deleted: metadata.deletionTimestamp,
  node: spec.nodeName,
  phase: status.phase,
  reason: status.reason,
  finalizers: metadata.finalizers,
});

const succeeded = (): number => record.jobs.present()[0]?.status.succeeded ?? 0;
const MANAGER = 'kube-controller-manager';
const SCHEDULER = 'kube-scheduler';

test('workloads come up while the leading controller manager, scheduler and the API server are killed', async () => {
  const selector = (app: string) => ({ matchLabels: { app } });
  await api.create(deployments, {
    metadata: named('web'),
    spec: { replicas: REPLICAS, selector: selector('web'), template: template('web', 'one') },
  } as never);
  await api.create(statefulsets, {
    metadata: named('db'),
    spec: { replicas: ORDINALS, serviceName: 'db', selector: selector('db'), template: template('db', 'one') },
  } as never);
  await eventually(async () => assert.ok(running('web', 'one').length > 0));
  await killLeader(SCHEDULER, schedulers);
  await eventually(async () => {
    assert.equal(running('web', 'one').length, REPLICAS);
    assert.equal(running('db', 'one').length, ORDINALS);
  }, PATIENCE_MS);
  assert.equal(record.pods.all(of('web')).length, REPLICAS);
  assert.equal(record.pods.all(of('db')).length, ORDINALS);
});

test('a roll-out, an update and a Job go on over kills of everybody in turn, and nothing is made twice', async () => {
  const image = (name: string) => ({ spec: { template: { spec: { containers: [{ name: 'c', image: name }] } } } });
  await api.patch(deployments, named('web'), { type: 'strategic', body: image('two') });
  await api.patch(statefulsets, named('db'), { type: 'strategic', body: image('two') });
  await api.create(jobs, {
    metadata: named('work'),
    spec: {
      completions: COMPLETIONS,
      parallelism: PARALLELISM,
      completionMode: 'Indexed',
      template: template('work', 'one', { restartPolicy: 'Never' }),
    },
  } as never);
  await eventually(async () => assert.ok(succeeded() >= 2 && running('web', 'two').length >= 1));
  await killLeader(MANAGER, managers);
  await eventually(async () => assert.ok(succeeded() >= 10), PATIENCE_MS);
  await killLeader(SCHEDULER, schedulers);
  await eventually(async () => assert.ok(succeeded() >= 20), PATIENCE_MS);
  await apiserver.kill();
  await apiserver.restart();
  await eventually(async () => assert.ok(succeeded() >= 30), PATIENCE_MS);
  await killLeader(MANAGER, managers);
  await eventually(async () => {
    assert.equal(succeeded(), COMPLETIONS);
    assert.equal(running('web', 'two').length, REPLICAS);
    assert.equal(running('db', 'two').length, ORDINALS);
    assert.equal(record.pods.present(of('web')).length, REPLICAS);
  }, PATIENCE_MS);

  assert.deepEqual([made('web', 'one'), made('web', 'two')], [REPLICAS, REPLICAS]);
  assert.deepEqual([made('db', 'one'), made('db', 'two')], [ORDINALS, ORDINALS]);
  const indexes = Map.groupBy(
    record.pods.all(of('work')).map(({ last }) => last),
    ({ metadata }) => metadata.labels?.['batch.kubernetes.io/job-completion-index'],
  );
  const told = [...indexes].filter(([, several]) => several.length > 1).map(([index, several]) => [index, several.map(lifeOf)]);
  assert.deepEqual(told, [], 'an index has one pod');
  assert.equal(indexes.size, COMPLETIONS);
  for (const kind of ['pods', 'deployments', 'jobs', 'statefulsets'] as const)
    for (const { last, writes } of record[kind].all())
      assert.ok(writes <= MOST_WRITES[kind], `${kind} ${last.metadata.name}: ${writes} writes`);
});

test('a leader that hung steps down when it wakes, does nothing of what it was about to do, and leads again when it is needed', async () => {
  const slept = await takeOver(MANAGER, managers, ({ process }) => process.child.kill('SIGSTOP'));
  await scaleWeb(REPLICAS + 5);
  await eventually(async () => assert.equal(running('web', 'two').length, REPLICAS + 5));
  slept.process.child.kill('SIGCONT');
  await slept.process.line(/failed to renew lease/);
  await killLeader(MANAGER, managers);
  await scaleWeb(REPLICAS + 8);
  await eventually(async () => assert.equal(running('web', 'two').length, REPLICAS + 8));
  assert.equal(made('web', 'two'), REPLICAS + 8);
});

test('an API server that is away for longer than a lead lasts finds everybody at work again when it is back', async () => {
  const leaders = await Promise.all([leaderOf(MANAGER, managers), leaderOf(SCHEDULER, schedulers)]);
  await apiserver.kill();
  await Promise.all(leaders.map(({ copy }) => copy.process.line(/failed to renew lease/)));
  await apiserver.restart();
  await insist(() => scaleWeb(REPLICAS + 10));
  await eventually(async () => assert.equal(running('web', 'two').length, REPLICAS + 10), PATIENCE_MS);
  assert.equal(made('web', 'two'), REPLICAS + 10);
});
