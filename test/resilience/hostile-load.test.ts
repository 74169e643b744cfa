// What harms, sent while fifty clients write: each of them is served, none much later than the others, and somebody who asks for more
// than everybody else waits for it alone. How fast the machine is tells a second server, which nobody attacks.
import { startAttacked } from './hostile/attacked.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:tls';
import { after, before, test } from 'node:test';
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
/** Of each client, during one attack: so many, and more until much has been sent. */
const WRITES = 20;
const MOST_WRITES = 400;
/** Requests that who wants it all has under way. */
const GREEDY = 300;
/** How many times as much as the slowest client the faster half may get done. */
const UNEVEN = 4;
/** Answers that who wants it all may have for each write of the fifty: 6 if all of them waited in one line. */
const UNFAIR = 4;
const WRITERS = 'writers';

const owner = { after };
const { address, tls, client } = await startAttacked(owner);
const beside = await startAttacked(owner);
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

let peace: Round;

before(async () => {
  const subjects = [WRITERS, 'greedy'].map((name) => ({ kind: 'Group', name, apiGroup: 'rbac.authorization.k8s.io' }));
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' };
  await client.create(clusterrolebindings, { metadata: { name: WRITERS }, subjects, roleRef } as never);
  for (let i = 0; i < CLIENTS; i++) await client.create(configmaps, { metadata: map(i) });
  await beside.client.create(configmaps, { metadata: map(0) });
  peace = await round('nothing', { attacks: [], much: 0, starved: 1 });
});

/** Goes on until it is told to end; tells of every piece that was sent, or every request that was answered. */
type Attack = (over: AbortSignal, sent: () => void) => Promise<void>;

/** By nobody the server knows, over one connection after another, as fast as it takes them. */
const pouring =
  (chunks: () => Iterable<Buffer>): Attack =>
  async (over, sent) => {
    while (!over.aborted) {
      const socket = connect({ ...address, ca: tls.ca, ALPNProtocols: ['h2'] }).on('error', () => {});
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      const pour = async (): Promise<void> => {
        await once(socket, 'secureConnect', { signal: over });
        socket.resume();
        for (const chunk of chunks()) {
          if (over.aborted) return;
          if (!socket.write(chunk)) await once(socket, 'drain', { signal: over });
          sent();
        }
      };
      // The server may hang up at any time; what counts is what was sent until then.
      await Promise.race([closed, pour().catch(() => {})]);
      socket.destroy();
      await closed;
    }
  };

/** So many requests at once, all the time, by one user. */
const asking =
  (path: string, body?: string): Attack =>
  async (over, sent) => {
    const head = { ':path': path, 'impersonate-user': 'greedy', 'impersonate-group': 'greedy' };
    while (!over.aborted) {
      const session = connectHttp2(`https://${address.host}:${address.port}`, tls).on('error', () => {});
      const ask = async (): Promise<void> => {
        while (!over.aborted && !session.destroyed) {
          const stream =
            body === undefined
              ? session.request(head)
              : session.request({ ...head, ':method': 'POST', 'content-type': 'application/yaml' }, { endStream: false });
          stream.on('error', () => {}).once('response', sent);
          if (body !== undefined) stream.end(body);
          stream.resume();
          await new Promise((resolve) => stream.once('close', resolve));
        }
      };
      await Promise.all(Array.from({ length: GREEDY }, ask));
      session.destroy();
    }
  };

interface Given {
  readonly attacks: readonly Attack[];
  /** How often they have to tell of something. */
  readonly much: number;
  /** How often they may, for each write. */
  readonly most?: number;
  /** How many times fewer writes than in peace there may be for each one on the other server. */
  readonly starved: number;
}

const ATTACKS: Readonly<Record<string, Given>> = {
  'streams that are reset as soon as they begin': {
    much: 5000,
    starved: 20,
    attacks: Array.from({ length: 4 }, () =>
      pouring(function* () {
        yield beginning();
        for (let i = 0; i < 50_000; i++)
          yield Buffer.concat([
            frame(TYPE.headers, END_HEADERS | END_STREAM, 2 * i + 1, getHead('/api/v1/configmaps')),
            frame(TYPE.resetStream, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
          ]);
      }),
    ),
  },
  'questions whether it is there': {
    much: 20_000,
    starved: 20,
    attacks: Array.from({ length: 4 }, () =>
      pouring(function* () {
        yield beginning();
        for (let i = 0; i < 100_000; i++) yield frame(TYPE.ping, 0, 0, Buffer.alloc(8));
      }),
    ),
  },
  'three hundred lists at a time': { much: GREEDY, most: UNFAIR, starved: 20, attacks: [asking('/api/v1/configmaps')] },
  'three hundred bodies of nested lists at a time': {
    much: GREEDY,
    most: UNFAIR,
    starved: 20,
    attacks: [asking('/api/v1/namespaces/default/configmaps', '['.repeat(50_000))],
  },
};

for (const [what, given] of Object.entries(ATTACKS)) {
  test(`while somebody sends ${what}, fifty clients write, none of them much later than the others`, async (t) => {
    const { sent, atHalf, share, waits } = await round(what, given);
    const slowest = Math.min(...atHalf);
    t.diagnostic(
      `${sent} sent; a write took ${part(waits, 0.5)} ms, ${part(waits, 0.99)} at the 99th percentile; ${share.toFixed(1)} were made ` +
        `for each on the other server, ${peace.share.toFixed(1)} in peace; the slowest client had made ${slowest} when half had made ${WRITES}`,
    );
    assert.ok(sent >= given.much, `only ${sent} were sent`);
    assert.ok(slowest * UNEVEN >= WRITES, `${slowest} writes, where half of them had made ${WRITES}`);
    assert.ok(sent <= waits.length * (given.most ?? Infinity), `${sent} answers beside ${waits.length} writes`);
    assert.ok(share * given.starved >= peace.share, `${share} writes for each on the other server, where it is ${peace.share} in peace`);
  });
}

interface Round {
  readonly sent: number;
  /** Writes of each client when half of them had made all of theirs. */
  readonly atHalf: readonly number[];
  /** Writes of all clients for each that one client made on the other server. */
  readonly share: number;
  /** Milliseconds. */
  readonly waits: readonly number[];
}

async function round(what: string, { attacks, much }: Given): Promise<Round> {
  const over = new AbortController();
  let [sent, elsewhere] = [0, 0];
  const attacking = attacks.map((attack) => attack(over.signal, () => void sent++));
  const write = (by: Client, i: number, n: number) =>
    by.patch(configmaps, map(i), { type: 'merge', body: { data: { n: `${what} ${n}` } } });
  const writeBeside = async (): Promise<void> => {
    while (!over.signal.aborted) await write(beside.client, 0, elsewhere++);
  };
  const besides = writeBeside();
  const made = writers.map(() => 0);
  const waits: number[] = [];
  let atHalf: readonly number[] = [];
  await Promise.all(
    writers.map(async (writer, i) => {
      for (let n = 1; n <= WRITES || (sent < much && n <= MOST_WRITES); n++) {
        const from = systemClock.monotonic();
        await write(writer, i, n);
        waits.push(systemClock.monotonic() - from);
        made[i] = n;
        if (n === WRITES && made.filter((count) => count >= WRITES).length === CLIENTS / 2) atHalf = [...made];
      }
    }),
  );
  over.abort();
  await Promise.all([...attacking, besides]);
  return { sent, atHalf, share: waits.length / elsewhere, waits };
}

/** The value below which so much of all is. */
const part = (values: readonly number[], share: number): number =>
  Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] as number);
