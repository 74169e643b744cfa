import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import type { ConnectionState } from '#cri/contract.ts';
import { reviveWhenGone } from './revive.ts';

function revived(ensureRunning: (attempt: number) => Promise<void>) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const listeners: ((state: ConnectionState) => void)[] = [];
  const world = { state: 'ready' as ConnectionState, attempts: 0 };
  const cri = {
    get state() {
      return world.state;
    },
    onStateChange(listener: (state: ConnectionState) => void) {
      listeners.push(listener);
      return () => {};
    },
  };
  const containerd = { ensureRunning: () => ensureRunning(++world.attempts) };
  reviveWhenGone({ cri, containerd, clock, logger: silentLogger, signal: stop.signal });
  return {
    clock,
    world,
    stop,
    enter(state: ConnectionState) {
      world.state = state;
      for (const listener of listeners) listener(state);
    },
    async seconds(count: number) {
      for (let i = 0; i < count * 10; i++) {
        await new Promise(setImmediate);
        clock.advance(100);
      }
      await new Promise(setImmediate);
    },
  };
}

test('reviveWhenGone looks again until the connection is there, since a break is told once and its process may still be dying', async () => {
  const { world, enter, seconds, clock } = revived(async () => {});
  await seconds(5);
  assert.equal(world.attempts, 0);
  enter('unavailable');
  await seconds(3);
  assert.ok(world.attempts >= 3 && world.attempts <= 4, `${world.attempts}`);
  enter('ready');
  await seconds(2);
  const { attempts } = world;
  await seconds(10);
  assert.deepEqual([world.attempts, clock.pending], [attempts, 0]);
});

test('reviveWhenGone goes on after a start that failed, one at a time, and ends with its signal', async () => {
  const { world, enter, seconds, stop, clock } = revived(async (attempt) => {
    if (attempt < 3) throw new Error('no');
  });
  enter('unavailable');
  enter('connecting');
  enter('unavailable');
  await seconds(4);
  assert.ok(world.attempts >= 3 && world.attempts <= 5, `${world.attempts}`);
  stop.abort(new Error('the end'));
  await seconds(2);
  const { attempts } = world;
  await seconds(5);
  assert.deepEqual([world.attempts, clock.pending], [attempts, 0]);
});
