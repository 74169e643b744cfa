// A fuzzer over HTTP against the whole server: nothing it sends is answered with a failure of the server, ends the process
// or is kept. A failure names the request; PROA_FUZZ_SEED and PROA_FUZZ_REQUESTS make other and longer runs.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { Agent, request as httpsRequest } from 'node:https';
import { constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { after, before, test, type TestContext } from 'node:test';
import { getHeapSpaceStatistics } from 'node:v8';
import { isConditionTrue } from '#api/conditions.ts';
import { customresourcedefinitions, serviceaccounts } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import type { CustomResourceDefinition, New } from '#api/types.ts';
import { systemClock, wait } from '#base/clock.ts';
import { randomIds, seededIds } from '#base/ids.ts';
import { createLogger, silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import { waitFor } from '#client/wait-for.ts';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { defaultParts, ensureDefaults } from './defaults.ts';
import { openapiRoutes } from './openapi/routes.ts';
import { isUpstreamsOwn } from './testing/fuzz-answers.ts';
import { describeRequest, Fuzzer, type FuzzRequest } from './testing/fuzz.ts';
import { THING_DEFINITION } from './testing/fuzz-samples.ts';
import { http2Session } from './testing/http.ts';
import { ADMIN, startTestServer, type TestServer } from './testing.ts';

const REQUESTS = Number(process.env['PROA_FUZZ_REQUESTS'] ?? 2_000);
const SEED = Number(process.env['PROA_FUZZ_SEED'] ?? 2_026);
const ROUNDS = 5;
const AT_ONCE = 16;
/** A request without an answer by then is a failure; no test is timed by this. */
const ANSWER_MS = 120_000;
/** After which a stream without events is left. */
const STREAM_MS = 50;
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
let agent: Agent;
let session: ClientHttp2Session | undefined;

before(async () => {
  const signingKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'sec1', format: 'pem' }) as string;
  const serviceAccounts = { issuer: 'https://kubernetes.default.svc', signingKey, jwksUri: 'https://127.0.0.1/openid/v1/jwks' };
  target = await startTestServer({
    logger,
    parts: (parts, authority) => {
      const defaults = defaultParts(parts, { authentication: { clientCa: authority.certificate, serviceAccounts } });
      return { ...defaults, routes: [...(defaults.routes ?? []), ...openapiRoutes(parts.schema, parts.remoteDocuments)] };
    },
  });
  const admin = createClient(target.server.loopback(ADMIN));
  await ensureDefaults(admin, { clock: systemClock, logger: silentLogger });
  await admin.create(serviceaccounts, { metadata: { name: 'default', namespace: 'default' } });
  const { metadata } = await admin.create(customresourcedefinitions, THING_DEFINITION as New<CustomResourceDefinition>);
  await waitFor(
    admin,
    customresourcedefinitions,
    { name: metadata.name },
    { until: (crd) => isConditionTrue(crd?.status.conditions, 'Established'), timeoutMs: ANSWER_MS, clock: systemClock, ids: randomIds },
  );
  agent = new Agent({ keepAlive: true, ca: target.authority.certificate, cert: target.admin.certificate, key: target.admin.key });
});

after(async () => {
  agent.destroy();
  session?.destroy();
  await target.stop();
});

interface Outcome {
  /** 0: the connection ended without an answer, as it does for what is not HTTP. */
  readonly status: number;
  readonly text: string;
}

/** Names that HTTP/2 does not carry, or says in its own way. Source: RFC 9113, 8.2.2. */
const NOT_IN_HTTP2: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
  'te',
  'http2-settings',
]);

/** As sendHttp1, as a stream of the one connection. */
function sendHttp2({ method, path, headers, body }: FuzzRequest): Promise<Outcome> {
  if (session === undefined || session.closed || session.destroyed) session = http2Session(target).on('error', () => {});
  const own = Object.entries(headers).filter(([name]) => !NOT_IN_HTTP2.has(name.toLowerCase()) && !name.startsWith(':'));
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream;
    try {
      const head = { ...Object.fromEntries(own), ':method': method, ':path': path };
      stream = (session as ClientHttp2Session).request(head, { endStream: body === undefined });
    } catch {
      resolve({ status: 0, text: '' }); // no request in HTTP/2: the client refuses to send it
      return;
    }
    let text = '';
    let status = 0;
    const end = (): void => resolve({ status, text });
    const cancelled = constants.NGHTTP2_CANCEL;
    stream.setEncoding('latin1').on('response', (head) => (status = Number(head[':status'])));
    stream.on('data', (chunk: string) => {
      text += chunk;
      if (isStream(path) && status < 500) stream.close(cancelled);
    });
    stream.on('end', end).on('close', end).on('error', end);
    stream.setTimeout(ANSWER_MS, () => reject(new Error('no answer')));
    if (isStream(path)) systemClock.after(STREAM_MS, () => status < 500 && stream.close(cancelled));
    if (body !== undefined) stream.end(body);
  });
}

/** Resolves with the first of the answer's body for streams, with all of it otherwise. */
function sendHttp1({ method, path, headers, body }: FuzzRequest): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    const call = httpsRequest(`${target.url}/`, { path, method, headers: { ...headers, ...length }, agent }, (answer) => {
      let text = '';
      const status = answer.statusCode ?? 0;
      const end = (): void => resolve({ status, text });
      answer.setEncoding('latin1').on('data', (chunk: string) => {
        text += chunk;
        if (isStream(path) && status < 500) call.destroy();
      });
      answer.on('end', end).on('close', end).on('error', end);
      if (isStream(path) && status < 500) systemClock.after(STREAM_MS, () => call.destroy());
    });
    call.setTimeout(ANSWER_MS, () => reject(new Error('no answer')));
    call.on('error', () => resolve({ status: 0, text: '' }));
    call.end(body);
  });
}

const isStream = (path: string): boolean => /watch|follow/.test(path);

/** Of what stands behind the API server and is not there: a pod's address, a node, a Service without endpoints. */
const isNeighbour = (path: string): boolean => /\/proxy(\/|\?|$)/.test(path);

type Send = (request: FuzzRequest) => Promise<Outcome>;

async function round(send: Send, fuzzer: Fuzzer, failures: string[], counts: Map<number, number>): Promise<void> {
  let left = REQUESTS;
  const worker = async (): Promise<void> => {
    while (left-- > 0) {
      const request = fuzzer.next();
      const { status, text } = await send(request).catch((error: unknown) => ({ status: 599, text: String(error) }));
      counts.set(status, (counts.get(status) ?? 0) + 1);
      if (status < 500 || isNeighbour(request.path) || isUpstreamsOwn(status, text, request.path)) continue;
      failures.push(`${status} ${text.slice(0, 600)}\n${describeRequest(request)}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** Bytes in use, compiled code aside, once nothing is on its way. */
async function heldBytes(): Promise<number> {
  agent.destroy();
  session?.destroy();
  await wait(systemClock, 0);
  collectGarbage();
  const spaces = getHeapSpaceStatistics().filter(({ space_name: name }) => !CODE.has(name));
  return spaces.reduce((sum, { space_used_size: bytes }) => sum + bytes, 0);
}

for (const [protocol, send] of [
  ['HTTP/1.1', sendHttp1],
  ['HTTP/2', sendHttp2],
] as const) {
  test(`nothing a client sends over ${protocol} makes the server fail, end or grow`, (t) => survives(t, send));
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
