import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterrolebindings, clusterroles, nodes, pods, subjectaccessreviews } from '#api/resources.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import { startControllerTest } from '#test/harness/controllers.ts';
import { CLUSTER_ROLES } from '../node/users.ts';
import { explain } from './explain.ts';

const WHY = 'proa:why';

test('ClusterRole proa:why lets somebody ask, and read all that an answer is made of', async (t) => {
  const cluster = await startControllerTest({ controllers: [] });
  t.after(() => cluster.stop());
  const { client, server } = cluster;
  const role = CLUSTER_ROLES.find(({ metadata }) => metadata?.name === WHY);
  assert.ok(role !== undefined);
  await client.create(nodes, { metadata: { name: 'n' }, status: { allocatable: { cpu: '4', pods: '9' } } });
  const containers = [{ name: 'c', image: 'i', resources: { requests: { cpu: '8' } } }];
  await client.create(pods, { metadata: { name: 'p', namespace: 'ns' }, spec: { containers } });
  const ask = () => {
    const asker = createClient(server.loopback({ name: 'asker', groups: ['system:authenticated'] }));
    const deps = { client: asker, log: () => Promise.resolve(''), clock: systemClock, ids: seededIds(1), logger: silentLogger };
    return explain('ns', 'p', deps);
  };
  await assert.rejects(ask(), /is forbidden: User "asker" cannot get resource "pods"/);

  await client.create(clusterroles, role);
  await client.create(clusterrolebindings, {
    metadata: { name: WHY },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: WHY },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'asker' }],
  });
  const { placement } = await ask();
  assert.match(placement?.nodes[0]?.reason ?? '', /untolerated taint/);
  const mayList = async (resource: string, group = ''): Promise<boolean | undefined> => {
    const resourceAttributes = { verb: 'list', resource, group, namespace: 'ns' };
    return (await client.create(subjectaccessreviews, { spec: { user: 'asker', resourceAttributes } })).status?.allowed;
  };
  assert.deepEqual(
    [await mayList('serviceaccounts'), await mayList('priorityclasses', 'scheduling.k8s.io'), await mayList('secrets')],
    [true, true, false],
  );
  const nonResourceAttributes = { path: '/proa/why/namespaces/ns/pods/p', verb: 'get' };
  const { status } = await client.create(subjectaccessreviews, { spec: { user: 'asker', nonResourceAttributes } });
  assert.equal(status?.allowed, true);
});
