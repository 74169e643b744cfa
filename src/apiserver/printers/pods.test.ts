import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '#api/types.ts';
import { defaultPrinters } from './default-printers.ts';
import { metadata, NOW, printed } from './testing.ts';

const running = (name: string, more: object = {}): object => ({
  name,
  ready: true,
  started: true,
  restartCount: 0,
  state: { running: {} },
  ...more,
});
const waiting = (name: string, reason: string, restartCount = 0): object => ({
  name,
  ready: false,
  restartCount,
  state: { waiting: { reason } },
});
const ended = (name: string, exitCode: number, more: object = {}): object => ({
  name,
  ready: false,
  restartCount: 0,
  state: { terminated: { exitCode, ...more } },
});
const sidecar = { name: 'i', restartPolicy: 'Always' };

const podCases: readonly {
  readonly name: string;
  readonly init?: readonly object[];
  readonly status: object;
  readonly metadata?: object;
  readonly cells: readonly [string, string, string];
}[] = [
  { name: 'waits for a node', status: { phase: 'Pending' }, cells: ['0/1', 'Pending', '0'] },
  {
    name: 'is held by a scheduling gate',
    status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
    cells: ['0/1', 'SchedulingGated', '0'],
  },
  {
    name: 'starts',
    status: { phase: 'Pending', containerStatuses: [waiting('c', 'ContainerCreating')] },
    cells: ['0/1', 'ContainerCreating', '0'],
  },
  { name: 'runs', status: { phase: 'Running', containerStatuses: [running('c')] }, cells: ['1/1', 'Running', '0'] },
  {
    name: 'crashes again and again',
    status: { phase: 'Running', containerStatuses: [waiting('c', 'CrashLoopBackOff', 4)] },
    cells: ['0/1', 'CrashLoopBackOff', '4'],
  },
  {
    name: 'was restarted',
    status: {
      phase: 'Running',
      containerStatuses: [
        running('c', { restartCount: 2, lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T23:59:00Z' } } }),
      ],
    },
    cells: ['1/1', 'Running', '2 (60s ago)'],
  },
  {
    name: 'has succeeded',
    status: { phase: 'Succeeded', containerStatuses: [ended('c', 0, { reason: 'Completed' })] },
    cells: ['0/1', 'Completed', '0'],
  },
  {
    name: 'has failed',
    status: { phase: 'Failed', containerStatuses: [ended('c', 1, { reason: 'Error' })] },
    cells: ['0/1', 'Error', '0'],
  },
  {
    name: 'ended with a code and no reason',
    status: { phase: 'Failed', containerStatuses: [ended('c', 3)] },
    cells: ['0/1', 'ExitCode:3', '0'],
  },
  {
    name: 'ended by a signal',
    status: { phase: 'Failed', containerStatuses: [ended('c', 137, { signal: 9 })] },
    cells: ['0/1', 'Signal:9', '0'],
  },
  { name: 'was evicted', status: { phase: 'Failed', reason: 'Evicted' }, cells: ['0/1', 'Evicted', '0'] },
  {
    name: 'has one container done and one running',
    status: { phase: 'Running', containerStatuses: [ended('a', 0, { reason: 'Completed' }), running('c')] },
    cells: ['1/1', 'NotReady', '0'],
  },
  {
    name: 'has one container done and is ready',
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [ended('a', 0, { reason: 'Completed' }), running('c')],
    },
    cells: ['1/1', 'Running', '0'],
  },
  {
    name: 'initialises',
    init: [{ name: 'i' }],
    status: { phase: 'Pending', initContainerStatuses: [running('i')] },
    cells: ['0/1', 'Init:0/1', '0'],
  },
  {
    name: 'fails to initialise',
    init: [{ name: 'i' }],
    status: { phase: 'Pending', initContainerStatuses: [ended('i', 1, { reason: 'Error' })] },
    cells: ['0/1', 'Init:Error', '0'],
  },
  {
    name: 'fails to initialise with a code',
    init: [{ name: 'i' }],
    status: { phase: 'Pending', initContainerStatuses: [ended('i', 2)] },
    cells: ['0/1', 'Init:ExitCode:2', '0'],
  },
  {
    name: 'backs off initialising',
    init: [{ name: 'i' }],
    status: { phase: 'Pending', initContainerStatuses: [waiting('i', 'CrashLoopBackOff', 3)] },
    cells: ['0/1', 'Init:CrashLoopBackOff', '3'],
  },
  {
    name: 'is initialised, and counts its own restarts only',
    init: [{ name: 'i' }],
    status: {
      phase: 'Running',
      initContainerStatuses: [{ ...ended('i', 0), restartCount: 5 }],
      containerStatuses: [running('c', { restartCount: 1 })],
    },
    cells: ['1/1', 'Running', '1'],
  },
  {
    name: 'has a sidecar, which counts',
    init: [sidecar],
    status: {
      phase: 'Running',
      initContainerStatuses: [running('i', { restartCount: 2 })],
      containerStatuses: [running('c', { restartCount: 1 })],
    },
    cells: ['2/2', 'Running', '3'],
  },
  {
    name: 'has its sidecar in a crash loop after initialising',
    init: [sidecar],
    status: {
      phase: 'Running',
      conditions: [{ type: 'Initialized', status: 'True' }],
      initContainerStatuses: [waiting('i', 'CrashLoopBackOff', 2)],
      containerStatuses: [running('c')],
    },
    cells: ['1/2', 'Init:CrashLoopBackOff', '2'],
  },
  {
    name: 'is being deleted',
    metadata: { deletionTimestamp: '2026-01-01T23:59:59Z' },
    status: { phase: 'Running', containerStatuses: [running('c')] },
    cells: ['1/1', 'Terminating', '0'],
  },
  {
    name: 'is being deleted when done',
    metadata: { deletionTimestamp: '2026-01-01T23:59:59Z' },
    status: { phase: 'Succeeded' },
    cells: ['0/1', 'Succeeded', '0'],
  },
  {
    name: 'is lost with its node',
    metadata: { deletionTimestamp: '2026-01-01T23:59:59Z' },
    status: { phase: 'Running', reason: 'NodeLost' },
    cells: ['0/1', 'Unknown', '0'],
  },
];

describe('a pod', () => {
  for (const { name, init, status, metadata: more, cells } of podCases) {
    test(`that ${name} is printed as ${cells[1]}`, () => {
      const { Ready, Status, Restarts } = printed('', 'Pod', {
        metadata: { ...metadata, ...more },
        spec: { containers: [{ name: 'c' }], ...(init === undefined ? {} : { initContainers: init }) },
        status,
      });
      assert.deepEqual([Ready, Status, Restarts], cells);
    });
  }

  test('that has finished is marked Completed', () => {
    const pod = { kind: 'Pod', metadata, spec: { containers: [] }, status: { phase: 'Failed' } } as unknown as KubeObject;
    const [row] = defaultPrinters.find({ group: '', version: 'v1', kind: 'Pod' })?.rows(pod, { now: NOW }) ?? [];
    assert.deepEqual(row?.conditions, [{ type: 'Completed', status: 'True', reason: 'Failed', message: 'The pod failed.' }]);
  });

  test('shows addresses, nodes and gates when asked for more', () => {
    const {
      IP,
      Node,
      'Nominated Node': nominated,
      'Readiness Gates': gates,
    } = printed('', 'Pod', {
      spec: { containers: [], nodeName: 'n1', readinessGates: [{ conditionType: 'a' }, { conditionType: 'b' }] },
      status: { phase: 'Running', podIPs: [{ ip: '10.0.0.9' }], conditions: [{ type: 'a', status: 'True' }] },
    });
    assert.deepEqual([IP, Node, nominated, gates], ['10.0.0.9', 'n1', '<none>', '1/2']);
  });
});
