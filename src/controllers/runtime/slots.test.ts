import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Slots } from './slots.ts';

test('Slots lets as many calls begin as there are slots, the others in order as those end, failed ones too', async () => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const calls = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
  const results = calls.map(({ promise }, i) =>
    slots.run(() => {
      begun.push(i);
      return promise;
    }),
  );
  await Promise.resolve();
  assert.deepEqual(begun, [0, 1]);
  calls[1]?.reject(new Error('refused'));
  await assert.rejects(results[1] as Promise<number>, /refused/);
  assert.deepEqual(begun, [0, 1, 2]);
  for (const [i, { resolve }] of calls.entries()) resolve(i);
  assert.deepEqual(await Promise.all(results.filter((_, i) => i !== 1)), [0, 2, 3, 4]);
  assert.deepEqual(begun, [0, 1, 2, 3, 4]);
  assert.equal(await slots.run(async () => 'free again'), 'free again');
});
