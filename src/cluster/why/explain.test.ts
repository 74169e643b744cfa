import assert from 'node:assert/strict';
import { test } from 'node:test';
import { events, nodes, pods } from '#api/resources.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { fakeClient } from '#client/testing.ts';
import { explain } from './explain.ts';
import { render } from './render.ts';

function depsOver(prepare: (server: ReturnType<typeof fakeClient>['server']) => void) {
  const { client, server } = fakeClient();
  prepare(server);
  return { client, log: () => Promise.resolve(''), clock: new ManualClock(), ids: seededIds(1), logger: silentLogger };
}

test('explain of a pod on no node says what would place it', async () => {
  const waits = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { schedulerName: 'default-scheduler', containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '8' } } }] },
    status: { phase: 'Pending' },
  };
  const deps = depsOver((server) => {
    server.seed(pods, waits as never);
    server.seed(nodes, { metadata: { name: 'n' }, spec: {}, status: { allocatable: { cpu: '4', memory: '8Gi', pods: '9' } } } as never);
  });
  const explanation = await explain('ns', 'p', deps);
  assert.equal(explanation.placement?.smallest?.changes[0]?.text, 'lower the request for cpu from 8 to 4');
  assert.match(render(explanation), /The smallest change that places it \(tried\): lower the request for cpu from 8 to 4, on n/);
});

test('explain knows every profile of the scheduler, and leaves pods of other schedulers alone', async () => {
  const waits = (name: string, schedulerName: string) => ({
    metadata: { name, namespace: 'ns', uid: name },
    spec: { schedulerName, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '8' } } }] },
    status: { phase: 'Pending' },
  });
  const disabled = { filter: { disabled: [{ name: 'NodeResourcesFit' }] } };
  const deps = {
    ...depsOver((server) => {
      server.seed(pods, waits('p', 'packing') as never, waits('q', 'somebody-else') as never);
      server.seed(nodes, {
        metadata: { name: 'n' },
        spec: { unschedulable: true },
        status: { allocatable: { cpu: '4', pods: '9' } },
      } as never);
    }),
    schedulerConfig: { profiles: [{ schedulerName: 'default-scheduler' }, { schedulerName: 'packing', plugins: disabled }] },
  };
  const { placement } = await explain('ns', 'p', deps);
  assert.deepEqual(
    placement?.nodes.map(({ node, plugin }) => [node, plugin]),
    [['n', 'NodeUnschedulable']],
  );
  assert.equal(placement?.smallest?.changes.length, 1);
  assert.equal((await explain('ns', 'q', deps)).placement, undefined);
});

test('explain of a pod that an extender has a say in does not promise a node', async () => {
  const waits = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: {
      schedulerName: 'default-scheduler',
      containers: [{ name: 'c', image: 'i', resources: { requests: { 'example.com/foo': '1' } } }],
    },
    status: { phase: 'Pending' },
  };
  const managed = [{ name: 'example.com/foo', ignoredByScheduler: true }];
  const deps = {
    ...depsOver((server) => {
      server.seed(pods, waits as never);
      server.seed(nodes, { metadata: { name: 'n' }, spec: {}, status: { allocatable: { cpu: '4', pods: '9' } } } as never);
    }),
    schedulerConfig: {
      extenders: [
        { urlPrefix: 'http://foo.example', filterVerb: 'filter', managedResources: managed },
        { urlPrefix: 'http://bar.example', filterVerb: 'filter', managedResources: [{ name: 'example.com/bar' }] },
        { urlPrefix: 'http://scores.example', prioritizeVerb: 'prioritize', weight: 1 },
      ],
    },
  };
  const explanation = await explain('ns', 'p', deps);
  assert.deepEqual(explanation.placement?.extenders, ['http://foo.example']);
  const told = render(explanation);
  assert.match(told, /For all that the scheduler itself says, node n takes it as it is\.\nExtenders have a say .* http:\/\/foo\.example\n/);
  assert.doesNotMatch(told, /has yet to try it again/);
});

test('explain of a pod that evicts others names those that go, and asks for nothing but to wait', async () => {
  const of = (name: string, priority: number, spec: object, status: object, metadata: object = {}) =>
    ({
      metadata: { name, namespace: 'ns', uid: name, ...metadata },
      spec: {
        schedulerName: 'default-scheduler',
        priority,
        containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '3' } } }],
        ...spec,
      },
      status: { phase: 'Pending', ...status },
    }) as never;
  const deps = depsOver((server) => {
    server.seed(nodes, { metadata: { name: 'n' }, spec: {}, status: { allocatable: { cpu: '4', pods: '9' } } } as never);
    server.seed(pods, of('p', 9, {}, { nominatedNodeName: 'n' }));
    server.seed(
      pods,
      of('victim', 1, { nodeName: 'n' }, {}, { deletionTimestamp: '2026-01-01T00:01:00Z', finalizers: ['example.com/hold'] }),
    );
  });
  const explanation = await explain('ns', 'p', deps);
  const { evidence } = explanation.cause;
  assert.deepEqual(evidence.at(-1), {
    source: 'pod ns/victim on node n',
    text: 'has until 2026-01-01T00:01:00Z to end; it waits for example.com/hold',
  });
  assert.equal(explanation.placement?.smallest?.changes[0]?.text, 'wait until pod ns/victim, already being deleted, is gone');
});

test('render says that there is no node', async () => {
  const waits = {
    metadata: { name: 'p', namespace: 'ns', uid: 'u' },
    spec: { schedulerName: 'default-scheduler', containers: [] },
    status: {},
  };
  const told = render(
    await explain(
      'ns',
      'p',
      depsOver((server) => void server.seed(pods, waits as never)),
    ),
  );
  assert.match(told, /\nThere is no node\.\n$/);
});

test('render shows of many nodes those that would take the pod, and of the others how many say what', () => {
  const refusing = Array.from({ length: 24 }, (_, i) => ({ node: `n${i}`, plugin: 'P', reason: 'no', changes: [], verified: false }));
  const taking = { node: 'z', plugin: 'Q', reason: 'full', changes: [{ kind: 'label' as const, text: 'label it' }], verified: true };
  const cause = { kind: 'scheduling' as const, summary: 'the pod is on no node', evidence: [] };
  const placement = { nodes: [...refusing, taking], smallest: taking, unsought: 0 };
  const lines = render({ kind: 'PodExplanation', namespace: 'ns', pod: 'p', cause, placement }).split('\n');
  assert.deepEqual(
    [lines[3], lines[4]?.trim(), lines[5], lines.find((line) => line.includes(' more '))],
    ['z     Q: full', 'would take it with: label it', 'n0    P: no', '5 more  P: no'],
  );
});

test('explain of a pod that was never made tells of its controller', async () => {
  const refused = {
    metadata: { name: 'e', namespace: 'ns' },
    involvedObject: { kind: 'ReplicaSet', name: 'web-1', namespace: 'ns', uid: 'r' },
    reason: 'FailedCreate',
    message: 'pods "web-1-x" is forbidden: exceeded quota: q',
    lastTimestamp: '2026-01-01T00:00:05Z',
  };
  const deps = depsOver((server) => void server.seed(events, refused as never));
  const { cause } = await explain('ns', 'web', deps);
  assert.deepEqual(
    [cause.kind, cause.summary, cause.evidence[0]?.text],
    ['refused', 'ReplicaSet web-1 may not make the pod', refused.message],
  );
  await assert.rejects(explain('ns', 'other', deps), /pods "other" not found/);
});
