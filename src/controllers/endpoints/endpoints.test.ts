import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoints, Pod, Service } from '#api/types.ts';
import { isMirrored, mirrorSource, mirrorTargets } from '../endpointslice-mirroring/plan.ts';
import { targetsOfPod } from '../endpointslice/endpoints.ts';
import { memberOf, planEndpoints, wantedEndpoints as wantedOf } from './plan.ts';

const service = (spec: object = {}): Service =>
  ({
    metadata: { name: 'web', namespace: 'ns', labels: { tier: 'front' } },
    spec: {
      clusterIP: '10.96.0.1',
      selector: { app: 'web' },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
      ...spec,
    },
  }) as unknown as Service;

const pod = (
  name: string,
  ip: string,
  more: { readonly ready?: boolean; readonly deleting?: boolean; readonly phase?: string } = {},
): Pod =>
  ({
    metadata: { name, namespace: 'ns', uid: name, ...(more.deleting === true ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}) },
    spec: { nodeName: 'n', containers: [] },
    status: { phase: more.phase ?? 'Running', podIP: ip, conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }] },
  }) as unknown as Pod;

const wantedEndpoints = (of: Service, list: readonly Pod[]) => wantedOf(list.map((each) => memberOf(of, each)));

const brief = (of: Service, pods: readonly Pod[]) =>
  wantedEndpoints(of, pods).subsets.map(({ addresses = [], notReadyAddresses = [], ports = [] }) => [
    addresses.map(({ ip }) => ip).join(),
    notReadyAddresses.map(({ ip }) => ip).join(),
    ports.map(({ port }) => port).join(),
  ]);

const pods = [
  pod('b', '10.0.0.2'),
  pod('a', '10.0.0.1'),
  pod('c', '10.0.0.3', { ready: false }),
  pod('d', '10.0.0.4', { deleting: true }),
  pod('e', '10.0.0.5', { phase: 'Failed' }),
];

test('wantedEndpoints tells ready addresses from others, and leaves out what ends', () =>
  assert.deepEqual(brief(service(), pods), [['10.0.0.1,10.0.0.2', '10.0.0.3', '8080']]));

test('wantedEndpoints publishes all of them when the Service asks for it', () =>
  assert.deepEqual(brief(service({ publishNotReadyAddresses: true }), pods), [['10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4', '', '8080']]));

test('wantedEndpoints keeps a thousand addresses, the ready ones first', () => {
  const many = Array.from({ length: 1200 }, (_, i) => pod(`p${i}`, `10.${i % 250}.0.${Math.floor(i / 250)}`, { ready: i < 900 }));
  const { subsets, overCapacity } = wantedEndpoints(service(), many);
  assert.ok(overCapacity);
  assert.deepEqual([subsets[0]?.addresses?.length, subsets[0]?.notReadyAddresses?.length], [900, 100]);
});

test('wantedEndpoints fills the thousand when several groups of ports share them', () => {
  const named = service({ ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 'http' }] });
  const many = Array.from({ length: 1001 }, (_, i) => {
    const each = pod(`p${i}`, `10.${i % 250}.0.${Math.floor(i / 250)}`);
    const ports = [{ name: 'http', protocol: 'TCP', containerPort: 8080 + (i % 3) }];
    return { ...each, spec: { ...each.spec, containers: [{ name: 'c', ports }] } } as unknown as Pod;
  });
  assert.deepEqual(
    wantedEndpoints(named, many).subsets.map(({ addresses }) => addresses?.length),
    [334, 334, 332],
  );
});

const named = (...ports: readonly string[]): Service =>
  service({ ports: ports.map((name, i) => ({ name, port: 80 + i, protocol: 'TCP', targetPort: name })) });
const withPorts = (each: Pod, ports: Readonly<Record<string, number>>): Pod => {
  const list = Object.entries(ports).map(([name, containerPort]) => ({ name, protocol: 'TCP', containerPort }));
  return { ...each, spec: { ...each.spec, containers: [{ name: 'c', ports: list }] } } as unknown as Pod;
};

test('wantedEndpoints gives a port that several pods have in common one subset', () => {
  const list = [
    withPorts(pod('a', '10.0.0.1'), { http: 8080, https: 8443 }),
    withPorts(pod('b', '10.0.0.2'), { http: 8081, https: 8443 }),
    withPorts(pod('c', '10.0.0.3', { ready: false }), { https: 8443 }),
  ];
  for (const pods of [list, list.toReversed()])
    assert.deepEqual(brief(named('http', 'https'), pods), [
      ['10.0.0.1', '', '8080'],
      ['10.0.0.2', '', '8081'],
      ['10.0.0.1,10.0.0.2', '10.0.0.3', '8443'],
    ]);
});

/** Of five groups of ports, those that are ready and those that are not. Source: TestTruncateEndpoints. */
for (const [ready, notReady, keptReady, keptNotReady] of [
  [
    [50, 100, 100, 100, 100],
    [50, 100, 100, 100, 100],
    [50, 100, 100, 100, 100],
    [50, 100, 100, 100, 100],
  ],
  [
    [100, 100, 100, 100, 100],
    [100, 100, 100, 100, 100],
    [100, 100, 100, 100, 100],
    [100, 100, 100, 100, 100],
  ],
  [
    [90, 110, 50, 10, 20],
    [101, 200, 200, 201, 298],
    [90, 110, 50, 10, 20],
    [73, 144, 144, 145, 214],
  ],
  [
    [205, 400, 402, 400, 693],
    [100, 200, 200, 200, 300],
    [98, 191, 192, 191, 328],
    [0, 0, 0, 0, 0],
  ],
] as const) {
  test(`wantedEndpoints keeps ${keptReady.join()} of ${ready.join()} and ${keptNotReady.join()} of ${notReady.join()}`, () => {
    let serial = 0;
    const some = (count: number, port: number, isReady: boolean): readonly Pod[] =>
      Array.from({ length: count }, () => {
        const each = pod(`p${++serial}`, `10.0.${serial >> 8}.${serial & 255}`, { ready: isReady });
        return withPorts(each, { http: 8000 + port });
      });
    const all = [...ready.flatMap((count, i) => some(count, i, true)), ...notReady.flatMap((count, i) => some(count, i, false))];
    const { subsets } = wantedEndpoints(named('http'), all);
    const counts = (key: 'addresses' | 'notReadyAddresses') => subsets.map((subset) => subset[key]?.length ?? 0);
    assert.deepEqual([counts('addresses'), counts('notReadyAddresses')], [keptReady, keptNotReady]);
  });
}

