import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BodyTurns } from './body-turns.ts';

const LARGE = { length: 64 * 1024, isYaml: false };
const nobodyGone = (): AbortSignal => new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('BodyTurns lets small bodies pass, and a large one where the turn is free', () => {
  const turns = new BodyTurns();
  assert.equal(turns.take('a', LARGE, nobodyGone), undefined);
  assert.equal(turns.take('a', { length: 16 * 1024, isYaml: false }, nobodyGone), undefined);
  assert.ok(turns.take('a', { length: 16 * 1024, isYaml: true }, nobodyGone) instanceof Promise);
});

test('BodyTurns begins one large body a turn, of one user after the other', async () => {
  const turns = new BodyTurns();
  const begun: string[] = [];
  const take = (user: string): void => void turns.take(user, LARGE, nobodyGone)?.then(() => begun.push(user));
  for (const user of ['greedy', 'greedy', 'greedy', 'greedy', 'modest', 'modest']) take(user);
  const seen: string[] = [];
  for (let i = 0; i < 6; i++) {
    await turn();
    seen.push(begun.join(' '));
  }
  assert.deepEqual(seen.slice(0, 5), [
    'greedy',
    'greedy modest',
    'greedy modest greedy',
    'greedy modest greedy modest',
    'greedy modest greedy modest greedy',
  ]);
  assert.equal(turns.take('late', LARGE, nobodyGone), undefined, 'nothing waits any more');
});

test('BodyTurns begins several that fit into a turn together, and loses no turn to who is gone', async () => {
  const turns = new BodyTurns();
  let begun = 0;
  const gone = AbortSignal.abort();
  void turns.take('a', LARGE, nobodyGone);
  for (let i = 0; i < 3; i++) void turns.take('a', LARGE, () => gone)?.then(() => begun++);
  for (let i = 0; i < 4; i++) void turns.take('b', { length: 20 * 1024, isYaml: false }, nobodyGone)?.then(() => begun++);
  await turn();
  assert.equal(begun, 7);
});
