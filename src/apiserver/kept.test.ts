// What clients choose has no end: names in paths, headers, queries. Nothing of that is kept for long, and where some of it is, it does
// not keep the rest of its request.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { systemClock, wait } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { collectGarbage } from '#test/harness/collect-garbage.ts';
import { startFuzzedServer } from './testing/fuzzed-server.ts';
import { http1 } from './testing/http.ts';
import type { TestServer } from './testing.ts';

const MIB = 1 << 20;
const REQUESTS = 32;
/** A third of what a head may have, in characters. */
const FILL = 'x'.repeat(300_000);
/** What all of them may leave, of 9 MiB that came. */
const MOST = 3 * MIB;

let server: TestServer;

before(async () => {
  server = await startFuzzedServer(silentLogger);
});

after(() => server.stop());

interface Call {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly as?: 'nobody';
  readonly status: number;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const JANE = { 'impersonate-user': 'jane' };
const configMaps = '/api/v1/namespaces/default/configmaps';

const cases: Readonly<Record<string, (i: number) => Call>> = {
  'media types': (i) => ({ path: '/version', headers: { accept: `application/json;x=${i}${FILL}` }, status: 200 }),
  'media types of objects': (i) => ({ path: configMaps, headers: { accept: `application/json;x=${i}${FILL}` }, status: 200 }),
  'media types that are refused': (i) => ({ path: configMaps, headers: { accept: `${i}${FILL}` }, status: 406 }),
  'groups that are not': (i) => ({ path: `/apis/${i}${FILL}`, status: 404 }),
  'versions that are not': (i) => ({ path: `/apis/apps/${i}${FILL}`, status: 404 }),
  'resources that are not': (i) => ({ path: `/api/v1/${i}${FILL}/a`, status: 404 }),
  'subresources that are not': (i) => ({ path: `${configMaps}/a/${i}${FILL}`, status: 404 }),
  'namespaces, of somebody without rights': (i) => ({ path: `/api/v1/namespaces/${i}${FILL}/pods`, headers: JANE, status: 403 }),
  'namespaces in long queries': (i) => ({
    path: `/api/v1/namespaces/a-name-of-some-length-${i}/pods?x=${FILL}`,
    headers: JANE,
    status: 403,
  }),
  'namespaces in long paths': (i) => ({ path: `/api/v1/namespaces/a-name-of-some-length-${i}/pods/${FILL}`, headers: JANE, status: 403 }),
  'users that are spoken for': (i) => ({ path: configMaps, headers: { 'impersonate-user': `${i}${FILL}` }, status: 403 }),
  'groups that are spoken for': (i) => ({
    path: configMaps,
    headers: { ...JANE, 'impersonate-group': `${i}${FILL}` },
    status: 403,
  }),
  'tokens that are none': (i) => ({ path: '/version', headers: { authorization: `Bearer a.${i}${FILL}.b` }, as: 'nobody', status: 401 }),
  'programs that write': (i) => ({
    path: configMaps,
    method: 'POST',
    headers: { ...JSON_TYPE, 'user-agent': `a-program-of-some-length/${FILL}` },
    body: JSON.stringify({ metadata: { name: `by-program-${i}` } }),
    status: 201,
  }),
  'managers in long queries': (i) => ({
    path: `${configMaps}?fieldManager=a-manager-of-some-length-${i}&x=${FILL}`,
    method: 'POST',
    headers: JSON_TYPE,
    body: JSON.stringify({ metadata: { name: `by-manager-${i}` } }),
    status: 201,
  }),
  'objects in long bodies': (i) => ({
    path: configMaps,
    method: 'POST',
    headers: JSON_TYPE,
    body:
      JSON.stringify({ metadata: { name: `a-long-name-of-a-map-${i}` }, data: { a: 'some text of its own' } }) + ' '.repeat(FILL.length),
    status: 201,
  }),
  'objects in long YAML': (i) => ({
    path: configMaps,
    method: 'POST',
    headers: { 'content-type': 'application/yaml' },
    body: `metadata: {name: a-long-name-in-yaml-${i}}\ndata:\n  a: some text of its own\n  b: 'some quoted text'\n# ${FILL}\n`,
    status: 201,
  }),
};

for (const [what, call] of Object.entries(cases)) {
  test(`of ${what}, nothing that has no bound is kept`, async (t) => {
    const send = async (i: number): Promise<void> => {
      const { path, status, ...rest } = call(i);
      const answer = await http1(server, path, rest);
      assert.equal(answer.status, status, answer.body.toString('latin1').slice(0, 300));
    };
    await send(0);
    const held = await heldBytes();
    for (let i = 1; i <= REQUESTS; i++) await send(i);
    const grown = (await heldBytes()) - held;
    t.diagnostic(`${(grown / MIB).toFixed(1)} MiB`);
    assert.ok(grown < MOST, `${grown} bytes`);
  });
}

/** Once nothing is on its way: what a promise or a weak reference held until the end of a turn goes with the second collection. */
async function heldBytes(): Promise<number> {
  for (let i = 0; i < 2; i++) {
    await wait(systemClock, 0);
    collectGarbage();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
