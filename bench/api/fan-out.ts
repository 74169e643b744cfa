// One pod changes, many watch: how many events reach them in a second, and how long after the write the last has it.
import type { ClientHttp2Stream } from 'node:http2';
import type { Connections } from './connections.ts';
import { PODS, podName, type PodRequests } from './pods.ts';

export interface FanOutFigures {
  readonly eventsPerSecond: number;
  /** From the first write until the last watcher had the last event, milliseconds. */
  readonly elapsed: number;
  /** From one write until the last watcher had it, milliseconds. */
  readonly alone: number;
  /** All that were received, those each watcher began with included. */
  readonly events: number;
}

interface FanOut {
  /** The watchers'; the writer has `writer`. */
  readonly connections: Connections;
  readonly writer: Connections;
  readonly requests: PodRequests;
  readonly watchers: number;
  readonly writes: number;
}

/** The watched pod's number: beyond those of lists. */
const WATCHED = 9_000_000;

export async function measureFanOut({ connections, writer, requests, watchers, writes }: FanOut): Promise<FanOutFigures> {
  const { encoding } = requests;
  const { mediaType } = encoding;
  const name = podName(WATCHED);
  let round = 0;
  const write = (): Promise<Buffer> => writer.succeed(requests.update(name, ++round));
  await writer.succeed(requests.create(name));

  let [seen, wanted, reached] = [0, 0, () => {}];
  const expect = (events: number): Promise<void> =>
    new Promise((resolve) => {
      [seen, wanted, reached] = [0, events, resolve];
    });
  const accept = encoding.name === 'json' ? mediaType : `${mediaType};stream=watch`;
  const path = `${PODS}?watch=true&fieldSelector=metadata.name%3D${name}`;
  const first = expect(watchers); // each begins with the pod as it is
  const streams: ClientHttp2Stream[] = [];
  const failed = new Promise<never>((_, reject) => {
    for (let i = 0; i < watchers; i++) {
      const stream = connections.stream({ method: 'GET', path, accept });
      const count = encoding.eventCounter();
      stream.on('data', (chunk: Buffer) => {
        seen += count(chunk);
        if (seen >= wanted) reached();
      });
      stream.on('error', reject);
      stream.on('end', () => reject(new Error('a watch ended')));
      streams.push(stream);
    }
  });
  failed.catch(() => {}); // they all end at last
  await Promise.race([first, failed]);

  const one = expect(watchers);
  const began = performance.now();
  await write();
  await Promise.race([one, failed]);
  const alone = performance.now() - began;

  const all = expect(watchers * writes);
  const start = performance.now();
  for (let i = 0; i < writes; i++) await write();
  await Promise.race([all, failed]);
  const elapsed = performance.now() - start;
  for (const stream of streams) stream.close();
  await writer.succeed({ method: 'DELETE', path: `${PODS}/${name}?gracePeriodSeconds=0`, accept: mediaType });
  return { eventsPerSecond: ((watchers * writes) / elapsed) * 1000, elapsed, alone, events: watchers * (writes + 2) };
}
