// A token webhook that is dead, slow or lies: the token is not accepted, in bounded time, and is as soon as the webhook is well.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test, type TestContext } from 'node:test';
import { ManualClock, systemClock, type Clock } from '#base/clock.ts';
import { HttpsOutbound } from '../../outbound/client.ts';
import { kubeconfigWebhook } from '../../outbound/kubeconfig-webhook.ts';
import { createTestAuthority, type TestAuthority } from '../../testing/certificates.ts';
import { startHttpsServer, type AnswerWith, type HttpsServer } from '../../testing/https-server.ts';
import { webhookKubeconfig } from '../../testing/kubeconfig.ts';
import { AuthenticationError } from '../contract.ts';
import type { TokenAuthenticator } from './contract.ts';
import { webhookTokens } from './webhook.ts';

const AUDIENCES = ['api'];
let folder: string;
let authority: TestAuthority;
let service: HttpsServer;
let kubeconfig: string;
let fault: ((answer: AnswerWith) => void) | undefined;

const well = (answer: AnswerWith): void => answer.json(201, { status: { authenticated: true, user: { username: 'jane' } } });
const start = (port?: number): Promise<HttpsServer> =>
  startHttpsServer(authority, (_, answer) => (fault ?? well)(answer), port === undefined ? {} : { port });

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'proa-tokens-'));
  authority = await createTestAuthority(systemClock.now());
  service = await start();
  kubeconfig = join(folder, 'kubeconfig');
  await writeFile(kubeconfig, webhookKubeconfig(`${service.url}/authenticate`, authority.certificate));
});
after(async () => {
  await service.stop();
  await rm(folder, { recursive: true });
});

/** @param calls the clock of the calls; `clock` that of the pauses between them */
function tokensOf(t: TestContext, clock: Clock, calls: Clock = systemClock): TokenAuthenticator {
  const outbound = new HttpsOutbound(calls);
  t.after(() => outbound.close());
  return webhookTokens({ webhook: kubeconfigWebhook(kubeconfig, outbound), version: 'v1', cacheMs: 120_000, audiences: AUDIENCES, clock });
}

const refusal =
  (says: string) =>
  (error: unknown): boolean =>
    error instanceof AuthenticationError && error.message.includes(says);

async function heals(tokens: TokenAuthenticator): Promise<void> {
  fault = undefined;
  assert.equal((await tokens.authenticate('t', AUDIENCES))?.user.name, 'jane');
}

for (const [name, lie, says] of [
  ['is not allowed to say', (answer) => answer.text(403, 'no, never'), 'no, never'],
  ['sends elsewhere', (answer) => answer.text(302, '', { location: 'https://elsewhere.example.com/' }), 'status code 302'],
  ['answers with no JSON', (answer) => answer.text(200, '<html>'), "couldn't get version/kind; json parse error: "],
  ['dies in the middle of its answer', (answer) => answer.cut('{'), 'unexpected EOF'],
  ['answers without end', (answer) => answer.text(200, 'x'.repeat(17 * 1024 * 1024)), 'the answer is larger than 16777216 bytes'],
] as readonly (readonly [string, (answer: AnswerWith) => void, string])[])
  test(`a webhook that ${name} is asked once, and again for the next request`, async (t) => {
    fault = lie;
    const clock = new ManualClock();
    const tokens = tokensOf(t, clock);
    const before_ = service.requests.length;
    await assert.rejects(async () => tokens.authenticate('t', AUDIENCES), refusal(says));
    assert.deepEqual([service.requests.length - before_, clock.pending], [1, 0]);
    await heals(tokens);
  });

test('a webhook that is dead is not waited for, and is asked again once it is back', async (t) => {
  const { port } = service;
  await service.stop();
  const clock = new ManualClock();
  const tokens = tokensOf(t, clock);
  await assert.rejects(async () => tokens.authenticate('t', AUDIENCES), refusal('connect: connection refused'));
  assert.equal(clock.pending, 0);
  service = await start(port);
  await heals(tokens);
});

for (const [name, lie] of [
  ['never answers', () => {}],
  ['does not end its answer', (answer: AnswerWith) => answer.begin('{')],
] as const)
  test(`a webhook that ${name} is given up after 30 seconds for all who wait`, async (t) => {
    const clock = new ManualClock();
    const tokens = tokensOf(t, clock, clock);
    const asked = new Promise<AnswerWith>((resolve) => {
      fault = (answer) => {
        lie(answer);
        resolve(answer);
      };
    });
    const waiting = [1, 2].map(() => assert.rejects(async () => tokens.authenticate('t', AUDIENCES), refusal('context deadline exceeded')));
    const { over } = await asked;
    clock.advance(30_000);
    await Promise.all([...waiting, over]);
    assert.equal(clock.pending, 0);
    await heals(tokens);
  });

test('a webhook that fails is asked five times, no longer than 30 seconds in all', async (t) => {
  let due: (() => void) | undefined;
  const pauses: number[] = [];
  const hurried: Clock = {
    ...systemClock,
    after: (delayMs, fire) => {
      if (delayMs === 30_000) {
        due = fire;
        return () => (due = undefined);
      }
      pauses.push(delayMs);
      return systemClock.after(0, fire);
    },
  };
  const tokens = tokensOf(t, hurried);
  fault = (answer) => answer.text(500, 'out of order');
  await assert.rejects(async () => tokens.authenticate('t', AUDIENCES), refusal('an error on the server ("out of order")'));
  assert.deepEqual([pauses, due], [[500, 750, 1_125, 1_687.5], undefined]);
  await heals(tokens);
});
