// Watches on the wire, in every form a client may ask for.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import { kubeProtobuf } from '#api/protobuf/kube-protobuf.ts';
import { WatchFrameReader } from '#api/protobuf/watch.ts';
import { configmaps } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import { ManualClock } from '#base/clock.ts';
import { createClient } from '#client/client.ts';
import type { Client } from '#client/contract.ts';
import { ADMIN, startTestServer, type TestServer } from '../testing.ts';
import { http2Session } from '../testing/http.ts';
import { MemoryStore } from '../testing/memory-store.ts';

const MINUTE_MS = 60_000;
const MAX_FRAME = 1 << 20;

const clock = new ManualClock();
let server: TestServer;
let client: Client;
let session: ClientHttp2Session;
before(async () => {
  server = await startTestServer({ clock, store: new MemoryStore(clock) });
  client = createClient(server.server.loopback(ADMIN));
  session = http2Session(server);
});
after(async () => {
  session.destroy();
  await server.stop();
});

const path = (namespace: string, query = ''): string => `/api/v1/namespaces/${namespace}/configmaps?watch=true${query}`;

interface Open {
  /** The next `count` events. */
  take(count: number): Promise<readonly Event[]>;
  close(): void;
}
interface Event {
  readonly type: string;
  readonly object: Record<string, unknown>;
}

/** `read` finds events in what arrives. */
async function open(url: string, accept: string, read: (chunk: Buffer) => readonly Event[] = lines()): Promise<Open> {
  const stream = session.request({ ':path': url, accept });
  const [headers] = (await once(stream, 'response')) as [Record<string, string>];
  assert.equal(headers[':status'], 200);
  const events: Event[] = [];
  stream.on('data', (chunk: Buffer) => events.push(...read(chunk)));
  return {
    take: async (count) => {
      while (events.length < count) await once(stream, 'data');
      return events.splice(0, count);
    },
    close: () => stream.close(),
  };
}

function lines(): (chunk: Buffer) => readonly Event[] {
  let rest = '';
  return (chunk) => {
    const parts = (rest + chunk.toString()).split('\n');
    rest = parts.pop() as string;
    return parts.map((line) => JSON.parse(line) as Event);
  };
}

const protobuf = kubeProtobuf(new Schema());
function frames(): (chunk: Buffer) => readonly Event[] {
  const reader = new WatchFrameReader(MAX_FRAME);
  return (chunk) => reader.push(chunk).map(({ type, object }) => ({ type, object: protobuf.decode(object, '') as Event['object'] }));
}

const make = (namespace: string, name: string, labels: Record<string, string> = {}) =>
  client.create(configmaps, { metadata: { name, namespace, labels }, data: { a: 'b' } });
const relabel = (namespace: string, name: string, labels: Record<string, string | null>) =>
  client.patch(configmaps, { name, namespace }, { type: 'merge', body: { metadata: { labels } } });
const metadataOf = ({ object }: Event) => object['metadata'] as { readonly name: string; readonly resourceVersion: string };
const nameOf = (event: Event): string => metadataOf(event).name;
interface Table {
  readonly columnDefinitions: readonly unknown[] | null;
  readonly rows: readonly { readonly cells: readonly unknown[] }[];
}

