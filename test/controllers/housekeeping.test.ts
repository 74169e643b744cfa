import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { clusterroles, configmaps, ipaddresses, namespaces, nodes, pods, secrets, servicecidrs } from '#api/resources.ts';
import type { ClusterRole, IPAddress, New, Pod } from '#api/types.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { bootstrapSigner, tokenCleaner } from '#controllers/bootstrap/controller.ts';
import { clusterRoleAggregationController } from '#controllers/clusterrole-aggregation/controller.ts';
import { legacyTokenCleaner } from '#controllers/legacy-token-cleaner/controller.ts';
import { podGarbageCollector } from '#controllers/pod-gc/controller.ts';
import { serviceCidrsController } from '#controllers/service-cidrs/controller.ts';
import { ttlController } from '#controllers/ttl/controller.ts';
import { type ControllerTest, startControllerTest } from '../harness/controllers.ts';

let t: ControllerTest;
before(async () => {
  t = await startControllerTest({
    controllers: [
      podGarbageCollector,
      ttlController,
      clusterRoleAggregationController,
      bootstrapSigner,
      tokenCleaner,
      legacyTokenCleaner,
      serviceCidrsController,
    ],
  });
});
after(() => t.stop());

test('pods of a node that is gone for good are marked failed and removed', async () => {
  await t.client.create(nodes, { metadata: { name: 'lost' } });
  const pod = { metadata: { name: 'orphan', namespace: 'ns' }, spec: { nodeName: 'lost', containers: [{ name: 'c', image: 'i' }] } };
  await t.client.create(pods, pod as New<Pod>);
  const seen: Pod[] = [];
  const watch = t.client.watch(pods, { namespace: 'ns' });
  const watching = (async () => {
    for await (const event of watch) {
      if (event.type !== 'MODIFIED' && event.type !== 'DELETED') continue;
      seen.push(event.object);
      if (event.type === 'DELETED') return;
    }
  })();
  await t.client.delete(nodes, { name: 'lost' });
  await t.gone(() => t.client.get(pods, { name: 'orphan', namespace: 'ns' }), 5000);
  await watching;
  const marked = seen.find(({ status }) => status.phase === 'Failed');
  const condition = marked?.status.conditions?.find(({ type }) => type === 'DisruptionTarget');
  assert.deepEqual([condition?.status, condition?.reason, condition?.message], ['True', 'DeletionByPodGC', 'PodGC: node no longer exists']);
  assert.deepEqual([condition?.observedGeneration, marked?.status.observedGeneration], [1, 1]);
});

test('a new node is told how long it may keep what it has read', async () => {
  await t.client.create(nodes, { metadata: { name: 'n1' } });
  await t.until(async () => (await t.client.get(nodes, { name: 'n1' })).metadata.annotations?.['node.alpha.kubernetes.io/ttl']);
});

test('a role that gathers others has their rules as they come and go', async () => {
  const part = (name: string, resource: string): New<ClusterRole> => ({
    metadata: { name, labels: { 'example.com/into': 'all' } },
    rules: [{ apiGroups: ['example.com'], resources: [resource], verbs: ['get'] }],
  });
  await t.client.create(clusterroles, {
    metadata: { name: 'all' },
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { 'example.com/into': 'all' } }] },
  });
  const resources = () =>
    t.client.get(clusterroles, { name: 'all' }).then(({ rules }) => (rules ?? []).flatMap((rule) => rule.resources ?? []).join());
  await t.client.create(clusterroles, part('part-b', 'bananas'));
  await t.client.create(clusterroles, part('part-a', 'apples'));
  await t.until(async () => ((await resources()) === 'apples,bananas' ? true : undefined));
  await t.client.delete(clusterroles, { name: 'part-b' });
  await t.until(async () => ((await resources()) === 'apples' ? true : undefined));
});

test('bootstrap tokens sign the public information until they expire, and are removed then', async () => {
  try {
    await t.client.create(namespaces, { metadata: { name: 'kube-public' } });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  }
  const info = { name: 'cluster-info', namespace: 'kube-public' };
  await t.client.create(configmaps, { metadata: info, data: { kubeconfig: 'apiVersion: v1' } });
  const expiration = new Date(t.clock.now() + 3_600_000).toISOString();
  const token = { name: 'bootstrap-token-abcdef', namespace: 'kube-system' };
  await t.client.create(secrets, {
    metadata: token,
    type: 'bootstrap.kubernetes.io/token',
    stringData: { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-signing': 'true', expiration },
  });
  const signature = async () => (await t.client.get(configmaps, info)).data?.['jws-kubeconfig-abcdef'];
  assert.match(await t.until(signature), /^[\w-]+\.\.[\w-]+$/);
  await t.gone(() => t.client.get(secrets, token), 60_000);
  await t.until(async () => ((await signature()) === undefined ? true : undefined));
});

test('a range of Service addresses stays until its last address is gone', async () => {
  await t.client.create(servicecidrs, { metadata: { name: 'extra' }, spec: { cidrs: ['10.200.0.0/24'] } });
  const ready = async () => (await t.client.get(servicecidrs, { name: 'extra' })).status.conditions?.find(({ type }) => type === 'Ready');
  await t.until(async () => ((await ready())?.status === 'True' ? true : undefined));
  const parentRef = { group: '', resource: 'services', namespace: 'ns', name: 'svc' };
  await t.client.create(ipaddresses, { metadata: { name: '10.200.0.7' }, spec: { parentRef } } as New<IPAddress>);
  await t.client.delete(servicecidrs, { name: 'extra' });
  const held = await t.until(async () => {
    const condition = await ready();
    return condition?.status === 'False' ? condition : undefined;
  });
  assert.equal(held.reason, 'Terminating');
  await t.client.delete(ipaddresses, { name: '10.200.0.7' });
  await t.gone(() => t.client.get(servicecidrs, { name: 'extra' }));
});

test('no call of the controllers was refused for want of rights', () => {
  assert.deepEqual(
    t.warnings.filter((line) => /cannot (get|list|watch|create|update|patch|delete)/.test(line)),
    [],
  );
});
