// What a seat costs: priority and fairness beside the plain count of requests under way, alone and over HTTP/2 in the same
// run: `npm run bench:flow-control -- [--requests 200000] [--http 20000]`.
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createFlowControl } from '#apiserver/defaults.ts';
import { ALLOW } from '#apiserver/authorization/contract.ts';
import { EMPTY_QUERY } from '#apiserver/http/query.ts';
import { MaxInFlight, type FlowControl } from '#apiserver/stages/flow-control.ts';
import { requestInfo } from '#apiserver/stages/request-info.ts';
import { startTestServer } from '#apiserver/testing.ts';
import { http2, http2Session } from '#apiserver/testing/http.ts';
import { RequestWalk } from '#apiserver/walk.ts';

const { values } = parseArgs({
  options: { requests: { type: 'string', default: '200000' }, http: { type: 'string', default: '20000' } },
});
const REQUESTS = Number(values.requests);
const HTTP = Number(values.http);
const CLIENTS = 16;
const ROUNDS = 5;

const walk = new RequestWalk({
  id: 'a',
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

/** Requests a second over one connection with some requests under way at a time. */
async function throughput(priorityAndFairness: boolean): Promise<number> {
  const server = await startTestServer({
    parts: (parts) => ({
      ...createFlowControl(parts, { priorityAndFairness, maxReads: 400, maxWrites: 200 }),
      authorizer: { authorize: () => ALLOW },
    }),
  });
  const session = http2Session(server, 'nobody');
  let left = HTTP;
  const client = async (): Promise<void> => {
    while (left-- > 0) await http2(session, '/api/v1/namespaces/none/configmaps/none');
  };
  await Promise.all(Array.from({ length: CLIENTS }, client)); // warm
  left = HTTP;
  const from = systemClock.monotonic();
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const seconds = (systemClock.monotonic() - from) / 1_000;
  session.destroy();
  await server.stop();
  return HTTP / seconds;
}

let fair: FlowControl | undefined;
const probe = await startTestServer({
  parts: (parts) => {
    const made = createFlowControl(parts);
    fair = made.flowControl;
    return made;
  },
});
if (fair === undefined) throw new Error('the server was made without flow control');
const [plain, seats] = [seatCost(new MaxInFlight()), seatCost(fair)];
await probe.stop();
console.log(`${cpus().length} × ${cpus()[0]?.model}, node ${process.version}`);
console.log(`seat, count of requests      ${plain.toFixed(3)} µs`);
console.log(`seat, priority and fairness  ${seats.toFixed(3)} µs`);
const [without, withIt] = [await throughput(false), await throughput(true)];
console.log(
  `GET over HTTP/2, ${CLIENTS} at a time: ${without.toFixed(0)}/s counted, ${withIt.toFixed(0)}/s fair (${(withIt / without).toFixed(3)})`,
);