for (const [was, over, writes] of [
  [undefined, false, false],
  ['truncated', false, true],
  ['warning', false, true],
  [undefined, true, true],
  ['warning', true, true],
  ['truncated', true, false],
] as const) {
  test(`planEndpoints ${writes ? 'mends' : 'leaves'} ${was ?? 'no word'} of capacity while it is ${over ? 'over' : 'under'}`, () => {
    const wanted = { ...wantedEndpoints(service(), pods), overCapacity: over };
    const first = planEndpoints(service(), wanted, undefined, undefined) as Endpoints;
    const annotations = was === undefined ? {} : { 'endpoints.kubernetes.io/over-capacity': was };
    const present = { ...first, metadata: { ...first.metadata, annotations } };
    const next = planEndpoints(service(), wanted, present, undefined);
    assert.equal(next !== undefined, writes);
    if (writes) assert.equal(next?.metadata?.annotations?.['endpoints.kubernetes.io/over-capacity'], over ? 'truncated' : undefined);
  });
}

test('addresses are written in their one form', () => {
  const each = pod('a', '1234::5678:0000:0000:9abc:def0');
  assert.deepEqual(brief(service(), [each])[0]?.[0], '1234::5678:0:0:9abc:def0');
  const [target] = targetsOfPod(service(), each, undefined);
  assert.deepEqual(target?.endpoint.addresses, ['1234::5678:0:0:9abc:def0']);
});

test('planEndpoints does not take a label of the Service for its being headless', () => {
  const labels = { tier: 'front', 'service.kubernetes.io/headless': '' };
  const of = { ...service(), metadata: { ...service().metadata, labels } } as Service;
  const told = planEndpoints(of, wantedEndpoints(of, pods), undefined, undefined);
  assert.deepEqual(told?.metadata?.labels, { tier: 'front', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' });
});

test('planEndpoints writes once, with the labels upstream sets, and says when it cut addresses off', () => {
  const wanted = wantedEndpoints(service({ clusterIP: 'None' }), pods);
  const first = planEndpoints(service({ clusterIP: 'None' }), wanted, undefined, '2026-01-01T00:00:00Z');
  assert.deepEqual(first?.metadata?.labels, {
    tier: 'front',
    'service.kubernetes.io/headless': '',
    'endpoints.kubernetes.io/managed-by': 'endpoint-controller',
  });
  assert.equal(first.metadata.annotations?.['endpoints.kubernetes.io/last-change-trigger-time'], '2026-01-01T00:00:00Z');
  assert.equal(planEndpoints(service({ clusterIP: 'None' }), wanted, first as Endpoints, undefined), undefined);
  const over = planEndpoints(service({ clusterIP: 'None' }), { ...wanted, overCapacity: true }, first as Endpoints, undefined);
  assert.deepEqual(over?.metadata?.annotations, { 'endpoints.kubernetes.io/over-capacity': 'truncated' });
});

const byHand = (labels: object = {}, annotations: object = {}): Endpoints =>
  ({
    metadata: {
      name: 'ext',
      namespace: 'ns',
      uid: 'e',
      labels,
      annotations: { note: 'x', 'kubectl.kubernetes.io/last-applied-configuration': '{}', ...annotations },
    },
    subsets: [
      {
        addresses: [{ ip: '1.2.3.4' }, { ip: 'fd00::9' }],
        notReadyAddresses: [{ ip: '1.2.3.5' }],
        ports: [{ port: 5432, protocol: 'TCP' }],
      },
    ],
  }) as unknown as Endpoints;

const without = service({ selector: undefined });
for (const [name, endpoints, of, want] of [
  ['those of a Service without a selector', byHand(), without, true],
  ['none whose Service selects pods', byHand(), service(), false],
  ['none without a Service', byHand(), undefined, false],
  ['none that say so', byHand({ 'endpointslice.kubernetes.io/skip-mirror': 'true' }), without, false],
  ['none that an election is kept in', byHand({}, { 'control-plane.alpha.kubernetes.io/leader': '{}' }), without, false],
] as const) {
  test(`isMirrored takes ${name}`, () => assert.equal(isMirrored(endpoints, of), want));
}

test('mirrorTargets has every address, ready or not, and mirrorSource what is said of them', () => {
  const { targets, skipped } = mirrorTargets(byHand());
  assert.deepEqual(
    targets.map(({ endpoint }) => [endpoint.addresses[0], endpoint.conditions.ready]),
    [
      ['1.2.3.4', true],
      ['fd00::9', true],
      ['1.2.3.5', false],
    ],
  );
  assert.equal(skipped, 0);
  const { labels, annotations, owner } = mirrorSource(byHand({ a: 'b' }));
  assert.deepEqual([annotations, owner.kind, owner.controller], [{ note: 'x' }, 'Endpoints', true]);
  assert.deepEqual(labels, {
    a: 'b',
    'kubernetes.io/service-name': 'ext',
    'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
  });
});
