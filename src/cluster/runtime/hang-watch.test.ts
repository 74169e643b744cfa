import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { CriError } from '#cri/errors.ts';
import { restartWhenHung } from './hang-watch.ts';

type Outcome = 'answers' | 'hangs' | 'gone';

const MINUTE_MS = 60_000;

/** `outcomes` of the questions in turn, the last for all that follow. */
function watched(t: TestContext, outcomes: readonly Outcome[], restart = async (): Promise<void> => {}) {
  const clock = new ManualClock();
  const log: string[] = [];
  const stop = new AbortController();
  const began = clock.monotonic();
  const note = (what: string): unknown => log.push(`${(clock.monotonic() - began) / MINUTE_MS} ${what}`);
  let asked = 0;
  const ended = restartWhenHung({
    runtime: {
      version(_, { timeoutMs = 0, signal } = {}) {
        const outcome = outcomes[Math.min(asked++, outcomes.length - 1)] as Outcome;
        note(outcome);
        return new Promise((resolve, reject) => {
          let late = (): void => {};
          signal?.addEventListener('abort', () => {
            late();
            reject(signal.reason as Error);
          });
          if (outcome === 'answers') resolve({ version: '', runtimeName: '', runtimeVersion: '', runtimeApiVersion: '' });
          else if (outcome === 'gone') reject(new CriError({ code: 'Unavailable', details: 'gone', method: 'Version' }));
          else late = clock.after(timeoutMs, () => reject(new CriError({ code: 'DeadlineExceeded', details: 'late', method: 'Version' })));
        });
      },
    },
    containerd: {
      restart() {
        note('restart');
        return restart();
      },
    },
    clock,
    logger: silentLogger,
    signal: stop.signal,
  });
  t.after(async () => {
    stop.abort(new Error('the test ends'));
    await ended;
    assert.equal(clock.pending, 0);
  });
  return {
    log,
    async minutes(count: number) {
      for (let i = 0; i < count * 60; i++) {
        clock.advance(1000);
        await new Promise(setImmediate);
      }
    },
  };
}

test('restartWhenHung leaves a containerd alone that answers, is gone, or hangs for a moment', async (t) => {
  const { log, minutes } = watched(t, ['answers', 'gone', 'hangs', 'hangs', 'answers', 'hangs', 'gone', 'answers']);
  await minutes(20);
  assert.ok(log.length >= 10);
  assert.ok(!log.some((line) => line.endsWith('restart')), log.join(', '));
});

test('restartWhenHung starts anew what did not answer three times, and then as seldom again', async (t) => {
  const { log, minutes } = watched(t, ['answers', 'hangs']);
  await minutes(12);
  const events = log.map((line) => line.split(' ')[1]);
  assert.deepEqual(events.slice(0, 9), ['answers', 'hangs', 'hangs', 'hangs', 'restart', 'hangs', 'hangs', 'hangs', 'restart']);
});

test('restartWhenHung goes on when a start fails', async (t) => {
  const { log, minutes } = watched(t, ['hangs'], () => Promise.reject(new Error('no')));
  await minutes(12);
  assert.ok(log.filter((line) => line.endsWith('restart')).length >= 2, log.join(', '));
});
