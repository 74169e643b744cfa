import assert from 'node:assert/strict';
import { test } from 'node:test';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { eventually } from '#test/harness/eventually.ts';
import { letLargeHeapsGrow } from './heap-growth.ts';

test('a heap may double once a collection leaves as much as is large, which is told once; a small one is collected as before', async () => {
  const [large, small]: [string[], string[]] = [[], []];
  const leave = [
    letLargeHeapsGrow({ large: Infinity, setFlags: (flags) => void small.push(flags) }),
    letLargeHeapsGrow({ large: 1, setFlags: (flags) => void large.push(flags) }),
  ];
  collectGarbage();
  await eventually(async () => assert.deepEqual(large, ['--heap-growing-percent=100']));
  // One that begins now hears of the next collection, and so has the one before by then.
  const later: string[] = [];
  leave.push(letLargeHeapsGrow({ large: 1, setFlags: (flags) => void later.push(flags) }));
  collectGarbage();
  await eventually(async () => assert.equal(later.length, 1));
  for (const each of leave) each();
  assert.deepEqual([large.length, small], [1, []]);
});
