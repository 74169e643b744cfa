// Cases of upstream's cpu_assignment_test.go, and laws that every choice keeps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AssignmentOptions, CpuAssignmentError, takePacked } from './cpu-assignment.ts';
import { takeDistributed } from './cpu-distribution.ts';
import { CpuSet, CpuSetError } from './cpu-set.ts';
import type { CpuTopology } from './cpu-topology.ts';
import { DUAL_SOCKET_FOUR_NUMA_HT, DUAL_SOCKET_HT, DUAL_SOCKET_NO_HT, FOUR_CACHES_HT, SINGLE_SOCKET_HT } from './testing.ts';

for (const [text, members, written] of [
  ['', [], ''],
  ['5', [5], '5'],
  ['1,2,3,5', [1, 2, 3, 5], '1-3,5'],
  ['2-3,0,8-9', [0, 2, 3, 8, 9], '0,2-3,8-9'],
] as const) {
  test(`CpuSet.parse of "${text}"`, () => {
    assert.deepEqual(CpuSet.parse(text).list, members);
    assert.equal(CpuSet.parse(text).toString(), written);
  });
}

for (const text of ['a', '1-', '3-1', '1,,2', '-1', '1-2-3'])
  test(`CpuSet.parse refuses "${text}"`, () => assert.throws(() => CpuSet.parse(text), CpuSetError));

interface Case {
  readonly name: string;
  readonly machine: CpuTopology;
  readonly available: string;
  readonly count: number;
  readonly options?: AssignmentOptions;
  readonly taken: string;
}

const PACKED: readonly Case[] = [
  { name: 'one CPU of whole cores', machine: SINGLE_SOCKET_HT, available: '0-7', count: 1, taken: '0' },
  { name: 'the rest of a core', machine: SINGLE_SOCKET_HT, available: '1,3,5,6,7', count: 1, taken: '6' },
  { name: 'a whole core', machine: SINGLE_SOCKET_HT, available: '0-7', count: 2, taken: '0,4' },
  { name: 'all of a socket', machine: SINGLE_SOCKET_HT, available: '0-7', count: 8, taken: '0-7' },
  { name: 'two cores of one socket', machine: SINGLE_SOCKET_HT, available: '0-1,4-5', count: 2, taken: '0,4' },
  { name: 'one socket whole', machine: DUAL_SOCKET_HT, available: '0-11', count: 6, taken: '0,2,4,6,8,10' },
  { name: 'a socket and a core', machine: DUAL_SOCKET_HT, available: '0-11', count: 8, taken: '0-2,4,6-8,10' },
  { name: 'the core where fewer are left', machine: DUAL_SOCKET_HT, available: '1-11', count: 1, taken: '6' },
  { name: 'a thread of the socket where fewer are left', machine: DUAL_SOCKET_NO_HT, available: '0,1,3-7', count: 1, taken: '0' },
  { name: 'a socket without threads', machine: DUAL_SOCKET_NO_HT, available: '0-7', count: 4, taken: '0-3' },
  {
    name: 'spread: one thread of each core',
    machine: SINGLE_SOCKET_HT,
    available: '0-7',
    count: 4,
    options: { spread: true },
    taken: '0-3',
  },
  { name: 'a NUMA node whole', machine: DUAL_SOCKET_FOUR_NUMA_HT, available: '0-79', count: 20, taken: '0-9,40-49' },
  {
    name: 'a whole cache',
    machine: FOUR_CACHES_HT,
    available: '1-15,17-31',
    count: 8,
    options: { alignByUncoreCache: true },
    taken: '4-7,20-23',
  },
  {
    name: 'part of one cache, that with the fewest left',
    machine: FOUR_CACHES_HT,
    available: '1-15,17-31',
    count: 6,
    options: { alignByUncoreCache: true },
    taken: '1-3,17-19',
  },
  {
    name: 'an odd number of one cache',
    machine: FOUR_CACHES_HT,
    available: '0-31',
    count: 3,
    options: { alignByUncoreCache: true },
    taken: '0-1,16',
  },
];

for (const { name, machine, available, count, options, taken } of PACKED)
  test(`takePacked: ${name}`, () => assert.equal(takePacked(machine, CpuSet.parse(available), count, options).toString(), taken));

const DISTRIBUTED: readonly (Omit<Case, 'options'> & { readonly group: number })[] = [
  {
    name: 'what one node has comes from one',
    machine: DUAL_SOCKET_FOUR_NUMA_HT,
    available: '0-79',
    count: 20,
    group: 1,
    taken: '0-9,40-49',
  },
  { name: 'two nodes evenly', machine: DUAL_SOCKET_FOUR_NUMA_HT, available: '0-79', count: 24, group: 1, taken: '0-5,10-15,40-45,50-55' },
  {
    name: 'three nodes, whole cores',
    machine: DUAL_SOCKET_FOUR_NUMA_HT,
    available: '0-79',
    count: 48,
    group: 2,
    taken: '0-7,10-17,20-27,40-47,50-57,60-67',
  },
  {
    name: 'the nodes that leave the rest most even',
    machine: DUAL_SOCKET_FOUR_NUMA_HT,
    available: '1-29,32-39,41-69,72-79',
    count: 24,
    group: 1,
    taken: '10-15,20-25,50-55,60-65',
  },
  { name: 'an odd number by two packs', machine: DUAL_SOCKET_FOUR_NUMA_HT, available: '0-79', count: 21, group: 2, taken: '0-10,40-49' },
];

for (const { name, machine, available, count, group, taken } of DISTRIBUTED)
  test(`takeDistributed: ${name}`, () => assert.equal(takeDistributed(machine, CpuSet.parse(available), count, group).toString(), taken));

test('whatever is asked for is taken of what is available, as many as asked, or refused', () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const machines = [SINGLE_SOCKET_HT, DUAL_SOCKET_HT, DUAL_SOCKET_NO_HT, DUAL_SOCKET_FOUR_NUMA_HT, FOUR_CACHES_HT];
  for (let i = 0; i < 300; i++) {
    const machine = machines[random(machines.length)] as CpuTopology;
    const available = CpuSet.of(machine.details.cpus.list.filter(() => random(4) > 0));
    const count = random(machine.details.cpus.size + 1);
    const options = { spread: random(2) === 0, alignByUncoreCache: random(2) === 0 };
    const takes = [
      () => takePacked(machine, available, count, options),
      () => takeDistributed(machine, available, count, 1 + random(2), options),
    ];
    for (const take of takes) {
      if (count > available.size) assert.throws(take, CpuAssignmentError);
      else {
        const taken = take();
        assert.equal(taken.size, count);
        assert.ok(taken.isSubsetOf(available));
      }
    }
  }
});
