// A conversion webhook that is dead, silent or lies: who needs it is told so in bounded time, who does not is served, and all is well
// once it is. What its answers may say, conversion.test.ts looks at.
import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { after, before, test } from 'node:test';
import { systemClock, type Clock } from '#base/clock.ts';
import { MaxInFlight } from '../../stages/flow-control.ts';
import { http2Session } from '../../testing/http.ts';
import { startHttpsServer, type AnswerWith, type HttpsServer } from '../../testing/https-server.ts';
import { MemoryStore } from '../../testing/memory-store.ts';
import { Api, definition, objectOf, version, type Answered } from '../testing.ts';

const GROUP = 'faulty.example.com';
const path = (v: string): string => `/apis/${GROUP}/${v}/namespaces/default/widgets`;
const seats = new MaxInFlight();
/** What a conversion gets. */
const PATIENCE_MS = 30_000;
/** In which its time passes; as long as it is where that tells of nobody's going. */
let passesIn = 1_000;
const hurried: Clock = { ...systemClock, after: (delayMs, fire) => systemClock.after(delayMs === PATIENCE_MS ? passesIn : delayMs, fire) };

let api: Api;
let service: HttpsServer;
let fault: ((answer: AnswerWith) => void) | undefined;

interface Review {
  readonly apiVersion: string;
  readonly request: { readonly uid: string; readonly desiredAPIVersion: string; readonly objects: readonly object[] };
}

const start = (port?: number): Promise<HttpsServer> =>
  startHttpsServer(
    api.test.authority,
    ({ body }, answer) => {
      if (fault !== undefined) return fault(answer);
      const { apiVersion, request } = JSON.parse(body) as Review;
      const { uid, objects, desiredAPIVersion } = request;
      const convertedObjects = objects.map((object) => ({ ...object, apiVersion: desiredAPIVersion }));
      answer.json(200, { kind: 'ConversionReview', apiVersion, response: { uid, result: { status: 'Success' }, convertedObjects } });
    },
    port === undefined ? {} : { port },
  );

before(async () => {
  api = await Api.start({ store: new MemoryStore(systemClock), clock: hurried, parts: () => ({ flowControl: seats }) });
  service = await start();
  const schema = objectOf({ properties: { color: { type: 'string' } } });
  const caBundle = Buffer.from(api.test.authority.certificate).toString('base64');
  await api.define(
    definition({
      group: GROUP,
      versions: [version('v1', schema), version('v2', schema, { storage: false })],
      spec: {
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: { url: `${service.url}/convert`, caBundle }, conversionReviewVersions: ['v1'] },
        },
      },
    }),
  );
});
after(async () => {
  await api.stop();
  await service.stop();
});

let widgets = 0;

/** Asks for a widget as it is not stored; a new one, for an object once converted is kept. */
async function ask(): Promise<Answered> {
  const name = `a${++widgets}`;
  await api.done('POST', path('v1'), widget('v1', name));
  return api.get(`${path('v2')}/${name}`);
}

async function othersAreServed(): Promise<void> {
  assert.equal((await api.get(path('v1'))).code, 200);
  assert.equal((await api.get('/api/v1/namespaces')).code, 200);
}

async function heals(): Promise<void> {
  while (seats.inFlight.readOnly + seats.inFlight.mutating > 0) await othersAreServed();
  fault = undefined;
  passesIn = PATIENCE_MS * 10; // it answers, however slow the machine is
  assert.deepEqual((await api.done('GET', `${path('v2')}/a${widgets}`)).spec, { color: 'red' });
}

const failed = `Internal error occurred: conversion webhook for ${GROUP}/v1, Kind=Widget failed: `;
const post = (why: string): string => `${failed}Post "${service.url}/convert?timeout=30s": ${why}`;

const widget = (version: string, name: string): object => ({
  apiVersion: `${GROUP}/${version}`,
  kind: 'Widget',
  metadata: { name },
  spec: { color: 'red' },
});

for (const [what, method, target] of [
  ['reads an object', 'GET', (name: string) => `${path('v2')}/${name}`],
  ['watches objects', 'GET', (name: string) => `${path('v2')}?watch=true&fieldSelector=metadata.name%3D${name}`],
  ['updates an object', 'PUT', (name: string) => `${path('v2')}/${name}`],
  ['creates an object', 'POST', () => path('v2')],
] as const)
  test(`a webhook is left alone once whoever ${what} has gone`, async () => {
    passesIn = PATIENCE_MS * 10;
    const asked = Promise.withResolvers<AnswerWith>();
    const name = `a${++widgets}`;
    await api.done('POST', path('v1'), widget('v1', name));
    fault = (answer) => asked.resolve(answer);
    const session = http2Session(api.test).on('error', () => {});
    const stream = session
      .request({ ':method': method, ':path': target(name), 'content-type': 'application/json' }, { endStream: method === 'GET' })
      .on('error', () => {});
    if (method !== 'GET') stream.end(JSON.stringify(widget('v2', method === 'POST' ? `b${widgets}` : name)));
    const answer = await asked.promise;
    stream.close(constants.NGHTTP2_CANCEL);
    await answer.over; // its own time does not pass meanwhile
    session.close();
    await heals();
    if (method === 'POST') assert.equal((await api.get(`${path('v1')}/b${widgets}`)).code, 404);
  });

for (const [name, lie, says] of [
  ['never answers', () => {}, () => post('context deadline exceeded')],
  ['does not end its answer', (answer) => answer.begin('{'), () => post('context deadline exceeded')],
  ['dies in the middle of its answer', (answer) => answer.cut('{'), () => post('unexpected EOF')],
  [
    'fails',
    (answer) => answer.text(500, 'out of order'),
    () => `${failed}an error on the server ("out of order") has prevented the request from succeeding`,
  ],
  ['answers with no JSON', (answer) => answer.text(200, '<html>'), () => `${failed}couldn't get version/kind; json parse error: `],
  [
    'sends elsewhere',
    (answer) => answer.text(307, '', { location: 'https://elsewhere.example.com/' }),
    () => `${failed}the server responded with the status code 307 but did not return more information`,
  ],
  [
    'answers without end',
    (answer) => answer.text(200, 'x'.repeat(17 * 1024 * 1024)),
    () => post('the answer is larger than 16777216 bytes'),
  ],
] as readonly (readonly [string, (answer: AnswerWith) => void, () => string])[])
  test(`a webhook that ${name} is reported, and asked again for the next request`, async () => {
    passesIn = says().endsWith('context deadline exceeded') ? 1_000 : PATIENCE_MS * 10;
    const ended: Promise<void>[] = [];
    fault = (answer) => {
      ended.push(answer.over);
      lie(answer);
    };
    const pending = ask();
    await othersAreServed();
    const { code, body } = await pending;
    assert.deepEqual([code, body['reason']], [500, 'InternalError']);
    assert.ok(body.message.startsWith(says()), body.message);
    await Promise.all(ended);
    await heals();
  });

test('a webhook that is dead is reported at once, and asked again once it is back', async () => {
  const { port } = service;
  await service.stop();
  assert.equal((await ask()).body.message, post(`dial tcp 127.0.0.1:${port}: connect: connection refused`));
  await othersAreServed();
  service = await start(port);
  await heals();
});
