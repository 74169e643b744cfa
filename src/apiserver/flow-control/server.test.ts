import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import type { FlowSchema } from '#api/gen/flowcontrol-v1.ts';
import { systemClock, wait } from '#base/clock.ts';
import { flowschemas, prioritylevelconfigurations } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { ALLOW } from '../authorization/contract.ts';
import { createFlowControl, type FlowControlSettings } from '../defaults.ts';
import { ADMIN, startTestServer, type TestServer } from '../testing.ts';
import { http1, http2, http2Session, text } from '../testing/http.ts';

/** Between looks at what the server does by itself, milliseconds. */
const LOOK_MS = 5;

async function until<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    await wait(systemClock, LOOK_MS);
  }
}

async function start(t: TestContext, settings?: FlowControlSettings): Promise<{ readonly server: TestServer; readonly client: Client }> {
  const server = await startTestServer({
    parts: (parts) => ({ ...createFlowControl(parts, settings), authorizer: { authorize: () => ALLOW } }),
  });
  t.after(() => server.stop());
  const client = createClient(server.server.loopback(ADMIN));
  await until(async () => ((await client.list(flowschemas)).items.length === 11 ? true : undefined));
  return { server, client };
}

const condition = async (client: Client, name: string): Promise<string | undefined> =>
  ((await client.get(flowschemas, { name })) as FlowSchema).status.conditions?.find(({ type }) => type === 'Dangling')?.status;

test('a server makes the default objects, restores them and says which schemas dangle', async (t) => {
  const { client } = await start(t);
  assert.equal((await client.list(prioritylevelconfigurations)).items.length, 8);
  assert.equal(await until(() => condition(client, 'probes')), 'False');
  const dangling = { metadata: { name: 'lost' }, spec: { priorityLevelConfiguration: { name: 'nowhere' }, matchingPrecedence: 5 } };
  await client.create(flowschemas, dangling as never);
  assert.equal(await until(() => condition(client, 'lost')), 'True');
  await client.delete(flowschemas, { name: 'catch-all' });
  const again = await until(async () => (await client.list(flowschemas)).items.find(({ metadata }) => metadata.name === 'catch-all'));
  assert.equal(again.metadata.annotations?.['apf.kubernetes.io/autoupdate-spec'], 'true');
});

test('answers name schema and level by uid, and pages and metrics show them', async (t) => {
  const { server, client } = await start(t);
  const schema = await client.get(flowschemas, { name: 'exempt' });
  const answer = await until(async () => {
    const got = await http1(server, '/api/v1/namespaces');
    return got.headers['x-kubernetes-pf-flowschema-uid'] === schema.metadata.uid ? got : undefined;
  });
  const level = await client.get(prioritylevelconfigurations, { name: 'exempt' });
  assert.equal(answer.headers['x-kubernetes-pf-prioritylevel-uid'], level.metadata.uid);
  assert.match(text(await http1(server, '/debug/api_priority_and_fairness/dump_priority_levels')), /^catch-all, +0, +true, +false, /m);
  const metrics = text(await http1(server, '/metrics'));
  assert.match(metrics, /^apiserver_flowcontrol_dispatched_requests_total\{flow_schema="exempt",priority_level="exempt"\} \d+$/m);
  assert.match(metrics, /^apiserver_flowcontrol_nominal_limit_seats\{priority_level="workload-low"\} 245$/m);
});

