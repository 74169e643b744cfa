// An admission webhook that is dead, silent or lies: the write is told so in bounded time, other writes and reads go on, nothing of
// it stays behind, and the next write is admitted once it is well. What its verdicts may say, webhooks.test.ts looks at.
import assert from 'node:assert/strict';
import { request as httpsRequest } from 'node:https';
import { after, afterEach, before, test } from 'node:test';
import { mutatingwebhookconfigurations, namespaces, validatingwebhookconfigurations } from '#api/resources.ts';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { MaxInFlight } from '../../stages/flow-control.ts';
import { ADMIN, startTestServer, type TestServer } from '../../testing.ts';
import { http1, json, type HttpAnswer } from '../../testing/http.ts';
import { ExpiringClock } from '../../testing/expiring-clock.ts';
import { startHttpsServer, type AnswerWith, type HttpsServer } from '../../testing/https-server.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { base64, onlyWebhooks, type Asked } from './testing.ts';

const PATH = '/api/v1/namespaces/one/configmaps';
const seats = new MaxInFlight();
const clock = new ExpiringClock();
let api: TestServer;
let client: Client;
let service: HttpsServer;
let fault: ((answer: AnswerWith) => void) | undefined;
/** Calls that it has been given and not seen the end of. */
const under = new Set<Promise<void>>();

const start = (port?: number): Promise<HttpsServer> =>
  startHttpsServer(
    api.authority,
    ({ body }, answer) => {
      const { over } = answer;
      under.add(over);
      void over.then(() => under.delete(over));
      if (fault !== undefined) return fault(answer);
      const { apiVersion, request } = JSON.parse(body) as { readonly apiVersion: string; readonly request: Asked };
      answer.json(200, { apiVersion, kind: 'AdmissionReview', response: { uid: request.uid, allowed: true } });
    },
    port === undefined ? {} : { port },
  );

before(async () => {
  api = await startTestServer({
    store: new MemoryStore(systemClock),
    clock,
    parts: (parts) => ({ flowControl: seats, admission: onlyWebhooks(parts) }),
  });
  service = await start();
  client = createClient(api.server.loopback(ADMIN));
  for (const name of ['one', 'two']) await client.create(namespaces, { metadata: { name } });
});
after(async () => {
  await api.stop();
  await service.stop();
});
afterEach(async () => {
  await client.deleteCollection(mutatingwebhookconfigurations, {});
  await client.deleteCollection(validatingwebhookconfigurations, {});
});

const KINDS = { mutating: mutatingwebhookconfigurations, validating: validatingwebhookconfigurations };

const configure = (kind: keyof typeof KINDS, timeoutSeconds: number): Promise<unknown> =>
  client.create(
    KINDS[kind] as typeof mutatingwebhookconfigurations,
    {
      metadata: { name: 'faulty' },
      webhooks: [
        {
          name: 'faulty.example.com',
          clientConfig: { url: `${service.url}/review`, caBundle: base64(api.authority.certificate) },
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'one' } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          timeoutSeconds,
        },
      ],
    } as never,
  );

const HEADERS = { 'content-type': 'application/json' };
const BODY = JSON.stringify({ kind: 'ConfigMap', apiVersion: 'v1', metadata: { generateName: 'map-' } });
const create = (path = PATH): Promise<HttpAnswer> => http1(api, path, { method: 'POST', headers: HEADERS, body: BODY });

async function othersAreServed(): Promise<void> {
  assert.equal((await http1(api, PATH)).status, 200);
  assert.equal((await create('/api/v1/namespaces/two/configmaps')).status, 201);
}

/** Nothing is left of what failed, and the next write is admitted. */
async function heals(): Promise<void> {
  await Promise.all(under);
  while (seats.inFlight.mutating > 0) await othersAreServed();
  fault = undefined;
  assert.equal((await create()).status, 201);
}

for (const kind of ['mutating', 'validating'] as const) {
  const calling = 'Internal error occurred: failed calling webhook "faulty.example.com": failed to call webhook: ';
  const post = (why: string, seconds: number): string => `${calling}Post "${service.url}/review?timeout=${seconds}s": ${why}`;

  for (const [name, lie, says, seconds = 10] of [
    ['never answers', () => {}, () => post('context deadline exceeded', 1), 1],
    ['does not end its answer', (answer) => answer.begin('{'), () => post('context deadline exceeded', 1), 1],
    ['dies in the middle of its answer', (answer) => answer.cut('{'), () => post('unexpected EOF', 10)],
    ['answers with no JSON', (answer) => answer.text(200, '<html>'), () => `${calling}couldn't get version/kind; json parse error: `],
    [
      'sends elsewhere',
      (answer) => answer.text(307, '', { location: 'https://elsewhere.example.com/' }),
      () => `${calling}the server responded with the status code 307 but did not return more information`,
    ],
  ] as readonly (readonly [string, (answer: AnswerWith) => void, () => string, number?])[])
    test(`a ${kind} webhook that ${name} is reported, and asked again for the next write`, async () => {
      await configure(kind, seconds);
      fault = lie;
      const pending = create();
      await othersAreServed();
      const answer = await pending;
      const { message, reason } = json<{ readonly message: string; readonly reason: string }>(answer);
      assert.deepEqual([answer.status, reason], [500, 'InternalError']);
      assert.ok(message.startsWith(says()), message);
      await heals();
    });

  test(`a ${kind} webhook that is dead is reported at once, and asked again once it is back`, async () => {
    await configure(kind, 10);
    const { port } = service;
    await service.stop();
    const { message } = json<{ readonly message: string }>(await create());
    assert.equal(message, post(`dial tcp 127.0.0.1:${port}: connect: connection refused`, 10));
    await othersAreServed();
    service = await start(port);
    await heals();
  });

  test(`a ${kind} webhook that never answers is left when the time of the request is up`, async () => {
    await configure(kind, 30);
    const asked = new Promise<AnswerWith>((resolve) => {
      fault = resolve;
    });
    const pending = create(PATH + clock.query);
    const { over } = await asked;
    clock.expire();
    const answer = await pending;
    await over;
    assert.deepEqual([answer.status, json(answer)['reason']], [504, 'Timeout']);
    await heals();
  });

  test(`a ${kind} webhook that never answers is left when the client is gone`, async () => {
    await configure(kind, 30);
    const asked = new Promise<AnswerWith>((resolve) => {
      fault = resolve;
    });
    const gone = new AbortController();
    const { certificate: cert, key } = api.admin;
    const options = { method: 'POST', headers: HEADERS, agent: false as const, ca: api.authority.certificate, cert, key };
    const request = httpsRequest(`${api.url}${PATH}`, { ...options, signal: gone.signal });
    const ended = new Promise((resolve) => request.once('error', resolve));
    request.end(BODY);
    await asked;
    gone.abort();
    await ended;
    await heals();
  });
}
