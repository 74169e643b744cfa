import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event, Node, Pod } from '#api/types.ts';
import type { Cause } from './contract.ts';
import { diagnose, type Observed } from './diagnose.ts';

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
  readonly heldBy?: Cause['heldBy'];
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
    heldBy: 'finalizers',
  },
  {
    name: 'a deleted pod on a node that is away',
    observed: { pod: running(container({ running: {} }), {}, DELETED), node: SICK_NODE },
    kind: 'ended',
    summary: /^the pod is being deleted; node n is not ready and does not say whether it has stopped$/,
    heldBy: 'unready-node',
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

test('diagnose tells once what the container and its event both say, and when', () => {
  const pod = running(container(waiting('RunContainerError', 'exec: no such file')));
  const events = [event('Failed', 'Error: exec: no such file')];
  assert.deepEqual(diagnose({ pod, events, node: READY_NODE, logs: new Map() }).evidence, [
    { source: 'container web, waiting', text: 'RunContainerError: exec: no such file', time: '2026-01-01T00:00:05Z' },
  ]);
});

test('diagnose tells once what several events say with other ids and ports', () => {
  const pod = running(container({ running: {} }));
  const failed = (id: string, port: number): string =>
    `Readiness probe errored: exec "${id.repeat(64)}": read udp 10.0.0.1:${port}->10.0.0.2:53`;
  const events = [event('Unhealthy', failed('a', 1)), event('Unhealthy', `(combined from similar events): ${failed('b', 2)}`)];
  assert.equal(diagnose({ pod, events, node: READY_NODE, logs: new Map() }).evidence.length, 1);
});

for (const c of CASES) {
  test(`diagnose ${c.name}`, () => {
    const cause = diagnose({ events: [], node: READY_NODE, logs: new Map(), ...c.observed });
    assert.equal(cause.kind, c.kind);
    assert.match(cause.summary, c.summary);
    assert.equal(cause.heldBy, c.heldBy);
    if (c.evidence !== undefined) assert.match(cause.evidence.map(({ text }) => text).join('\n'), c.evidence);
  });
}