describe('a watch over HTTPS', () => {
  test('tells of what is there and what becomes of it', async () => {
    await make('json', 'a');
    const watch = await open(path('json'), 'application/json');
    await relabel('json', 'a', { x: 'y' });
    await client.delete(configmaps, { name: 'a', namespace: 'json' });
    const events = await watch.take(3);
    assert.deepEqual(
      events.map((event) => [event.type, nameOf(event), event.object['kind']]),
      ['ADDED', 'MODIFIED', 'DELETED'].map((type) => [type, 'a', 'ConfigMap']),
    );
    watch.close();
  });

  test('under a selector shows objects coming and going', async () => {
    await make('selected', 'a');
    const watch = await open(path('selected', '&labelSelector=in%3Dyes'), 'application/json');
    await relabel('selected', 'a', { in: 'yes' });
    await relabel('selected', 'a', { in: null });
    assert.deepEqual(
      (await watch.take(2)).map((event) => `${event.type} ${nameOf(event)}`),
      ['ADDED a', 'DELETED a'],
    );
    watch.close();
  });

  test('speaks protobuf, refusals included', async () => {
    const accept = 'application/vnd.kubernetes.protobuf;stream=watch';
    const made = await make('proto', 'a');
    const watch = await open(path('proto'), accept, frames());
    const [added] = await watch.take(1);
    assert.equal(added?.type, 'ADDED');
    assert.deepEqual([added?.object['kind'], added?.object['data'], nameOf(added as Event)], ['ConfigMap', { a: 'b' }, 'a']);
    watch.close();

    await make('proto', 'b');
    await server.server.forgetHistory();
    const late = await open(path('proto', `&resourceVersion=${Number(made.metadata.resourceVersion) - 1}`), accept, frames());
    const [error] = await late.take(1);
    assert.deepEqual(
      [error?.type, error?.object['kind'], error?.object['reason'], error?.object['code']],
      ['ERROR', 'Status', 'Expired', 410],
    );
    late.close();
  });

  test('gives tables, with their columns once', async () => {
    await make('tables', 'a');
    const watch = await open(path('tables'), 'application/json;as=Table;v=v1;g=meta.k8s.io');
    await make('tables', 'b');
    const tables = await watch.take(2);
    const seen = tables.map(({ object }) => {
      const { columnDefinitions, rows } = object as unknown as Table;
      return [columnDefinitions?.length ?? 0, rows[0]?.cells[0]];
    });
    assert.equal(tables[0]?.object['kind'], 'Table');
    assert.deepEqual(seen, [
      [3, 'a'],
      [0, 'b'],
    ]);
    watch.close();
  });

  test('gives bare metadata', async () => {
    await make('bare', 'a');
    const watch = await open(path('bare'), 'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io');
    const [event] = await watch.take(1);
    assert.deepEqual([event?.object['kind'], event?.object['data'], nameOf(event as Event)], ['PartialObjectMetadata', undefined, 'a']);
    watch.close();
  });

  test('says every minute how far it is', async () => {
    await make('marked', 'a');
    const watch = await open(path('marked', '&allowWatchBookmarks=true'), 'application/json');
    await watch.take(1);
    const elsewhere = await make('other', 'b');
    clock.advance(MINUTE_MS);
    const [mark] = await watch.take(1);
    assert.equal(mark?.type, 'BOOKMARK');
    assert.equal(metadataOf(mark as Event).resourceVersion, elsewhere.metadata.resourceVersion);
    watch.close();
  });

  test('ends when its time is up', async () => {
    const stream = session.request({ ':path': path('timed', '&timeoutSeconds=30'), accept: 'application/json' });
    await once(stream, 'response');
    clock.advance(30_000);
    await once(stream.resume(), 'end');
  });

  test('goes over a WebSocket, an event a message', async () => {
    const kinds = [
      ['application/json', (message: Buffer) => JSON.parse(message.toString()) as Event],
      ['application/json;as=Table;v=v1;g=meta.k8s.io', (message: Buffer) => JSON.parse(message.toString()) as Event],
      ['application/vnd.kubernetes.protobuf', (message: Buffer) => frames()(withLength(message))[0] as Event],
    ] as const;
    for (const [index, [accept, read]] of kinds.entries()) {
      const namespace = `messages-${index}`;
      const { metadata } = await make(namespace, 'a');
      const socket = webSocket(path(namespace, `&resourceVersion=${metadata.resourceVersion}`), accept);
      await once(socket, 'open');
      assert.equal(socket.protocol, 'of.the.client');
      const arrives = once(socket, 'message') as Promise<[Buffer, boolean]>;
      await make(namespace, 'b');
      const [message, binary] = await arrives;
      const event = read(message);
      const kind = accept.includes('Table') ? 'Table' : 'ConfigMap';
      assert.deepEqual([event.type, event.object['kind'], binary], ['ADDED', kind, accept.includes('protobuf')]);
      socket.close();
      await once(socket, 'close');
    }
  });

  test('over a WebSocket ends when its time is up, and is refused before it is opened', async () => {
    const socket = webSocket(path('timed', '&timeoutSeconds=30'), 'application/json');
    await once(socket, 'open');
    const closed = once(socket, 'close');
    clock.advance(30_000);
    await closed;
    const [error] = (await once(webSocket('/api/v1/nothings?watch=true', 'application/json'), 'error')) as [Error];
    assert.match(error.message, /Unexpected server response: 404/);
  });
});

function webSocket(url: string, accept: string): WebSocket {
  const { certificate: cert, key } = server.admin;
  return new WebSocket(`${server.url.replace('https', 'wss')}${url}`, ['of.the.client'], {
    ca: server.authority.certificate,
    cert,
    key,
    headers: { accept },
  });
}

function withLength(message: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  return Buffer.concat([length, message]);
}
