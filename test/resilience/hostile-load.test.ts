// What harms, sent while fifty clients write: each of them is served, none much later than the others, and somebody who asks for more
// than everybody else waits for it alone.
import { startAttacked } from './hostile/attacked.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';
import { after, before, test, type TestContext } from 'node:test';
import { clusterrolebindings, configmaps } from '#api/resources.ts';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { fixedCredentials } from '#client/https/credentials.ts';
import { sharedTransports } from '#client/https/transport.ts';
import { END_HEADERS, END_STREAM, frame, TYPE } from '../harness/http2-frame.ts';
import { defer } from '../harness/scope.ts';
import { beginning, getHead } from './hostile/h2-frames.ts';

const CLIENTS = 50;
/** Of each client, during one attack. */
const WRITES = 20;
/** Requests that who wants it all has under way. */
const GREEDY = 300;
/** How many times as long as the median client the slowest may take. */
const UNEVEN = 4;
const WRITERS = 'writers';

const owner = { after };
const { address, tls, client } = await startAttacked(owner);
const users = sharedTransports({
  server: `https://${address.host}:${address.port}`,
  ca: { pem: tls.ca },
  credentials: fixedCredentials({ certificate: { cert: tls.cert, key: tls.key } }),
  clock: systemClock,
  logger: silentLogger,
});
defer(owner, () => users.close());
const writers: readonly Client[] = Array.from({ length: CLIENTS }, (_, i) =>
  createClient(users.as({ user: `writer-${i}`, groups: [WRITERS] })),
);
const map = (i: number): { readonly name: string; readonly namespace: string } => ({ name: `of-${i}`, namespace: 'default' });

before(async () => {
  const subjects = [WRITERS, 'greedy'].map((name) => ({ kind: 'Group', name, apiGroup: 'rbac.authorization.k8s.io' }));
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  await client.create(clusterrolebindings, { metadata: { name: WRITERS }, subjects, roleRef } as never);
  for (let i = 0; i < CLIENTS; i++) await client.create(configmaps, { metadata: map(i) });
});

/** Goes on until it is told to end. */
type Attack = (over: AbortSignal) => Promise<void>;

/** By nobody the server knows, over one connection after another, as fast as it takes them. */
const pouring =
  (chunks: () => Iterable<Buffer>): Attack =>
  async (over) => {
    while (!over.aborted) {
      const socket = connect({ ...address, ca: tls.ca, ALPNProtocols: ['h2'] }).on('error', () => {});
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      const pour = async (): Promise<void> => {
        await once(socket, 'secureConnect');
        socket.resume();
        for (const chunk of chunks()) {
          if (over.aborted) return;
          if (!socket.write(chunk)) await once(socket, 'drain');
        }
      };
      await Promise.race([closed, pour().catch(() => {})]);
      socket.destroy();
      await closed;
    }
  };

/** So many requests at once, all the time, by one user. */
const asking =
  (path: string, body?: string): Attack =>
  async (over) => {
    const session = connectHttp2(`https://${address.host}:${address.port}`, tls).on('error', () => {});
    const head = { ':path': path, 'impersonate-user': 'greedy', 'impersonate-group': 'greedy' };
    const ask = async (): Promise<void> => {
      while (!over.aborted && !session.destroyed) {
        const stream =
          body === undefined
            ? session.request(head)
            : session.request({ ...head, ':method': 'POST', 'content-type': 'application/yaml' }, { endStream: false });
        stream.on('error', () => {});
        if (body !== undefined) stream.end(body);
        stream.resume();
        await new Promise((resolve) => stream.once('close', resolve));
      }
    };
    await Promise.all(Array.from({ length: GREEDY }, ask));
    session.destroy();
  };

const ATTACKS: Readonly<Record<string, readonly Attack[]>> = {
  nothing: [],
  'streams that are reset as soon as they begin': Array.from({ length: 4 }, () =>
    pouring(function* () {
      yield beginning();
      for (let i = 0; i < 50_000; i++)
        yield Buffer.concat([
          frame(TYPE.headers, END_HEADERS | END_STREAM, 2 * i + 1, getHead('/api/v1/configmaps')),
          frame(TYPE.resetStream, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
        ]);
    }),
  ),
  'questions whether it is there': Array.from({ length: 4 }, () =>
    pouring(function* () {
      yield beginning();
      for (let i = 0; i < 100_000; i++) yield frame(TYPE.ping, 0, 0, Buffer.alloc(8));
    }),
  ),
  'three hundred lists at a time': [asking('/api/v1/configmaps')],
  'three hundred bodies of nested lists at a time': [asking('/api/v1/namespaces/default/configmaps', '['.repeat(50_000))],
};

for (const [what, attacks] of Object.entries(ATTACKS)) {
  test(`while somebody sends ${what}, fifty clients write, none of them much later than the others`, (t) => written(t, attacks));
}

async function written(t: TestContext, attacks: readonly Attack[]): Promise<void> {
  const over = new AbortController();
  const attacking = attacks.map((attack) => attack(over.signal));
  const waits: number[] = [];
  const totals = await Promise.all(
    writers.map(async (writer, i) => {
      const begin = systemClock.monotonic();
      for (let n = 0; n < WRITES; n++) {
        const from = systemClock.monotonic();
        await writer.patch(configmaps, map(i), { type: 'merge', body: { data: { n: `${t.name} ${n}` } } });
        waits.push(systemClock.monotonic() - from);
      }
      return systemClock.monotonic() - begin;
    }),
  );
  over.abort();
  await Promise.all(attacking);
  const [median, slowest] = [part(totals, 0.5), Math.max(...totals)];
  t.diagnostic(
    `a write took ${part(waits, 0.5)} ms, ${part(waits, 0.99)} at the 99th percentile; a client ${median} ms, the slowest ${slowest}`,
  );
  assert.ok(slowest < UNEVEN * median, `${slowest} ms, where half of them took ${median}`);
}

/** The value below which so much of all is. */
const part = (values: readonly number[], share: number): number =>
  Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] as number);
