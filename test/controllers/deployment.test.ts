import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { isPodReady } from '#api/pods.ts';
import { deployments, replicasets } from '#api/resources.ts';
import type { Deployment, New, ReplicaSet } from '#api/types.ts';
import { deploymentController } from '#controllers/deployment/controller.ts';
import { garbageCollector } from '#controllers/garbage-collector/controller.ts';
import { replicaSetController } from '#controllers/replicaset/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';
import { makeReady, podsLabelled } from './pods.ts';

let t: ControllerTest;
/** What the controllers asked the server to change, each as `VERB RESOURCE NAME`. */
const writes: string[] = [];
before(async () => {
  t = await startControllerTest({
    controllers: [deploymentController, replicaSetController, garbageCollector],
    between: (transport) => ({
      ...transport,
      watch: (request) => transport.watch(request),
      getPath: (...args) => transport.getPath(...args),
      close: () => transport.close(),
      request(request) {
        const { verb, resource, name } = request;
        const made = request.body as { readonly metadata?: { readonly name?: string; readonly generateName?: string } } | undefined;
        if (verb !== 'get' && verb !== 'list')
          writes.push(`${verb} ${resource.resource} ${name ?? made?.metadata?.name ?? made?.metadata?.generateName ?? ''}`);
        return transport.request(request);
      },
    }),
  });
});
after(() => t.stop());

const template = (app: string, image: string) => ({ metadata: { labels: { app } }, spec: { containers: [{ name: 'c', image }] } });
const ref = (name: string) => ({ name, namespace: 'ns' });
const get = (name: string) => t.client.get(deployments, ref(name));
const setsOf = async (name: string): Promise<readonly ReplicaSet[]> =>
  (await t.client.list(replicasets, { namespace: 'ns', labelSelector: `app=${name}` })).items;

const create = (name: string, spec: object = {}): Promise<Deployment> =>
  t.client.create(deployments, {
    metadata: { name, namespace: 'ns' },
    spec: { replicas: 3, selector: { matchLabels: { app: name } }, template: template(name, 'v1'), ...spec },
  } as unknown as New<Deployment>);

const change = (name: string, spec: object) => t.client.patch(deployments, ref(name), { type: 'merge', body: { spec } });

const imageOf = ({ spec }: ReplicaSet): string => spec.template.spec.containers[0]?.image ?? '';

/** With pods of `works` made ready, until the deployment is as `is` wants it. */
const eventually = (
  name: string,
  is: (found: Deployment, sets: readonly ReplicaSet[]) => boolean,
  works: readonly string[] = ['v1', 'v2', 'v3', 'v4'],
) =>
  t.until(async () => {
    for (const pod of await podsLabelled(t, name)) {
      if (works.includes(pod.spec.containers[0]?.image ?? '') && !isPodReady(pod) && pod.metadata.deletionTimestamp === undefined)
        await makeReady(t, pod);
    }
    const [found, sets] = [await get(name), await setsOf(name)];
    return found.status.observedGeneration === found.metadata.generation && is(found, sets) ? found : undefined;
  });

const complete = ({ spec, status }: Deployment): boolean =>
  status.updatedReplicas === spec.replicas && status.availableReplicas === spec.replicas && status.replicas === spec.replicas;

test('a rolling update replaces all pods, and its revisions are counted', async () => {
  await create('web');
  await eventually('web', complete);
  await change('web', { template: template('web', 'v2') });
  const done = await eventually('web', complete);
  assert.equal(done.metadata.annotations?.['deployment.kubernetes.io/revision'], '2');
  const sets = await setsOf('web');
  assert.deepEqual(sets.map((rs) => `${imageOf(rs)} ${rs.spec.replicas}`).toSorted(), ['v1 0', 'v2 3']);
  assert.ok(t.events.some((line) => line.startsWith('Normal ScalingReplicaSet Scaled up replica set web-')));
});

