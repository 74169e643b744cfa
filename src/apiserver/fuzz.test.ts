// A fuzzer over HTTP against the whole server: nothing it sends is answered with a failure of the server or in a form that no
// client reads, ends the process, is kept or goes on once its client has left. A failure names the request; PROA_FUZZ_SEED,
// PROA_FUZZ_REQUESTS and PROA_FUZZ_ROUNDS make other and longer runs. What changed is kept for 75 s (cache/history.ts): a run whose
// rounds write much shows that nothing else is kept in those that come after that.
import assert from 'node:assert/strict';
import { after, before, test, type TestContext } from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { Schema } from '#api/schema.ts';
import { systemClock, wait } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { createLogger } from '#base/log.ts';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { isUpstreamsOwn, malformed } from './testing/fuzz-answers.ts';
import { createSender, type Send, type Sender } from './testing/fuzz-send.ts';
import { describeRequest, Fuzzer } from './testing/fuzz.ts';
import { startFuzzedServer } from './testing/fuzzed-server.ts';
import { http1 } from './testing/http.ts';
import type { TestServer } from './testing.ts';

const REQUESTS = Number(process.env['PROA_FUZZ_REQUESTS'] ?? 2_000);
const SEED = Number(process.env['PROA_FUZZ_SEED'] ?? 2_026);
const ROUNDS = Number(process.env['PROA_FUZZ_ROUNDS'] ?? 5);
const AT_ONCE = 16;
/** What the last rounds may leave in memory, each; the first ones fill histories and caches. Bytes. */
const GROWTH = 1 << 20;
/** Of these: what they are is compiled code, which V8 keeps as long as it is used. */
const CODE: ReadonlySet<string> = new Set(['code_space', 'code_large_object_space', 'trusted_space', 'trusted_large_object_space']);

/** What the server says of its own failures: a panic in a request is answered with 500 and logged. */
const bugs: string[] = [];
const logger = createLogger((level, message, fields) => {
  if (level === 'error') bugs.push(`${message} ${String((fields['error'] as Error | undefined)?.stack ?? JSON.stringify(fields))}`);
});

let target: TestServer;
let sender: Sender;

before(async () => {
  target = await startFuzzedServer(logger);
  const { url, authority, admin } = target;
  sender = createSender({ url, tls: { ca: authority.certificate, cert: admin.certificate, key: admin.key } });
});

after(async () => {
  sender.close();
  await target.stop();
});

/** Of what stands behind the API server and is not there: a pod's address, a node, a Service without endpoints. */
const isNeighbour = (path: string): boolean => /\/proxy(\/|\?|$)/.test(path);

async function round(send: Send, fuzzer: Fuzzer, failures: string[], counts: Map<number, number>): Promise<void> {
  let left = REQUESTS;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const request = fuzzer.next();
      const outcome = await send(request).catch((error: unknown) => ({ status: 599, type: '', text: String(error) }));
      const { status, text } = outcome;
      counts.set(status, (counts.get(status) ?? 0) + 1);
      const isFailure = status >= 500 && !isNeighbour(request.path) && !isUpstreamsOwn(status, text, request.path);
      const wrong = isFailure ? `${status} ${text.slice(0, 600)}` : malformed(request, outcome);
      if (wrong !== undefined) failures.push(`${wrong}\n${describeRequest(request)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** What the server says is under way: writes, watches and streams. Reads are left out, since this is one. */
const UNDER_WAY = /^apiserver_(?:current_inflight_requests\{request_kind="mutating"\}|longrunning_requests\{.*\}) [1-9]\d*$/gm;
/** By then the server has given up every request that ends by itself (60 s). Milliseconds. */
const REST_LIMIT = 90_000;

/** Closes every connection and waits until what was asked over them has come to its end. */
async function atRest(): Promise<void> {
  sender.close();
  const deadline = systemClock.now() + REST_LIMIT;
  for (;;) {
    const { status, body } = await http1(target, '/metrics');
    assert.equal(status, 200);
    const underWay = body.toString().match(UNDER_WAY);
    if (underWay === null) return;
    assert.ok(systemClock.now() < deadline, `still under way ${REST_LIMIT / 1000} s after their clients left:\n${underWay.join('\n')}`);
    await wait(systemClock, 10);
  }
}

/** Bytes in use, compiled code aside, once nothing is on its way. */
async function heldBytes(): Promise<number> {
  await atRest();
  await wait(systemClock, 0);
  collectGarbage();
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => !CODE.has(name));
  return spaces.reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
}

for (const protocol of ['http1', 'http2'] as const) {
  const name = { http1: 'HTTP/1.1', http2: 'HTTP/2' }[protocol];
  test(`nothing a client sends over ${name} makes the server fail, end or grow`, (t) =>
    survives(t, (request) => sender[protocol](request)));
}

async function survives(t: TestContext, send: Send): Promise<void> {
  const failures: string[] = [];
  const counts = new Map<number, number>();
  const held: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    await round(send, new Fuzzer(seededIds(SEED), new Schema()), failures, counts);
    held.push(await heldBytes());
  }
  assert.deepEqual(failures.slice(0, 3), [], `${failures.length} failures`);
  assert.deepEqual(bugs.slice(0, 3), []);
  assert.ok((counts.get(200) ?? 0) > REQUESTS / 20 && (counts.get(201) ?? 0) > REQUESTS / 100, JSON.stringify([...counts]));
  t.diagnostic(`${held.map((bytes) => bytes >> 10).join(', ')} KiB`);
  assert.ok((held.at(-1) ?? 0) - (held.at(-3) ?? 0) < 2 * GROWTH, `${held.map((bytes) => bytes >> 10).join(', ')} KiB`);
}
