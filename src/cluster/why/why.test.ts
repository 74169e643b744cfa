import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, Node, Pod } from '#api/types.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { events, nodes, pods } from '#api/resources.ts';
import { fakeClient } from '#client/testing.ts';
import { diagnose, type Observed } from './diagnose.ts';
import { explain } from './explain.ts';
import { differencesOf, precedingChange } from './preceding-change.ts';
import { render } from './render.ts';

const READY_NODE = { metadata: { name: 'n' }, status: { conditions: [{ type: 'Ready', status: 'True' }] } } as unknown as Node;

const running = (status: object, spec: object = {}, metadata: object = {}): Pod =>
  ({
    metadata: { name: 'p', namespace: 'ns', uid: 'u', ...metadata },
    spec: { nodeName: 'n', containers: [{ name: 'web', image: 'i' }], ...spec },
    status: { phase: 'Pending', ...status },
  }) as unknown as Pod;

const container = (state: object, more: object = {}): object => ({
  containerStatuses: [{ name: 'web', image: 'nginx:2', ready: false, restartCount: 0, state, ...more }],
});

const event = (reason: string, message: string, lastTimestamp = '2026-01-01T00:00:05Z'): Event =>
  ({ metadata: {}, reason, message, lastTimestamp, involvedObject: { uid: 'u' } }) as unknown as Event;

const crashed = { terminated: { exitCode: 3, reason: 'Error', finishedAt: '2026-01-01T00:00:09Z' } };
const waiting = (reason: string, message = ''): object => ({ waiting: { reason, message } });

