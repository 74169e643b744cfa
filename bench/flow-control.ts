// What a seat costs: priority and fairness beside the plain count of requests under way and beside a GET, in the same run:
// `npm run bench:flow-control -- [--requests 200000] [--gets 50000]`.
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { namespaces } from '#api/resources.ts';
import { randomIds } from '#base/ids.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { createApiServer } from '#apiserver/server.ts';
import { openEmbeddedStore } from '#store/embedded/store.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createFlowControl } from '#apiserver/defaults.ts';
import { ALLOW } from '#apiserver/authorization/contract.ts';
import { EMPTY_QUERY } from '#apiserver/http/query.ts';
import { MaxInFlight, type FlowControl } from '#apiserver/stages/flow-control.ts';
import { requestInfo } from '#apiserver/stages/request-info.ts';
import { RequestWalk } from '#apiserver/walk.ts';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '200000' }, gets: { type: 'string', default: '50000' } },
});
const REQUESTS = Number(values.requests);
const GETS = Number(values.gets);
const ROUNDS = 5;

const walk = new RequestWalk({
  id: 'a',
  uri: '/api/v1/namespaces/default/pods/a',
  method: 'GET',
  transport: 'https',
  info: requestInfo('GET', '/api/v1/namespaces/default/pods/a', EMPTY_QUERY),
  query: EMPTY_QUERY,
  userAgent: 'bench',
  remoteAddress: '127.0.0.1',
  clock: systemClock,
  logger: silentLogger,
});
walk.setUser({ name: 'jane', groups: ['developers', 'system:authenticated'] });

/** Microseconds a GET without a network. */
async function getCost(client: Client): Promise<number> {
  const from = systemClock.monotonic();
  for (let i = 0; i < GETS; i++) await client.get(namespaces, { name: 'bench' });
  return ((systemClock.monotonic() - from) * 1_000) / GETS;
}

/** Microseconds a seat, the best of some rounds. */
function seatCost(flowControl: FlowControl): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const from = systemClock.monotonic();
    for (let i = 0; i < REQUESTS; i++) {
      const release = flowControl.admit(walk);
      if (typeof release !== 'function') throw new Error('there must be a free seat');
      release();
    }
    best = Math.min(best, ((systemClock.monotonic() - from) * 1_000) / REQUESTS);
  }
  return best;
}

const dir = await mkdtemp(join(tmpdir(), 'proa-bench-'));
const store = await openEmbeddedStore({ dir, clock: systemClock, logger: silentLogger });
let fair: FlowControl | undefined;
const server = createApiServer({
  store,
  clock: systemClock,
  ids: randomIds,
  logger: silentLogger,
  parts: (parts) => {
    const made = createFlowControl(parts);
    fair = made.flowControl;
    return { ...made, authenticators: [], authorizer: { authorize: () => ALLOW } };
  },
});
await server.start();
if (fair === undefined) throw new Error('the server was made without flow control');
const [plain, seats] = [seatCost(new MaxInFlight()), seatCost(fair)];
const client = createClient(server.loopback({ name: 'jane', groups: [] }));
await client.create(namespaces, { metadata: { name: 'bench' } });
const get = await getCost(client);
await server.stop();
await store.close();
await rm(dir, { recursive: true });
console.log(`${cpus().length} × ${cpus()[0]?.model}, node ${process.version}`);
console.log(`seat, count of requests      ${plain.toFixed(3)} µs`);
console.log(`seat, priority and fairness  ${seats.toFixed(3)} µs`);
console.log(
  `GET in the same process      ${get.toFixed(3)} µs (without the network; a seat of ours is ${((100 * seats) / get).toFixed(1)} % of it)`,
);
