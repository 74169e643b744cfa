import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ManualClock } from './clock.ts';
import { silentLogger } from './log.ts';
import { close, listenOnceFree } from './listening.ts';

test('listenOnceFree takes a port as soon as another program has left it, and leaves it at the end', async () => {
  const [other, own] = [createServer(), createServer()];
  await once(other.listen(0, '127.0.0.1'), 'listening');
  const { port } = other.address() as AddressInfo;
  const clock = new ManualClock(0);
  const stop = new AbortController();
  await listenOnceFree(own, port, { host: '127.0.0.1' }, { clock, logger: silentLogger, signal: stop.signal, without: 'unseen' });
  assert.equal(own.listening, false);
  await close(other);
  const listening = once(own, 'listening');
  clock.advance(5_000);
  await listening;
  const closed = once(own, 'close');
  stop.abort();
  await closed;
  assert.equal(clock.pending, 0);
});
