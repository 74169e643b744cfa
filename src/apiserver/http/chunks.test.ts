import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, test } from 'node:test';
import { startTestServer, type TestServer } from '../testing.ts';
import { http1, http2, http2Session } from '../testing/http.ts';
import { Chunks } from './chunks.ts';

test('Chunks gives the same buffers again, whole, and keeps no more than it may', () => {
  const chunks = new Chunks(100, 2);
  const [a, b, c] = [chunks.take(), chunks.take(), chunks.take()];
  for (const chunk of [a.subarray(0, 7), b, c]) chunks.give(chunk);
  const again = [chunks.take(), chunks.take(), chunks.take()];
  assert.deepEqual(
    again.map(({ length }) => length),
    [100, 100, 100],
  );
  assert.deepEqual(
    [a, b, c].map(({ buffer }) => again.some((chunk) => chunk.buffer === buffer)),
    [true, true, false],
  );
});

test('Chunks takes back no buffer of another size, nor the middle of one', () => {
  const chunks = new Chunks(100, 2);
  const other = Buffer.allocUnsafeSlow(200);
  chunks.give(other);
  const own = chunks.take();
  chunks.give(own.subarray(10));
  assert.ok(![other.buffer, own.buffer].includes(chunks.take().buffer));
});

const CONFIG_MAPS = '/api/v1/namespaces/default/configmaps';
let server: TestServer;
before(async () => {
  server = await startTestServer();
});
after(() => server.stop());

/** Reads nothing until `leave`. */
async function stalled(session: ClientHttp2Session): Promise<() => void> {
  const stream = session.request({ ':path': CONFIG_MAPS });
  stream.on('error', () => {});
  await once(stream, 'response');
  return () => stream.close();
}

test('lists are whole for all who read them at once, while one stalls and another leaves', async () => {
  const written = Array.from({ length: 40 }, (_, i) => `map-${String(i).padStart(2, '0')}`);
  for (const name of written) {
    const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: `${name} `.repeat(20_000) } });
    const made = await http1(server, CONFIG_MAPS, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    assert.equal(made.status, 201);
  }
  const expected = (await http1(server, CONFIG_MAPS)).body;
  const [readers, others] = [http2Session(server), http2Session(server)];
  const [leaveFirst, leaveLast] = [await stalled(others), await stalled(others)];
  const reads = Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? http1(server, CONFIG_MAPS) : http2(readers, CONFIG_MAPS)));
  leaveFirst();
  for (const { body } of await Promise.all(reads)) assert.ok(body.equals(expected));
  leaveLast();
  assert.ok((await http2(readers, CONFIG_MAPS)).body.equals(expected));
  readers.close();
  others.close();
});
