// Requests a second of each verb on one pod, by so many clients at once, each asking again when it is answered.
import type { Asked, Connections } from './connections.ts';
import { PODS, podName, type PodRequests } from './pods.ts';

export interface VerbFigures {
  readonly verb: string;
  readonly requests: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly median: number;
  readonly p99: number;
}

interface Load {
  readonly connections: Connections;
  readonly requests: PodRequests;
  readonly clients: number;
  readonly seconds: number;
}

/** Creates pods for so long, then reads, updates, patches and deletes those. */
export async function* measureVerbs(load: Load): AsyncGenerator<VerbFigures> {
  const { requests } = load;
  const accept = requests.encoding.mediaType;
  const created: string[] = [];
  let round = 0;
  const some = (i: number): string => created[i % created.length] as string;
  yield await measure('create', load, (i) => {
    const name = podName(i);
    created.push(name);
    return requests.create(name);
  });
  yield await measure('update of status', load, (i) => requests.status(some(i), ++round));
  yield await measure('get', load, (i) => ({ method: 'GET', path: `${PODS}/${some(i)}`, accept }));
  yield await measure('update', load, (i) => requests.update(some(i), ++round));
  yield await measure('patch', load, (i) => ({
    method: 'PATCH',
    path: `${PODS}/${some(i)}`,
    accept,
    contentType: 'application/merge-patch+json',
    body: Buffer.from(`{"metadata":{"labels":{"round":"p${++round}"}}}`),
  }));
  const remove = (i: number): Asked | undefined => {
    const name = created[i];
    return name === undefined ? undefined : { method: 'DELETE', path: `${PODS}/${name}?gracePeriodSeconds=0`, accept };
  };
  yield await measure('delete', load, remove);
}

/** Until the time is over or `request` has nothing more to ask. */
async function measure(
  verb: string,
  { connections, clients, seconds }: Load,
  request: (i: number) => Asked | undefined,
): Promise<VerbFigures> {
  const took: number[] = [];
  let next = 0;
  const start = performance.now();
  const end = start + seconds * 1000;
  const client = async (): Promise<void> => {
    for (let before = performance.now(); before < end; before = performance.now()) {
      const asked = request(next++);
      if (asked === undefined) return;
      await connections.succeed(asked);
      took.push(performance.now() - before);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const elapsed = performance.now() - start;
  took.sort((a, b) => a - b);
  const at = (share: number): number => took[Math.floor(took.length * share)] ?? Number.NaN;
  return { verb, requests: took.length, perSecond: (took.length / elapsed) * 1000, median: at(0.5), p99: at(0.99) };
}
