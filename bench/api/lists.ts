// LIST of all pods: whole, compressed as upstream's clients ask for it, in kubectl's pages of 500, and as the events a watch
// begins with, which is how reflectors list.
import type { Asked, Connections } from './connections.ts';
import type { Encoding } from './encodings.ts';
import { PODS } from './pods.ts';

export interface ListFigures {
  readonly bytes: number;
  /** Milliseconds; of all rounds the middle one. */
  readonly median: number;
  readonly first: number;
}

/** `rounds` lists, one after the other. The first may find nothing prepared. */
export async function measureList(connections: Connections, form: ListForm, pods: number, rounds: number): Promise<ListFigures> {
  const took: number[] = [];
  let bytes = 0;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    bytes = await listBytes(connections, form, pods);
    took.push(performance.now() - start);
  }
  const [first = Number.NaN] = took;
  const median = took.toSorted((a, b) => a - b)[took.length >> 1] ?? Number.NaN;
  return { bytes, median, first };
}

/** Reads without keeping, to the end or, of a watch, to the bookmark behind its first events. */
function listBytes(connections: Connections, { query, accept, acceptEncoding, counter }: ListForm, pods: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const encoding = acceptEncoding === undefined ? {} : { acceptEncoding };
    const stream = connections.stream({ method: 'GET', path: `${PODS}${query}`, accept, ...encoding });
    const count = counter?.();
    let [bytes, events] = [0, 0];
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200) reject(new Error(`LIST was answered with ${headers[':status']}`));
    });
    stream.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (count === undefined || (events += count(chunk)) <= pods) return;
      resolve(bytes);
      stream.close();
    });
    stream.on('end', () => resolve(bytes));
    stream.on('error', reject);
  });
}

export interface ListForm extends Pick<Asked, 'accept' | 'acceptEncoding'> {
  readonly name: string;
  readonly query: string;
  /** Counts events, of a watch. */
  readonly counter?: Encoding['eventCounter'];
}

const INITIAL_EVENTS = '?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan';

/** What clients may ask a list to be. */
export const forms = ({ name, mediaType, eventCounter: counter }: Encoding): readonly ListForm[] => [
  { name: 'whole', accept: mediaType, query: '' },
  { name: 'whole, gzip', accept: mediaType, query: '', acceptEncoding: 'gzip' },
  { name: 'page of 500', accept: mediaType, query: '?limit=500' },
  { name: 'as events', accept: name === 'json' ? mediaType : `${mediaType};stream=watch`, query: INITIAL_EVENTS, counter },
  ...(name === 'json' ? [{ name: 'whole, as Table', accept: 'application/json;as=Table;v=v1;g=meta.k8s.io', query: '' }] : []),
];
