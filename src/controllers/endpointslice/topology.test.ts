import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '#api/types.ts';
import { identity, type Target, targetOf } from './target.ts';
import { isTopologyAware, shareByCpu, type ZoneRatios, zoneRatios } from './topology.ts';

const node = (zone: string | undefined, cpu: string, more: { readonly ready?: boolean; readonly role?: string } = {}): Node =>
  ({
    metadata: {
      name: 'n',
      labels: {
        ...(zone === undefined ? {} : { 'topology.kubernetes.io/zone': zone }),
        ...(more.role === undefined ? {} : { [`node-role.kubernetes.io/${more.role}`]: '' }),
      },
    },
    status: { allocatable: { cpu }, conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True' }] },
  }) as unknown as Node;

let addresses = 0;
/** `abb`: one endpoint in zone a, two in b; a capital letter: not ready; a dot: no zone. */
const targets = (zones: string): readonly Target[] =>
  Array.from(zones, (letter) =>
    targetOf(
      {
        addresses: [`10.0.0.${addresses++}`],
        conditions: { ready: letter === letter.toLowerCase(), serving: true, terminating: false },
        ...(letter === '.' ? {} : { zone: letter.toLowerCase() }),
      },
      [],
    ),
  );

const ratios = (parts: Readonly<Record<string, number>>): ZoneRatios => new Map(Object.entries(parts));
const EVEN = ratios({ a: 1 / 3, b: 1 / 3, c: 1 / 3 });

function zonesOf(of: readonly Target[], by: ZoneRatios, hinted = new Map<string, string>()): string {
  const sharing = shareByCpu(of, by, hinted);
  return sharing.kind === 'failed' ? sharing.why : of.map((target) => sharing.zones.get(target) ?? '-').join('');
}

for (const [annotations, aware] of [
  [{ 'service.kubernetes.io/topology-mode': 'Auto' }, true],
  [{ 'service.kubernetes.io/topology-mode': 'auto' }, true],
  [{ 'service.kubernetes.io/topology-mode': 'Disabled' }, false],
  [{ 'service.kubernetes.io/topology-mode': 'Auto', 'service.kubernetes.io/topology-aware-hints': 'disabled' }, false],
  [{ 'service.kubernetes.io/topology-aware-hints': 'auto' }, true],
  [undefined, false],
] as const) {
  test(`isTopologyAware with ${JSON.stringify(annotations)}`, () =>
    assert.equal(isTopologyAware({ metadata: { annotations } } as never), aware));
}

test('zoneRatios count the CPU of nodes that run workloads, and say nothing where something is not known', () => {
  const nodes = [node('a', '3'), node('b', '500m'), node('b', '500m'), node('c', '9', { ready: false })];
  assert.deepEqual(
    [...(zoneRatios([...nodes, node('d', '4', { role: 'control-plane' })]) ?? [])],
    [
      ['a', 0.75],
      ['b', 0.25],
    ],
  );
  assert.equal(zoneRatios([...nodes, node(undefined, '1')]), undefined);
  assert.equal(zoneRatios([...nodes, node('a', '0')]), undefined);
  assert.equal(zoneRatios([node('a', '1'), node('a', '1')]), undefined);
});

for (const [has, by, gets] of [
  ['aabbcc', EVEN, 'aabbcc'],
  ['aaaabc', EVEN, 'bcaabc'],
  ['aaaaaa', EVEN, 'bcbcaa'],
  ['aAbBcC', EVEN, 'a-b-c-'],
  ['aabb', ratios({ a: 0.25, b: 0.75 }), 'babb'],
  ['ab', EVEN, 'Insufficient number of endpoints (2 endpoints, 3 zones)'],
  ['aabb', EVEN, 'Unable to allocate minimum required endpoints to each zone without exceeding overload threshold (4 endpoints, 3 zones)'],
  ['aab.cc', EVEN, 'One or more endpoints do not have a zone specified'],
  ['aabbcc', undefined, 'Insufficient Node information: allocatable CPU or zone not specified on one or more nodes'],
] as const) {
  test(`shareByCpu gives ${has} as ${gets}`, () => {
    const of = targets(has);
    const got = zonesOf(of, by);
    if (gets.length > of.length) assert.equal(got, gets);
    // Which of equal endpoints moves is not said.
    else assert.deepEqual([...got].sort(), [...gets].sort());
  });
}

test('shareByCpu leaves endpoints with the zone they are for while that is right, and begins anew when it is not', () => {
  const of = targets('aaaabc');
  const hinted = new Map(Array.from('aabbcc', (zone, i) => [identity((of[i] as Target).endpoint), zone]));
  assert.equal(zonesOf(of, EVEN, hinted), 'aabbcc');
  const wrong = new Map(of.map(({ endpoint }) => [identity(endpoint), 'a']));
  assert.deepEqual([...zonesOf(of, EVEN, wrong)].sort().join(''), 'aabbcc');
  const gone = new Map(of.map(({ endpoint }) => [identity(endpoint), 'z']));
  assert.deepEqual([...zonesOf(of, EVEN, gone)].sort().join(''), 'aabbcc');
});