const DELETED = { deletionTimestamp: '2026-01-01T00:01:00Z' };
const SICK_NODE = {
  metadata: { name: 'n' },
  status: {
    conditions: [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown', message: 'Kubelet stopped posting node status.' }],
  },
} as unknown as Node;

interface Case {
  readonly name: string;
  readonly observed: Partial<Observed> & { readonly pod: Pod };
  readonly kind: string;
  readonly summary: RegExp;
  readonly evidence?: RegExp;
}

const CASES: readonly Case[] = [
  {
    name: 'a ready pod',
    observed: { pod: running({ phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }) },
    kind: 'none',
    summary: /^the pod is ready$/,
  },
  {
    name: 'a pod on no node',
    observed: {
      pod: running(
        { conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: '0/1 nodes are available' }] },
        { nodeName: '' },
      ),
    },
    kind: 'scheduling',
    summary: /on no node/,
    evidence: /Unschedulable: 0\/1 nodes/,
  },
  {
    name: 'an image that is not there',
    observed: {
      pod: running(container(waiting('ImagePullBackOff', 'Back-off'))),
      events: [event('Failed', 'Failed to pull image: not found')],
    },
    kind: 'image',
    summary: /^image nginx:2 of container web cannot be pulled$/,
    evidence: /not found/,
  },
  {
    name: 'a key that is missing',
    observed: { pod: running(container(waiting('CreateContainerConfigError', 'configmap "c" not found'))) },
    kind: 'configuration',
    summary: /cannot be made/,
    evidence: /configmap "c" not found/,
  },
  {
    name: 'a crash, with its last lines',
    observed: {
      pod: running(container(waiting('CrashLoopBackOff'), { lastState: crashed, restartCount: 2 })),
      logs: new Map([['web', 'no such table']]),
    },
    kind: 'crash',
    summary: /ends with exit code 3, 2 restarts so far/,
    evidence: /no such table/,
  },
  {
    name: 'too much memory',
    observed: {
      pod: running(container({ terminated: { exitCode: 137, reason: 'OOMKilled' } }), {
        containers: [{ name: 'web', image: 'i', resources: { limits: { memory: '64Mi' } } }],
      }),
    },
    kind: 'crash',
    summary: /more memory than its limit/,
  },
  {
    name: 'a liveness probe that kills',
    observed: {
      pod: running(container(waiting('CrashLoopBackOff'), { lastState: crashed, restartCount: 1 })),
      events: [event('Unhealthy', 'Liveness probe failed: 500')],
    },
    kind: 'probe',
    summary: /its probe failed, 1 restart so far/,
    evidence: /Liveness probe failed: 500/,
  },
  {
    name: 'a readiness probe that fails',
    observed: { pod: running(container({ running: {} })), events: [event('Unhealthy', 'Readiness probe failed: 404')] },
    kind: 'probe',
    summary: /probe of container web fails/,
    evidence: /404/,
  },
  {
    name: 'a command that is not there',
    observed: {
      pod: running(
        container(waiting('CrashLoopBackOff'), {
          lastState: { terminated: { exitCode: 128, reason: 'StartError', message: 'exec: "x"' } },
        }),
      ),
    },
    kind: 'crash',
    summary: /^container web cannot be started$/,
    evidence: /StartError\): exec: "x"/,
  },
  {
    name: 'a hook that fails',
    observed: {
      pod: running(container(waiting('CrashLoopBackOff'), { lastState: crashed, restartCount: 1 })),
      events: [event('FailedPostStartHook', 'PostStartHook failed'), event('Killing', 'FailedPostStartHook')],
    },
    kind: 'crash',
    summary: /its postStart hook failed, 1 restart so far/,
    evidence: /PostStartHook failed/,
  },
  {
    name: 'a server that ends without fault',
    observed: { pod: running(container(waiting('CrashLoopBackOff'), { lastState: { terminated: { exitCode: 0 } }, restartCount: 2 })) },
    kind: 'crash',
    summary: /ends by itself \(exit code 0\), and is started again, 2 restarts so far/,
  },
  {
    name: 'a crash between two runs',
    observed: { pod: running(container({ running: {} }, { lastState: crashed, restartCount: 4, started: false })) },
    kind: 'crash',
    summary: /ends with exit code 3, 4 restarts so far/,
  },
  {
    name: 'an init container that takes its time',
    observed: {
      pod: running(
        {
          ...container(waiting('PodInitializing')),
          initContainerStatuses: [{ name: 'wait', ready: false, state: { running: { startedAt: '2026-01-01T00:00:03Z' } } }],
        },
        { initContainers: [{ name: 'wait', image: 'i' }] },
      ),
    },
    kind: 'starting',
    summary: /^init container wait has not ended yet/,
    evidence: /runs since 2026-01-01T00:00:03Z/,
  },
  {
    name: 'a readiness probe nobody tells of any more',
    observed: {
      pod: running(container({ running: {} }, { started: true }), {
        containers: [{ name: 'web', image: 'i', readinessProbe: { httpGet: { port: 80 } } }],
      }),
    },
    kind: 'probe',
    summary: /its readiness probe has not succeeded yet/,
  },
  {
    name: 'a scheduler that is not there',
    observed: { pod: running({}, { nodeName: '', schedulerName: 'mine' }) },
    kind: 'scheduling',
    summary: /on no node/,
    evidence: /left to the one named mine/,
  },
  {
    name: 'a volume that cannot be mounted',
    observed: { pod: running(container(waiting('ContainerCreating'))), events: [event('FailedMount', 'secret "s" not found')] },
    kind: 'volume',
    summary: /volume/,
    evidence: /secret "s" not found/,
  },
  {
    name: 'a network that is not there',
    observed: { pod: running(container(waiting('ContainerCreating'))), events: [event('FailedCreatePodSandBox', 'no CNI')] },
    kind: 'sandbox',
    summary: /network/,
  },
  { name: 'a node that is gone', observed: { pod: running({}), node: undefined }, kind: 'node', summary: /node n is gone/ },
  {
    name: 'an evicted pod',
    observed: { pod: running({ phase: 'Failed', reason: 'Evicted', message: 'low on memory' }) },
    kind: 'ended',
    summary: /ended: Evicted/,
    evidence: /low on memory/,
  },
  {
    name: 'a readiness gate nobody opens',
    observed: { pod: running({ ...container({ running: {} }, { ready: true }) }, { readinessGates: [{ conditionType: 'lb' }] }) },
    kind: 'readiness-gate',
    summary: /gate lb/,
    evidence: /nobody has set it/,
  },
  {
    name: 'volumes that were late, long before a probe fails',
    observed: {
      pod: running(container({ running: {} }, { started: true }), {
        containers: [{ name: 'web', image: 'i', readinessProbe: { httpGet: { port: 80 } } }],
      }),
      events: [event('FailedMount', 'configmap "c" not found', '2026-01-01T00:00:01Z'), event('Unhealthy', 'Readiness probe failed: 500')],
    },
    kind: 'probe',
    summary: /^the probe of container web fails$/,
    evidence: /^Readiness probe failed: 500$/,
  },
  {
    name: 'an image that is on its way, though the network was late',
    observed: {
      pod: running({ ...container(waiting('ContainerCreating')), conditions: [{ type: 'PodReadyToStartContainers', status: 'True' }] }),
      events: [event('FailedCreatePodSandBox', 'no CNI', '2026-01-01T00:00:01Z'), event('Pulling', 'Pulling image "nginx:2"')],
    },
    kind: 'starting',
    summary: /^image nginx:2 of container web is being pulled$/,
  },
  {
    name: 'an image that has come',
    observed: {
      pod: running(container(waiting('ContainerCreating'))),
      events: [event('Pulling', 'Pulling image "nginx:2"', '2026-01-01T00:00:01Z'), event('Pulled', 'Successfully pulled image "nginx:2"')],
    },
    kind: 'starting',
    summary: /nothing has gone wrong/,
  },
  {
    name: 'a container of a job that has done its part',
    observed: {
      pod: running(
        {
          containerStatuses: [
            { name: 'done', image: 'i', ready: false, restartCount: 0, state: { terminated: { exitCode: 0, reason: 'Completed' } } },
            { name: 'web', image: 'i', ready: false, restartCount: 0, started: true, state: { running: {} } },
          ],
        },
        { restartPolicy: 'Never', containers: [{ name: 'done' }, { name: 'web', readinessProbe: { httpGet: { port: 80 } } }] },
      ),
    },
    kind: 'probe',
    summary: /^container web runs, and its readiness probe/,
  },
  {
    name: 'a job that failed',
    observed: { pod: running({ phase: 'Failed', ...container(crashed) }, { restartPolicy: 'Never' }) },
    kind: 'crash',
    summary: /^container web ends with exit code 3, and is not started again \(restartPolicy Never\)$/,
  },
  {
    name: 'a sidecar that is not up',
    observed: {
      pod: running(
        {
          ...container(waiting('PodInitializing')),
          initContainerStatuses: [{ name: 'proxy', ready: false, started: false, restartCount: 0, state: { running: {} } }],
        },
        { initContainers: [{ name: 'proxy', image: 'i', restartPolicy: 'Always', startupProbe: { tcpSocket: { port: 1 } } }] },
      ),
    },
    kind: 'probe',
    summary: /^container proxy runs, and its startup probe has not succeeded yet; the containers after it wait for that$/,
  },
  {
    name: 'a crash beside a container that a probe kills',
    observed: {
      pod: running(container(waiting('CrashLoopBackOff'), { lastState: crashed, restartCount: 1 })),
      events: [
        { ...event('Unhealthy', 'Liveness probe failed'), involvedObject: { fieldPath: 'spec.containers{other}' } } as unknown as Event,
      ],
    },
    kind: 'crash',
    summary: /ends with exit code 3, 1 restart so far/,
  },
  {
    name: 'a node whose memory ran out',
    observed: { pod: running(container({ terminated: { exitCode: 137, reason: 'OOMKilled' } })) },
    kind: 'crash',
    summary: /has no memory limit, and its node ran out of memory/,
  },
  {
    name: 'a kubelet that has not begun',
    observed: { pod: running({ conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:01Z' }] }) },
    kind: 'starting',
    summary: /^the kubelet of node n has not begun with the pod yet$/,
  },
  {
    name: 'a pod that room is made for',
    observed: {
      pod: running({ nominatedNodeName: 'n' }, { nodeName: '' }),
      going: [{ source: 'pod ns/victim on node n', text: 'has until 2026-01-01T00:01:00Z to end' }],
    },
    kind: 'scheduling',
    summary: /^the pod is on no node; room for it is kept on node n$/,
    evidence: /has until/,
  },
  {
    name: 'a deleted pod that a finalizer holds, whatever it has done',
    observed: { pod: running({ phase: 'Succeeded' }, {}, { ...DELETED, finalizers: ['example.com/hold'] }) },
    kind: 'ended',
    summary: /^the pod is being deleted and waits for example.com\/hold$/,
  },
  {
    name: 'a deleted pod on a node that is away',
    observed: { pod: running(container({ running: {} }), {}, DELETED), node: SICK_NODE },
    kind: 'ended',
    summary: /^the pod is being deleted; node n is not ready and does not say whether it has stopped$/,
    evidence: /NodeStatusUnknown: Kubelet stopped posting node status/,
  },
  {
    name: 'a deleted pod on a node that is gone',
    observed: { pod: running(container({ running: {} }), {}, DELETED), node: undefined },
    kind: 'ended',
    summary: /node n is gone, so that nobody is left to say that it has stopped$/,
  },
  {
    name: 'a deleted pod that takes its time',
    observed: {
      pod: running(container({ running: {} }), {}, { ...DELETED, finalizers: ['example.com/hold'] }),
      events: [event('FailedPreStopHook', 'PreStopHook failed')],
    },
    kind: 'ended',
    summary: /^the pod is being deleted; container web has until then to end$/,
    evidence: /2026-01-01T00:01:00Z\nPreStopHook failed/,
  },
  {
    name: 'a pod that is only slow',
    observed: { pod: running(container(waiting('ContainerCreating'))) },
    kind: 'starting',
    summary: /nothing has gone wrong/,
  },
];

for (const c of CASES) {
  test(`diagnose ${c.name}`, () => {
    const cause = diagnose({ events: [], node: READY_NODE, logs: new Map(), ...c.observed });
    assert.equal(cause.kind, c.kind);
    assert.match(cause.summary, c.summary);
    if (c.evidence !== undefined) assert.match(cause.evidence.map(({ text }) => text).join('\n'), c.evidence);
  });
}

const template = (image: string, env = 'a') => ({ spec: { containers: [{ name: 'web', image, env: [{ name: 'E', value: env }] }] } });
const revision = (number: number, image: string, env = 'a') => ({
  object: `Deployment web, revision ${number}`,
  number,
  time: `2026-01-01T00:00:0${number}Z`,
  template: template(image, env),
});

test('differencesOf tells named items apart by their names', () => {
  assert.deepEqual(differencesOf(template('i:1'), template('i:2')), ['spec.containers[web].image: i:1 → i:2']);
});

for (const c of [
  {
    name: 'names the part of a new template that has to do with it',
    options: { kind: 'image', revisions: [revision(1, 'i:1'), revision(2, 'i:2', 'b')], read: [] },
    want: { object: 'Deployment web, revision 2', time: '2026-01-01T00:00:02Z', differences: ['spec.containers[web].image: i:1 → i:2'] },
  },
  {
    name: 'goes by what the pod reads when the template has not to do with it',
    options: {
      kind: 'volume',
      revisions: [revision(1, 'i:1'), revision(2, 'i:2')],
      read: [{ object: 'Secret s', time: '2026-01-01T00:00:08Z' }],
    },
    want: { object: 'Secret s', time: '2026-01-01T00:00:08Z', differences: [] },
  },
  {
    name: 'does not name what was written after it began',
    options: {
      kind: 'crash',
      revisions: [],
      read: [{ object: 'ConfigMap c', time: '2026-01-02T00:00:00Z' }],
      since: '2026-01-01T00:00:09Z',
    },
    want: undefined,
  },
  { name: 'knows nothing of a first revision', options: { kind: 'crash', revisions: [revision(1, 'i:1')], read: [] }, want: undefined },
] as const) {
  test(`precedingChange ${c.name}`, () => {
    assert.deepEqual(precedingChange({ created: '2026-01-01T00:00:00Z', ...c.options }), c.want);
  });
}

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
    server.seed(pods, of('victim', 1, { nodeName: 'n' }, {}, { ...DELETED, finalizers: ['example.com/hold'] }));
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