test('Recreate ends all old pods before it makes new ones', async () => {
  await create('once', { strategy: { type: 'Recreate' } });
  await eventually('once', complete);
  await change('once', { template: template('once', 'v2') });
  let mixed = false;
  await eventually('once', (found, sets) => {
    const running = sets.filter(({ status }) => status.replicas > 0).map(imageOf);
    mixed ||= running.includes('v1') && running.includes('v2');
    return complete(found) && running.join() === 'v2';
  });
  assert.ok(!mixed);
});

test('old sets beyond the history limit are removed', async () => {
  await create('brief', { replicas: 1, revisionHistoryLimit: 0 });
  await eventually('brief', complete);
  await change('brief', { template: template('brief', 'v2') });
  await eventually('brief', (found, sets) => complete(found) && sets.length === 1);
});

test('a scaling in the middle of a roll-out that is stuck is spread over old and new', async () => {
  await create('large', { replicas: 10, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
  await eventually('large', complete);
  await change('large', { template: template('large', 'broken') });
  const sizes = (sets: readonly ReplicaSet[]): string =>
    sets
      .map((rs) => `${imageOf(rs)} ${rs.spec.replicas}`)
      .toSorted()
      .join();
  await eventually('large', (_, sets) => sizes(sets) === 'broken 5,v1 8');
  await change('large', { replicas: 30 });
  await eventually('large', (_, sets) => sizes(sets) === 'broken 13,v1 20');
});

test('a template that changes in the middle of a roll-out rolls over to the last one', async () => {
  await create('over', { minReadySeconds: 2 });
  await eventually('over', complete);
  await change('over', { template: template('over', 'broken') });
  await eventually('over', (_, sets) => sets.length === 2);
  await change('over', { template: template('over', 'v3') });
  await eventually(
    'over',
    (found, sets) =>
      complete(found) &&
      sets
        .filter(({ spec }) => spec.replicas > 0)
        .map(imageOf)
        .join() === 'v3',
  );
});

test('the scale and status of a deployment are its own subresources', async () => {
  await create('sub', { replicas: 1 });
  await eventually('sub', complete);
  await t.client.patch(deployments, ref('sub'), { type: 'merge', body: { spec: { replicas: 4 } } }, { subresource: 'scale' });
  await eventually('sub', (found) => found.spec.replicas === 4 && complete(found));
  const current = await get('sub');
  const extra = { type: 'StatusUpdate', status: 'True', reason: 'E2E', message: 'Set from e2e test' };
  const conditions = [...(current.status.conditions ?? []), extra];
  await t.client.patch(deployments, ref('sub'), { type: 'merge', body: { status: { conditions } } }, { subresource: 'status' });
  await eventually('sub', ({ status }) => status.conditions?.some(({ type }) => type === 'StatusUpdate') === true);
  await t.client.delete(deployments, ref('sub'));
  await t.until(async () => ((await setsOf('sub')).length + (await podsLabelled(t, 'sub')).length === 0 ? true : undefined));
});

test('a roll-out at rest writes nothing more, neither while time passes nor when controllers look at it anew', async () => {
  await create('rest', { replicas: 2 });
  await eventually('rest', complete);
  await change('rest', { template: template('rest', 'v2') });
  await eventually('rest', complete);
  // Whoever has brought another one to its end has looked at this one again before: keys wait in one queue.
  const another = async (name: string): Promise<void> => {
    await create(name, { replicas: 1 });
    await eventually(name, complete);
    assert.ok(writes.some((write) => write.includes(` ${name}`)));
  };
  await another('settled');
  const before = writes.length;
  const ofRest = () => writes.slice(before).filter((write) => write.includes(' rest'));
  const versions = async () =>
    [await get('rest'), ...(await setsOf('rest')), ...(await podsLabelled(t, 'rest'))].map(({ metadata }) => metadata.resourceVersion);
  const atRest = await versions();
  t.clock.advance(20 * 60_000);
  for (const name of ['seen', 'seen-anew']) {
    await another(name);
    assert.deepEqual(ofRest(), []);
    await t.restart();
  }
  await another('seen-last');
  assert.deepEqual(ofRest(), []);
  assert.deepEqual(await versions(), atRest);
});

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
