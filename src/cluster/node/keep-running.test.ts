import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { createLogger } from '#base/log.ts';
import { keepRunning } from './keep-running.ts';

function world() {
  const clock = new ManualClock();
  const stopping = new AbortController();
  const told: unknown[] = [];
  const logger = createLogger(
    (_level, _message, { error, retryMs }) => told.push([(error as Error).message, retryMs]),
    {},
    () => false,
  );
  return { deps: { clock, logger, signal: stopping.signal }, clock, told, stop: () => stopping.abort(new Error('stop')) };
}

/** Whatever was about to happen has happened. */
const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

test('a part that breaks is begun anew, later and later, and what is left of it has its signal aborted', async () => {
  const { deps, clock, told, stop } = world();
  const signals: AbortSignal[] = [];
  const running = keepRunning(async (signal) => {
    signals.push(signal);
    throw new Error(`break ${signals.length}`);
  }, deps);
  for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    await settled();
    assert.deepEqual(told.at(-1), [`break ${signals.length}`, pause]);
    assert.ok(signals.at(-1)?.aborted);
    const before = signals.length;
    clock.advance(pause - 1);
    await settled();
    assert.equal(signals.length, before);
    clock.advance(1);
    await settled();
    assert.equal(signals.length, before + 1);
  }
  stop();
  await running;
});

test('a part that was well for a minute is begun anew at once, and one that ends by itself is, too', async () => {
  const { deps, clock, told, stop } = world();
  let end = Promise.withResolvers<void>();
  const running = keepRunning(() => end.promise, deps);
  for (let round = 0; round < 3; round++) {
    clock.advance(60_000);
    const { resolve } = end;
    end = Promise.withResolvers();
    resolve();
    await settled();
    clock.advance(1_000);
    await settled();
  }
  assert.deepEqual(told, Array(3).fill(['it ended by itself', 1_000]));
  stop();
  end.resolve();
  await running;
});

test('a part that ends because it is told to is not begun anew, and nobody is told', async () => {
  const { deps, told, stop } = world();
  let begun = 0;
  const running = keepRunning(async (signal) => {
    begun++;
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  }, deps);
  await settled();
  stop();
  await running;
  assert.deepEqual([begun, told], [1, []]);
});
