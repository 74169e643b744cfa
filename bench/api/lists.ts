// LIST of all pods: whole, and in kubectl's pages of 500.
import type { Connections } from './connections.ts';
import type { Encoding } from './encodings.ts';
import { PODS } from './pods.ts';

export interface ListFigures {
  readonly bytes: number;
  /** Milliseconds; of all rounds the middle one. */
  readonly median: number;
  readonly first: number;
}

/** `rounds` lists, one after the other. The first may find nothing prepared. */
export async function measureList(connections: Connections, accept: string, query: string, rounds: number): Promise<ListFigures> {
  const took: number[] = [];
  let bytes = 0;
  for (let i = 0; i < rounds; i++) {
    const start = performance.now();
    bytes = await listBytes(connections, accept, query);
    took.push(performance.now() - start);
  }
  const [first = Number.NaN] = took;
  const median = took.toSorted((a, b) => a - b)[took.length >> 1] ?? Number.NaN;
  return { bytes, median, first };
}

/** Reads without keeping. */
function listBytes(connections: Connections, accept: string, query: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = connections.stream({ method: 'GET', path: `${PODS}${query}`, accept });
    let bytes = 0;
    stream.on('response', (headers) => {
      if (headers[':status'] !== 200) reject(new Error(`LIST was answered with ${headers[':status']}`));
    });
    stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
    stream.on('end', () => resolve(bytes));
    stream.on('error', reject);
  });
}

/** What clients may ask a list to be. */
export const forms = ({
  name,
  mediaType,
}: Encoding): readonly { readonly name: string; readonly accept: string; readonly query: string }[] => [
  { name: 'whole', accept: mediaType, query: '' },
  { name: 'page of 500', accept: mediaType, query: '?limit=500' },
  ...(name === 'json' ? [{ name: 'whole, as Table', accept: 'application/json;as=Table;v=v1;g=meta.k8s.io', query: '' }] : []),
];
