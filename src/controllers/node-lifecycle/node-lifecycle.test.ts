import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import type { Node, NodeCondition, Pod, Taint, Toleration } from '#api/types.ts';
import { evictionTime } from '../taint-eviction/plan.ts';
import { ControllerMetrics } from '../metrics/metrics.ts';
import { plannedTaints, staleLabels, unknownConditions } from './plan.ts';
import { evictionRate, Zones, zoneState } from './zones.ts';

const NOW = Date.UTC(2026, 0, 1);

const node = (conditions: Readonly<Record<string, string>>, taints?: readonly Taint[], unschedulable?: boolean): Node =>
  ({
    metadata: { name: 'n' },
    spec: { ...(taints === undefined ? {} : { taints }), ...(unschedulable === undefined ? {} : { unschedulable }) },
    status: {
      conditions: Object.entries(conditions).map(([type, status]) => ({
        type,
        status,
        lastHeartbeatTime: 'then',
        lastTransitionTime: 'then',
      })),
    },
  }) as unknown as Node;

const brief = (taints: readonly Taint[]): readonly string[] =>
  taints.map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`);
const taint = (key: string, effect: Taint['effect']): Taint => ({ key: `node.kubernetes.io/${key}`, effect });

for (const [name, given, want] of [
  ['none for a node that is well', node({ Ready: 'True' }), []],
  ['not-ready, for scheduling and for running pods', node({ Ready: 'False' }), ['not-ready:NoSchedule', 'not-ready:NoExecute']],
  ['unreachable for a silent node', node({ Ready: 'Unknown' }), ['unreachable:NoSchedule', 'unreachable:NoExecute']],
  ['pressure only for scheduling', node({ Ready: 'True', MemoryPressure: 'True', DiskPressure: 'False' }), ['memory-pressure:NoSchedule']],
  ['unschedulable for a cordoned node', node({ Ready: 'True' }, [], true), ['unschedulable:NoSchedule']],
  [
    'the first one off when the node is ready',
    node({ Ready: 'True' }, [taint('not-ready', 'NoSchedule'), taint('not-ready', 'NoExecute')]),
    [],
  ],
  [
    'nobody else’s of a condition off either',
    node({ Ready: 'True' }, [
      taint('memory-pressure', 'NoExecute'),
      taint('unschedulable', 'NoExecute'),
      taint('not-ready', 'PreferNoSchedule'),
    ]),
    ['memory-pressure:NoExecute', 'unschedulable:NoExecute', 'not-ready:PreferNoSchedule'],
  ],
  ['nobody else’s taints off', node({ Ready: 'True' }, [{ key: 'team', effect: 'NoSchedule' }]), ['team:NoSchedule']],
] as const) {
  test(`plannedTaints gives ${name}`, () => assert.deepEqual(brief(plannedTaints(given, NOW)), want));
}

test('plannedTaints gives the same list when nothing changes, so that nothing is written', () => {
  const taints = [taint('not-ready', 'NoSchedule'), taint('not-ready', 'NoExecute')];
  assert.equal(plannedTaints(node({ Ready: 'False' }, taints), NOW), taints);
});

test('plannedTaints drives pods off only when the zone allows it, and takes that back when no node is well', () => {
  assert.deepEqual(brief(plannedTaints(node({ Ready: 'False' }), NOW, 'not-now')), ['not-ready:NoSchedule']);
  const driven = node({ Ready: 'Unknown' }, [taint('not-ready', 'NoSchedule'), taint('not-ready', 'NoExecute')]);
  assert.deepEqual(brief(plannedTaints(driven, NOW, 'not-now')), ['unreachable:NoSchedule', 'unreachable:NoExecute']);
  assert.deepEqual(brief(plannedTaints(driven, NOW, 'take-back')), ['unreachable:NoSchedule']);
});

for (const [ready, notReady, state] of [
  [3, 0, 'normal'],
  [0, 1, 'full'],
  [1, 2, 'normal'],
  [2, 3, 'partial'],
  [45, 55, 'partial'],
] as const) {
  test(`zoneState of ${ready} ready and ${notReady} others is ${state}`, () => assert.equal(zoneState(ready, notReady), state));
}

test('evictionRate is lower in a large zone in trouble, and none in a small one', () => {
  assert.deepEqual(
    [evictionRate('normal', 9), evictionRate('full', 9), evictionRate('partial', 51), evictionRate('partial', 50)],
    [0.1, 0.1, 0.01, 0],
  );
});

test('Zones lets one node of a zone go every ten seconds, and none when all are down', () => {
  const clock = new ManualClock();
  const zones = new Zones(clock, new ControllerMetrics().nodes);
  const named = (name: string, ready: string, zone: string): Node => {
    const made = node({ Ready: ready });
    return { ...made, metadata: { ...made.metadata, name, labels: { 'topology.kubernetes.io/zone': zone } } } as Node;
  };
  const [a, b] = [named('a', 'False', 'z'), named('b', 'False', 'z')];
  for (const one of [a, b, named('c', 'True', 'z'), named('d', 'True', 'z'), named('e', 'False', 'y')]) zones.put(one);
  assert.equal(zones.untilEviction(a), 0);
  zones.evicted(a);
  assert.equal(zones.untilEviction(b), 10_000);
  clock.advance(10_000);
  assert.equal(zones.untilEviction(b), 0);
  assert.equal(zones.allDown, false);
  for (const name of ['c', 'd']) zones.put(named(name, 'Unknown', 'z'));
  assert.equal(zones.allDown, true);
  zones.remove('e');
  zones.put(named('c', 'True', 'z'));
  assert.equal(zones.untilEviction(a), undefined, 'three of four are down, and the zone is small');
});

test('Zones does not count nodes that are to be left out', () => {
  const zones = new Zones(new ManualClock(), new ControllerMetrics().nodes);
  const named = (name: string, ready: string, labels: Readonly<Record<string, string>>): Node => {
    const made = node({ Ready: ready });
    return { ...made, metadata: { ...made.metadata, name, labels } } as Node;
  };
  const out = named('out', 'True', { 'node.kubernetes.io/exclude-disruption': '' });
  zones.put(named('in', 'Unknown', {}));
  zones.put(out);
  assert.deepEqual([zones.allDown, zones.untilEviction(out)], [true, 0]);
  zones.remove('in');
  assert.deepEqual([zones.allDown, zones.untilEviction(out)], [false, 0]);
});

test('unknownConditions turns all reported conditions to Unknown, and says whether there ever was a report', () => {
  const conditions = unknownConditions(node({ Ready: 'True', NetworkUnavailable: 'False' }), NOW);
  const text = (type: NodeCondition['type']): string => {
    const found = conditions.find((condition) => condition.type === type);
    return `${found?.status} ${found?.reason}`;
  };
  assert.deepEqual(
    [text('Ready'), text('DiskPressure'), text('NetworkUnavailable')],
    ['Unknown NodeStatusUnknown', 'Unknown NodeStatusNeverUpdated', 'False undefined'],
  );
});

const pod = (...tolerations: readonly Toleration[]): Pod => ({ spec: { tolerations } }) as unknown as Pod;
const execute: Taint = { key: 'k', effect: 'NoExecute', timeAdded: '2025-12-31T23:59:50Z' };

for (const [name, given, taints, want] of [
  ['at once without a toleration', pod(), [execute], NOW],
  ['never for a NoSchedule taint', pod(), [taint('x', 'NoSchedule')], undefined],
  ['never with a toleration without a limit', pod({ key: 'k', operator: 'Exists' }), [execute], undefined],
  ['when its time since the taint came is over', pod({ key: 'k', operator: 'Exists', tolerationSeconds: 30 }), [execute], NOW + 20_000],
  [
    'by the shortest of several limits',
    pod({ key: 'k', operator: 'Exists', tolerationSeconds: 30 }, { operator: 'Exists', tolerationSeconds: 15 }),
    [execute],
    NOW + 5_000,
  ],
  [
    'at once when one of two taints is not tolerated',
    pod({ key: 'k', operator: 'Exists' }),
    [execute, { key: 'l', effect: 'NoExecute' }],
    NOW,
  ],
] as const) {
  test(`evictionTime is ${name}`, () =>
    assert.equal(
      evictionTime(given, taints, () => NOW),
      want,
    ));
}

const [os, arch] = ['kubernetes.io/os', 'kubernetes.io/arch'];

// Source: node_lifecycle_controller_test.go TestReconcileNodeLabels.
for (const [name, labels, stale] of [
  ['nothing where there are no labels', undefined, undefined],
  ['nothing where none is doubled', { 'topology.kubernetes.io/zone': 'z' }, undefined],
  ['what is missing', { [os]: 'linux', [arch]: 'amd64' }, { [`beta.${os}`]: 'linux', [`beta.${arch}`]: 'amd64' }],
  ['what says something else', { [os]: 'linux', [`beta.${os}`]: 'windows' }, { [`beta.${os}`]: 'linux' }],
  ['nothing where they agree', { [os]: 'linux', [`beta.${os}`]: 'linux' }, undefined],
  ['nothing where only the old one is there', { [`beta.${os}`]: 'linux' }, undefined],
] as const)
  test(`staleLabels mends ${name}`, () => {
    const given = { metadata: { name: 'n', ...(labels === undefined ? {} : { labels }) } } as unknown as Node;
    assert.deepEqual(staleLabels(given), stale);
  });
