import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { internalError } from '#apimachinery/errors.ts';
import { configmaps } from '#api/resources.ts';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { ConnectionError, type Client, type WatchStream } from '../contract.ts';
import { runReflector } from './reflector.ts';

const refused = new ConnectionError('GET', { cause: Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }) });

/** A reflector over a server that is `state` now; the times at which it tried, in milliseconds. */
function reflecting(t: TestContext) {
  const clock = new ManualClock();
  const stop = new AbortController();
  const server: { error: Error | undefined; end: (error: Error) => void } = { error: undefined, end() {} };
  const attempts: number[] = [];
  const watch = async function* (): AsyncGenerator<never> {
    attempts.push(clock.monotonic());
    if (server.error !== undefined) throw server.error;
    yield { type: 'BOOKMARK', resourceVersion: '1', initialEventsEnd: true } as never;
    await new Promise<void>((_, reject) => {
      server.end = reject;
      stop.signal.addEventListener('abort', () => reject(stop.signal.reason as Error));
    });
  };
  const sink = { replace() {}, apply() {}, bookmark() {} };
  const list = async (): Promise<never> => {
    attempts.push(clock.monotonic());
    throw server.error ?? new Error('streams are to be had');
  };
  const client = { list, watch: () => watch() as unknown as WatchStream<unknown> } as unknown as Client;
  const running = runReflector(
    { client, resource: configmaps, scope: {}, managedFields: true, sink, clock, ids: seededIds(3), logger: silentLogger },
    stop.signal,
  );
  t.after(async () => {
    stop.abort(new Error('the test ends'));
    await running;
  });
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    server,
    /** Milliseconds of the attempts made meanwhile, from its beginning on. */
    async during(ms: number): Promise<readonly number[]> {
      const [began, before] = [clock.monotonic(), attempts.length];
      for (let at = 0; at < ms; at += 10) {
        await turn();
        clock.advance(10);
      }
      await turn();
      return attempts.slice(before).map((at) => at - began);
    },
  };
}

test('a reflector is back within seconds of a server at which nobody listened, however long, and asks in bounds meanwhile', async (t) => {
  const { server, during } = reflecting(t);
  assert.deepEqual(await during(60_000), [], 'the watch that began with it goes on');
  for (const outageMs of [1_500, 600_000, 1_500]) {
    server.error = refused;
    server.end(new ConnectionError('reset'));
    const meanwhile = await during(outageMs);
    assert.ok(meanwhile.length >= 3 && meanwhile.length <= 10 + outageMs / 2_000, `${meanwhile.length} attempts in ${outageMs} ms`);
    server.error = undefined;
    const [back = Infinity, ...more] = await during(60_000);
    assert.ok(back <= Math.min(4_000, outageMs + 100), `back ${back} ms after an outage of ${outageMs} ms`);
    assert.deepEqual(more, []);
  }
});

test('a reflector lets a server that answers with faults rest as long as upstream does', async (t) => {
  const { server, during } = reflecting(t);
  await during(10_000);
  server.error = internalError('oops');
  server.end(server.error);
  const attempts = await during(600_000);
  // Five that double, then one at least every minute; a streamed list and the plain one that follows it are two.
  assert.ok(attempts.length >= 2 * 10 && attempts.length <= 2 * (5 + 20), `${attempts.length}`);
  assert.ok((attempts.at(-1) ?? 0) > 500_000);
});
