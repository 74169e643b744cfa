// What this process is busy with and what fills its memory, as V8 tells it: files for Chrome's developer tools.
// Source: apiserver pkg/server/routes/profiling.go, whose place it takes.
import { Session } from 'node:inspector/promises';
import { badRequest } from '#apimachinery/errors.ts';
import { wait, type Clock } from '#base/clock.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Route, RouteCall } from './contract.ts';
import { text } from './text.ts';

/** Seconds of a CPU profile, and the most. Source: net/http/pprof. */
const DEFAULT_SECONDS = 30;
const MAX_SECONDS = 300;

export function profilingRoutes(clock: Clock): readonly Route[] {
  const route = (path: string, handle: Route['handle']): Route => ({ path, match: 'exact', listed: false, handle });
  return [
    route('/debug/pprof', () => text(200, '/debug/pprof/profile?seconds=30\n/debug/pprof/heap\n')),
    route('/debug/pprof/profile', (call) => cpuProfile(call, clock)),
    route('/debug/pprof/heap', heapSnapshot),
  ];
}

async function cpuProfile({ request: { query, signal } }: RouteCall, clock: Clock): Promise<Answer> {
  const seconds = Number(query.get('seconds') ?? DEFAULT_SECONDS);
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) throw badRequest(`seconds must be more than 0 and at most ${MAX_SECONDS}`);
  return withSession(async (session) => {
    await session.post('Profiler.enable');
    await session.post('Profiler.start');
    await wait(clock, seconds * 1_000, signal).catch(() => {}); // who gave up gets no more
    const { profile } = await session.post('Profiler.stop');
    return file('cpuprofile', JSON.stringify(profile));
  });
}

function heapSnapshot(): Promise<Answer> {
  return withSession(async (session) => {
    const chunks: string[] = [];
    session.on('HeapProfiler.addHeapSnapshotChunk', ({ params }) => chunks.push(params.chunk));
    await session.post('HeapProfiler.takeHeapSnapshot');
    return file('heapsnapshot', chunks.join(''));
  });
}

async function withSession(work: (session: Session) => Promise<Answer>): Promise<Answer> {
  const session = new Session();
  session.connect();
  try {
    return await work(session);
  } finally {
    session.disconnect();
  }
}

const file = (extension: string, content: string): Answer => ({
  kind: 'bytes',
  code: 200,
  headers: { 'content-type': 'application/json', 'content-disposition': `attachment; filename="apiserver.${extension}"` },
  body: Buffer.from(content),
});
