import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pemBlocks } from './pem.ts';

const block = (type: string, body: string): string => `-----BEGIN ${type}-----\n${body}\n-----END ${type}-----\n`;

test('pemBlocks are those that end as they begin, in order, whatever stands around them', () => {
  const text = `x\n${block('A', 'AQI=')}-----BEGIN B-----\n${block('C', 'k: v\n\nAw==')}-----END B-----\n${block('A', 'BA==')}-----BEGIN D-----\n`;
  assert.deepEqual(
    pemBlocks(text).map(({ type, headers, der }) => [type, headers, [...der]]),
    [
      ['A', false, [1, 2]],
      ['C', true, [3]],
      ['A', false, [4]],
    ],
  );
  assert.deepEqual(pemBlocks(''), []);
});

test('pemBlocks passes over what is no base64', () => {
  const text = ['A?I=', 'AQI', 'A=I=', 'AQ I=\t', 'Aw==\r'].map((body) => block('A', body)).join('');
  assert.deepEqual(
    pemBlocks(text).map(({ der }) => [...der]),
    [[1, 2], [3]],
  );
});

/** As long as a body may be: what takes more than a look at each character takes hours here. */
for (const [name, text] of [
  ['blocks that never end', '-----BEGIN A-----\n'.repeat(170_000)],
  ['blocks that end as another', `${'-----BEGIN A-----\n'.repeat(160_000)}-----END B-----\n`],
  ['ends that begin nothing', '-----END A-----\n'.repeat(190_000)],
  ['colons', `-----BEGIN A-----\n${':'.repeat(3_000_000)}`],
] as const)
  test(`pemBlocks takes no long look at ${name}`, () => assert.deepEqual(pemBlocks(text), []));
