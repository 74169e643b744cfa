// Cases of upstream's policy_test.go and its like. Masks are written as their bits: 0b01 is node 0.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { combinations, isNarrower, masksOf, nodesOf } from './numa-mask.ts';
import { mergeHints, type NumaInfo, type ProviderHints, type TopologyHint, type TopologyPolicy } from './topology-policies.ts';

const hint = (affinity: number | undefined, preferred: boolean): TopologyHint => ({ affinity, preferred });
const TWO: NumaInfo = { nodes: [0, 1], distances: new Map() };
const FOUR: NumaInfo = {
  nodes: [0, 1, 2, 3],
  distances: new Map([
    [0, [10, 20, 30, 40]],
    [1, [20, 10, 40, 30]],
    [2, [30, 40, 10, 20]],
    [3, [40, 30, 20, 10]],
  ]),
};

test('masksOf gives every set, the smallest first', () => {
  assert.deepEqual(
    [...masksOf([0, 1, 2])].map((mask) => nodesOf(mask).join('')),
    ['0', '1', '2', '01', '02', '12', '012'],
  );
  assert.deepEqual(
    [...combinations(['a', 'b', 'c'], 2)],
    [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ],
  );
  assert.ok(isNarrower(0b100, 0b011) && isNarrower(0b01, 0b10) && !isNarrower(0b10, 0b10));
});

const BOTH = 0b11;
const cases: readonly {
  readonly name: string;
  readonly providers: readonly ProviderHints[];
  /** Of best-effort, restricted and single-numa-node: hint, and whether the pod is admitted. */
  readonly merged: readonly (readonly [TopologyHint, boolean])[];
}[] = [
  {
    name: 'no provider has a preference',
    providers: [{}, { gpu: undefined }],
    merged: [
      [hint(BOTH, true), true],
      [hint(BOTH, true), true],
      [hint(undefined, true), true],
    ],
  },
  {
    name: 'what cannot be had anywhere',
    providers: [{ gpu: [] }],
    merged: [
      [hint(BOTH, false), true],
      [hint(BOTH, false), false],
      [hint(undefined, false), false],
    ],
  },
  {
    name: 'two that agree',
    providers: [{ cpu: [hint(0b01, true), hint(BOTH, false)] }, { gpu: [hint(0b01, true), hint(0b10, true), hint(BOTH, false)] }],
    merged: [
      [hint(0b01, true), true],
      [hint(0b01, true), true],
      [hint(0b01, true), true],
    ],
  },
  {
    name: 'two that exclude each other',
    providers: [{ cpu: [hint(0b01, true)] }, { gpu: [hint(0b10, true)] }],
    merged: [
      [hint(BOTH, false), true],
      [hint(BOTH, false), false],
      [hint(undefined, false), false],
    ],
  },
  {
    name: 'one that needs both nodes',
    providers: [{ cpu: [hint(BOTH, true)] }, { gpu: [hint(0b01, true), hint(0b10, true), hint(BOTH, false)] }],
    merged: [
      [hint(BOTH, false), true],
      [hint(BOTH, false), false],
      [hint(undefined, false), false],
    ],
  },
  {
    name: 'both of which need both nodes',
    providers: [{ cpu: [hint(BOTH, true)] }, { gpu: [hint(BOTH, true)] }],
    merged: [
      [hint(BOTH, true), true],
      [hint(BOTH, true), true],
      [hint(undefined, false), false],
    ],
  },
];

for (const { name, providers, merged } of cases) {
  for (const [i, policy] of (['best-effort', 'restricted', 'single-numa-node'] as const).entries())
    test(`mergeHints of ${name} by ${policy}`, () => {
      const [expected, admit] = merged[i] as readonly [TopologyHint, boolean];
      assert.deepEqual(mergeHints(policy as TopologyPolicy, providers, TWO), { hint: expected, admit });
    });
  test(`mergeHints of ${name} by none`, () =>
    assert.deepEqual(mergeHints('none', providers, TWO), { hint: hint(undefined, false), admit: true }));
}

test('mergeHints without a common set comes as near to what is needed as it can, and not beyond', () => {
  const wide = { memory: [hint(0b0111, false), hint(0b1111, false)], cpu: [hint(0b0011, false), hint(0b0111, false), hint(0b1111, false)] };
  assert.deepEqual(mergeHints('best-effort', [wide], FOUR).hint, hint(0b0111, false));
});

test('mergeHints prefers nodes near to one another when it is asked to', () => {
  const providers = [{ cpu: [hint(0b1001, true), hint(0b1100, true)] }];
  assert.equal(mergeHints('best-effort', providers, FOUR).hint.affinity, 0b1001);
  assert.equal(mergeHints('best-effort', providers, FOUR, { preferClosest: true }).hint.affinity, 0b1100);
});
