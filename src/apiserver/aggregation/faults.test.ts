// An aggregated server that is dead, slow or lies: who asks it is told so within the request's time, everybody else is served, and
// nothing of it stays behind.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { after, before, beforeEach, test } from 'node:test';
import { findCondition } from '#api/conditions.ts';
import { apiservices, namespaces, services } from '#api/resources.ts';
import type { APIService } from '#api/types.ts';
import { systemClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { MaxInFlight } from '../stages/flow-control.ts';
import { ADMIN, startTestServer, type TestServer } from '../testing.ts';
import { http1, json, text } from '../testing/http.ts';
import { ExpiringClock } from '../testing/expiring-clock.ts';
import { startHttpsServer, type AnswerWith, type HttpsServer } from '../testing/https-server.ts';
import { MemoryStore } from '../testing/memory-store.ts';

const GROUP = 'faulty.example.com';
const NAME = `v1.${GROUP}`;
const PATH = `/apis/${GROUP}/v1/namespaces/ns/flunders/a`;
const DISCOVERY = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

const seats = new MaxInFlight();
const clock = new ExpiringClock();
let api: TestServer;
let client: Client;
let remote: HttpsServer;
/** How it answers requests for objects, and for what it serves. */
let objects: (answer: AnswerWith) => void;
let documents: (answer: AnswerWith) => void;
/** Requests for objects that it has begun and not seen the end of. */
const under = new Set<Promise<void>>();

const well = (answer: AnswerWith): void => answer.json(200, { kind: 'Flunder', metadata: { name: 'a' } });
const list = (answer: AnswerWith): void =>
  answer.json(200, {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: `${GROUP}/v1`,
    resources: [{ name: 'flunders', singularName: 'flunder', namespaced: true, kind: 'Flunder', verbs: ['get'] }],
  });

const startRemote = (port?: number): Promise<HttpsServer> =>
  startHttpsServer(
    api.authority,
    ({ path }, answer) => {
      if (!path.startsWith(PATH)) return documents(answer);
      const { over } = answer;
      under.add(over);
      void over.then(() => under.delete(over));
      objects(answer);
    },
    { dns: ['faulty.ns.svc'], ...(port === undefined ? {} : { port }) },
  );

beforeEach(() => {
  objects = well;
  documents = list;
});

before(async () => {
  documents = list;
  api = await startTestServer({
    store: new MemoryStore(systemClock),
    clock,
    parts: () => ({ flowControl: seats }),
    options: { serviceRouting: 'clusterIP', aggregation: {} },
  });
  client = createClient(api.server.loopback(ADMIN));
  remote = await startRemote();
  await client.create(namespaces, { metadata: { name: 'ns' } });
  await client.create(services, {
    metadata: { name: 'faulty', namespace: 'ns' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  } as never);
  await client.create(apiservices, {
    metadata: { name: NAME },
    spec: {
      group: GROUP,
      version: 'v1',
      groupPriorityMinimum: 2_000,
      versionPriority: 200,
      caBundle: Buffer.from(api.authority.certificate).toString('base64'),
      service: { namespace: 'ns', name: 'faulty', port: remote.port },
    },
  } as never);
  await available('Passed');
});
after(async () => {
  await api.stop();
  await remote.stop();
});

/** Resolves when the APIService has the condition, with its message; by events. */
function available(reason: string): Promise<string> {
  const { reader } = api.server;
  return new Promise((resolve) => {
    const look = (): boolean => {
      const found = findCondition((reader.get(apiservices, NAME) as APIService | undefined)?.status.conditions, 'Available');
      if (found?.reason !== reason) return false;
      resolve(found.message ?? '');
      return true;
    };
    if (look()) return;
    const remove = reader.onChange(apiservices, () => {
      if (look()) remove();
    });
  });
}

let touches = 0;
/** A change of the object has the server asked how it is. */
const touch = (): Promise<unknown> =>
  client.patch(apiservices, { name: NAME }, { type: 'merge', body: { spec: { versionPriority: 201 + touches++ } } });

const othersAreServed = async (): Promise<void> => assert.equal((await http1(api, '/api/v1/namespaces/ns')).status, 200);

const inFlight = (): number => seats.inFlight.readOnly + seats.inFlight.mutating;

/** No seat and no request of the neighbour's is left; a request under way ends by events of its own. */
async function nothingStays(): Promise<void> {
  await Promise.all(under);
  while (inFlight() > 0) await othersAreServed();
}

for (const { name, fault, status, says } of [
  { name: 'fails', fault: (answer: AnswerWith) => answer.text(500, 'out of order'), status: 500, says: /^out of order$/ },
  {
    name: 'sends elsewhere',
    fault: (answer: AnswerWith) => answer.text(302, '', { location: 'https://elsewhere.example.com/' }),
    status: 502,
    says: /^the backend attempted to redirect this request, which is not permitted\n$/,
  },
  { name: 'answers with what is no JSON', fault: (answer: AnswerWith) => answer.text(200, '<html>'), status: 200, says: /^<html>$/ },
])
  test(`a server that ${name} is reported, and the next request is served`, async () => {
    objects = fault;
    const pending = http1(api, PATH);
    await othersAreServed();
    const answer = await pending;
    assert.equal(answer.status, status);
    assert.match(text(answer), says);
    await nothingStays();
    objects = well;
    assert.equal((await http1(api, PATH)).status, 200);
  });

test('a server that dies in the middle of its answer has it broken off, so that half is not taken for the whole', async () => {
  objects = (answer) => answer.cut('{"kind":');
  const broken = assert.rejects(http1(api, PATH), /aborted|ECONNRESET|socket hang up/);
  await othersAreServed();
  await broken;
  await nothingStays();
  objects = well;
  assert.equal((await http1(api, PATH)).status, 200);
});

test('a server that switches protocols unasked is reported, and the next request is served', async () => {
  objects = (answer) => answer.switch('x');
  const answer = await http1(api, PATH);
  assert.equal(answer.status, 503);
  assert.match(text(answer), /^error trying to reach service: backend tried to switch protocol "x" when "" was requested\n$/);
  await nothingStays();
  objects = well;
  assert.equal((await http1(api, PATH)).status, 200);
});

test('a server that does not end its answer has it broken off when the time of the request is up', async () => {
  objects = (answer) => answer.begin('{"kind":');
  const { certificate: cert, key } = api.admin;
  const request = get(`${api.url}${PATH}${clock.query}`, { agent: false, ca: api.authority.certificate, cert, key });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  answer.resume();
  await othersAreServed();
  const broken = once(answer, 'end');
  clock.expire();
  await assert.rejects(broken, /aborted/);
  await nothingStays();
  objects = well;
  assert.equal((await http1(api, PATH)).status, 200);
});

test('a server that never answers is left when the time of the request is up', async () => {
  const asked = new Promise<void>((resolve) => {
    objects = () => resolve();
  });
  const pending = http1(api, PATH + clock.query);
  await asked;
  await othersAreServed();
  clock.expire();
  const answer = await pending;
  assert.deepEqual([answer.status, json(answer)['message']], [504, 'Timeout: request did not complete within the allotted timeout']);
  await nothingStays();
  objects = well;
  assert.equal((await http1(api, PATH)).status, 200);
});

test('a server that never answers is left when its client is gone', async () => {
  const asked = new Promise<void>((resolve) => {
    objects = () => resolve();
  });
  const gone = new AbortController();
  const { certificate: cert, key } = api.admin;
  const request = get(`${api.url}${PATH}`, { agent: false, ca: api.authority.certificate, cert, key, signal: gone.signal });
  const ended = new Promise((resolve) => request.once('error', resolve));
  await asked;
  gone.abort();
  await ended;
  await nothingStays();
});

test('a server that is dead is unavailable, and available when it is back', async () => {
  await remote.stop();
  const refused = await http1(api, PATH);
  // Whoever comes before the next look at its health is told by the connection.
  assert.equal(refused.status, 503);
  assert.match(text(refused), /^(error trying to reach service: dial tcp .*: connect: connection refused|service unavailable)\n$/);
  await touch();
  assert.match(await available('FailedDiscoveryCheck'), /^failing or missing response from https:.*connect: connection refused$/);
  const answer = await http1(api, PATH);
  assert.deepEqual([answer.status, text(answer)], [503, 'service unavailable\n']);
  await othersAreServed();
  await nothingStays();
  remote = await startRemote(remote.port);
  await touch();
  await available('Passed');
  assert.equal((await http1(api, PATH)).status, 200);
});

const GARBAGE: readonly (readonly [name: string, lie: (answer: AnswerWith) => void])[] = [
  ['is no JSON', (answer) => answer.text(200, '<html>')],
  ['is of another shape', (answer) => answer.json(200, { resources: 7, groupVersion: [] })],
  ['has members without a name', (answer) => answer.json(200, { groupVersion: `${GROUP}/v1`, resources: [{}, null, 'x'] })],
  ['has a number where groups should be', (answer) => answer.text(200, '{"items":7}', { 'content-type': DISCOVERY })],
  ['has groups of another shape', (answer) => answer.text(200, '{"items":[{"metadata":7,"versions":{}}]}', { 'content-type': DISCOVERY })],
  ['breaks off', (answer) => answer.cut('{"kind":')],
  ['is larger than its bound', (answer) => answer.text(200, 'x'.repeat(17 * 1024 * 1024))],
];

interface Groups {
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly { readonly freshness?: string; readonly resources?: readonly { readonly resource: string }[] }[];
  }[];
}

/** What discovery says of the group when `holds`: it follows its own queue, and each look gives it a turn. */
async function discovered(freshness: string): Promise<readonly string[]> {
  for (;;) {
    const answer = await http1(api, '/apis', { headers: { accept: DISCOVERY } });
    assert.equal(answer.status, 200);
    const { items } = json<Groups>(answer);
    assert.ok(items.some(({ metadata }) => metadata.name === 'apps'));
    const version = items.find(({ metadata }) => metadata.name === GROUP)?.versions[0];
    if (version?.freshness === freshness) return (version.resources ?? []).map(({ resource }) => resource);
  }
}

for (const [name, lie] of GARBAGE)
  test(`a document of what it serves that ${name} makes the group stale, nothing else, until the next good one`, async () => {
    await touch();
    assert.deepEqual(await discovered('Current'), ['flunders']);
    documents = lie;
    await touch();
    assert.deepEqual(await discovered('Stale'), ['flunders']);
    assert.equal((await http1(api, '/openapi/v2')).status, 200);
    documents = list;
    await touch();
    assert.deepEqual(await discovered('Current'), ['flunders']);
    await available('Passed');
  });