test('a level without a free seat answers 429 with Retry-After, and a watch gives its seat back when it has begun', async (t) => {
  const { server, client } = await start(t, { priorityAndFairness: true, maxReads: 3, maxWrites: 0 });
  const narrow = {
    type: 'Limited',
    limited: { nominalConcurrencyShares: 1, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: { type: 'Reject' } },
  };
  await client.create(prioritylevelconfigurations, { metadata: { name: 'narrow' }, spec: narrow } as never);
  await client.create(flowschemas, {
    metadata: { name: 'narrow' },
    spec: {
      priorityLevelConfiguration: { name: 'narrow' },
      matchingPrecedence: 3,
      rules: [
        {
          subjects: [{ kind: 'Group', group: { name: 'system:unauthenticated' } }],
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
        },
      ],
    },
  } as never);
  const { uid } = (await client.get(prioritylevelconfigurations, { name: 'narrow' })).metadata;
  const session = http2Session(server, 'nobody');
  t.after(() => session.destroy());
  await until(async () =>
    (await http2(session, '/api/v1/namespaces')).headers['x-kubernetes-pf-prioritylevel-uid'] === uid ? true : undefined,
  );

  const watch = session.request({ ':path': '/api/v1/namespaces?watch=1' });
  await once(watch, 'response');
  assert.equal((await http2(session, '/api/v1/namespaces')).status, 200, 'the watch holds no seat');

  // The body of a write keeps its seat for as long as it does not come.
  const slow = session.request({ ':path': '/api/v1/namespaces', ':method': 'POST', 'content-type': 'application/json' });
  const busy = await until(async () => {
    const answer = await http2(session, '/api/v1/namespaces');
    return answer.status === 429 ? answer : undefined;
  });
  assert.equal(busy.headers['retry-after'], '1');
  assert.equal(text(busy), 'Too many requests, please try again later.\n');
  assert.equal((await http1(server, '/api/v1/namespaces')).status, 200, 'administrators are exempt');
  slow.end(JSON.stringify({ metadata: { name: 'a' } }));
  await once(slow.resume(), 'close');
  assert.equal((await http2(session, '/api/v1/namespaces')).status, 200);
});

test('FlowSchemas and priority levels are objects like others: status, patches, collections', async (t) => {
  const { client } = await start(t);
  const rules = [
    {
      subjects: [{ kind: 'User', user: { name: 'example' } }],
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/foo'] }],
    },
  ];
  const labels = { 'example-e2e-fs-label': 'x' };
  const spec = {
    matchingPrecedence: 9_999,
    priorityLevelConfiguration: { name: 'global-default' },
    distinguisherMethod: { type: 'ByUser' },
    rules,
  };
  const made = await client.create(flowschemas, { metadata: { name: 'example', labels }, spec } as never);
  assert.equal(made.metadata.generation, 1);
  const patched = await client.patch(flowschemas, { name: 'example' }, { type: 'merge', body: { spec: { matchingPrecedence: 9_998 } } });
  assert.deepEqual([patched.metadata.generation, patched.spec.matchingPrecedence], [2, 9_998]);
  const condition = { type: 'e2e', status: 'True', reason: 'patched', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const body = { status: { conditions: [condition] } };
  const status = await client.patch(flowschemas, { name: 'example' }, { type: 'merge', body }, { subresource: 'status' });
  assert.equal(status.metadata.generation, 2, 'a status is no change of the object');
  assert.ok(status.status.conditions?.some(({ type }) => type === 'e2e'));
  await client.deleteCollection(flowschemas, { labelSelector: 'example-e2e-fs-label=x' });
  assert.equal((await client.list(flowschemas, { labelSelector: 'example-e2e-fs-label=x' })).items.length, 0);

  const limited = { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } };
  const level = { metadata: { name: 'example', labels }, spec: { type: 'Limited', limited } };
  await client.create(prioritylevelconfigurations, level as never);
  const changed = await client.patch(
    prioritylevelconfigurations,
    { name: 'example' },
    { type: 'merge', body: { spec: { limited: { nominalConcurrencyShares: 4 } } } },
  );
  assert.deepEqual(changed.spec.limited, { nominalConcurrencyShares: 4, lendablePercent: 0, limitResponse: { type: 'Reject' } });
  const levelStatus = await client.patch(
    prioritylevelconfigurations,
    { name: 'example' },
    { type: 'merge', body },
    { subresource: 'status' },
  );
  assert.equal(levelStatus.status.conditions?.[0]?.reason, 'patched');
  await client.deleteCollection(prioritylevelconfigurations, { labelSelector: 'example-e2e-fs-label=x' });
});
