// An authorization webhook that is dead, slow or lies: who is asked about gets upstream's words in bounded time, everybody else is
// served, and nothing of it stays behind.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { systemClock, type Clock } from '#base/clock.ts';
import { HttpsOutbound } from '../../outbound/client.ts';
import { kubeconfigWebhook } from '../../outbound/kubeconfig-webhook.ts';
import { MaxInFlight } from '../../stages/flow-control.ts';
import { startTestServer, type TestServer } from '../../testing.ts';
import { http1, text } from '../../testing/http.ts';
import { ExpiringClock } from '../../testing/expiring-clock.ts';
import { startHttpsServer, type AnswerWith, type HttpsServer } from '../../testing/https-server.ts';
import { webhookKubeconfig } from '../../testing/kubeconfig.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { AuthorizationMetrics } from '../metrics.ts';
import { WebhookAuthorizer } from './authorizer.ts';

const PATH = '/api/v1/namespaces';
const seats = new MaxInFlight();
const clock = new ExpiringClock();
const outbound = new HttpsOutbound(systemClock);
/** Pauses between attempts, milliseconds; they pass at once. */
const pauses: number[] = [];
const hurried: Clock = {
  ...systemClock,
  after: (delayMs, fire) => {
    pauses.push(delayMs);
    return systemClock.after(0, fire);
  },
};
let folder: string;
let api: TestServer;
let service: HttpsServer;
let authorizer: WebhookAuthorizer;
let fault: ((answer: AnswerWith) => void) | undefined;
let timeoutMs = 60_000;

const start = (port?: number): Promise<HttpsServer> =>
  startHttpsServer(api.authority, (_, answer) => (fault ?? ((good) => good.json(201, { status: { allowed: true } })))(answer), {
    ...(port === undefined ? {} : { port }),
  });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proa-authorization-'));
  api = await startTestServer({
    store: new MemoryStore(systemClock),
    clock,
    parts: () => ({
      flowControl: seats,
      authorizer: { authorize: (attributes, caller) => authorizer.authorize(attributes, caller) },
    }),
  });
  service = await start();
  const path = join(folder, 'kubeconfig');
  await writeFile(path, webhookKubeconfig(`${service.url}/authorize`, api.authority.certificate));
  authorizer = new WebhookAuthorizer({
    name: 'hook',
    webhook: kubeconfigWebhook(path, outbound),
    version: 'v1',
    get timeoutMs() {
      return timeoutMs;
    },
    allowedMs: 0,
    refusedMs: 0,
    onFailure: 'noOpinion',
    matches: undefined,
    clock: hurried,
    metrics: new AuthorizationMetrics(),
  });
});
after(async () => {
  outbound.close();
  await api.stop();
  await service.stop();
  await rm(folder, { recursive: true });
});

const ask = (query = ''): ReturnType<typeof http1> => http1(api, PATH + query, { as: 'nobody' });
const othersAreServed = async (): Promise<void> => assert.equal((await http1(api, PATH)).status, 200);
const inFlight = (): number => seats.inFlight.readOnly + seats.inFlight.mutating;

async function heals(): Promise<void> {
  fault = undefined;
  timeoutMs = 60_000;
  assert.equal((await ask()).status, 200);
  while (inFlight() > 0) await othersAreServed();
}

const ALL_PAUSES = [500, 750, 1_125, 1_687.5];
const post = (why: string) => (): string => `Post "${service.url}/authorize": ${why}`;

for (const { name, lie, says, waits = [], within } of [
  { name: 'never answers', lie: () => {}, says: post('context deadline exceeded'), within: 300 },
  { name: 'does not end its answer', lie: (answer) => answer.begin('{'), says: post('context deadline exceeded'), within: 300 },
  {
    name: 'fails',
    lie: (answer) => answer.text(500, 'out of order'),
    says: () => 'an error on the server ("out of order") has prevented the request from succeeding',
    waits: ALL_PAUSES,
  },
  {
    name: 'sends elsewhere',
    lie: (answer) => answer.text(307, '', { location: 'https://elsewhere.example.com/' }),
    says: () => 'the server responded with the status code 307 but did not return more information',
  },
  {
    name: 'answers with no JSON',
    lie: (answer) => answer.text(200, '<html>'),
    says: () => "couldn't get version/kind; json parse error: ",
  },
  { name: 'dies in the middle of its answer', lie: (answer) => answer.cut('{'), says: post('unexpected EOF') },
  {
    name: 'answers without end',
    lie: (answer) => answer.text(200, 'x'.repeat(17 * 1024 * 1024)),
    says: post('the answer is larger than 16777216 bytes'),
  },
] satisfies readonly {
  readonly name: string;
  readonly lie: (answer: AnswerWith) => void;
  readonly says: () => string;
  readonly waits?: readonly number[];
  readonly within?: number;
}[])
  test(`a webhook that ${name} is an internal error, and none once it is well`, async () => {
    const ended: Promise<void>[] = [];
    fault = (answer) => {
      ended.push(answer.over);
      lie(answer);
    };
    timeoutMs = within ?? 60_000;
    pauses.length = 0;
    const pending = ask();
    await othersAreServed();
    const answer = await pending;
    assert.deepEqual([answer.status, answer.headers['content-type']], [500, 'text/plain; charset=utf-8']);
    assert.ok(text(answer).startsWith(`Internal Server Error: "${PATH}": ${says()}`), text(answer));
    assert.deepEqual(pauses, waits);
    await Promise.all(ended);
    await heals();
  });

test('a webhook that is dead is an internal error at once, and none once it is back', async () => {
  const { port } = service;
  await service.stop();
  pauses.length = 0;
  const answer = await ask();
  assert.equal(answer.status, 500);
  assert.match(text(answer), /^Internal Server Error: .*: dial tcp 127\.0\.0\.1:\d+: connect: connection refused\n$/);
  assert.deepEqual(pauses, []);
  await othersAreServed();
  service = await start(port);
  await heals();
});

test('a question ends with the request that asks it', async () => {
  const asked = new Promise<AnswerWith>((resolve) => {
    fault = resolve;
  });
  const pending = ask(clock.query);
  const { over } = await asked;
  clock.expire();
  assert.equal((await pending).status, 504);
  await over;
  await heals();
});
