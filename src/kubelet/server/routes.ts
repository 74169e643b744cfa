// Every path the server knows, in the order in which they are tried.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '#base/clock.ts';
import type { HealthFigures } from '#base/health-figures.ts';
import { StatusError } from '#apimachinery/errors.ts';
import { flagz, type Page, statusz } from '#api/zpages.ts';
import { answerWhole, json, plain, Refusal, type WholeAnswer } from './answers.ts';
import { checkpoint } from './checkpoint.ts';
import type { KubeletHost } from './contract.ts';
import { serveLogFiles } from './log-files.ts';
import { serveContainerLog } from './logs/container-log.ts';
import { cadvisorMetrics } from './metrics/cadvisor.ts';
import { deviceNames } from './metrics/device-names.ts';
import { CONTENT_TYPE, exposition, type Family } from './metrics/exposition.ts';
import type { OwnMetrics } from './metrics/own.ts';
import { probeMetrics } from './metrics/probes.ts';
import { resourceMetrics } from './metrics/resource.ts';
import { matchBelow, matchPath, type PathParameters } from './paths.ts';
import { pods, run, runningPods } from './pod-lists.ts';
import { attach, exec, portForward, type Session, type SessionRequest } from './sessions.ts';
import type { Upgrade } from '#base/websocket.ts';

export interface RouteDeps {
  readonly host: KubeletHost;
  readonly clock: Clock;
  readonly metrics: OwnMetrics;
  readonly checks: HealthFigures;
  /** What the kubelet was started with. */
  readonly flags: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
}

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  /** What the client accepts; empty where it does not say. */
  readonly accept: string;
  readonly parameters: PathParameters;
}

/** @throws Refusal, CriError */
type Answer = (asked: Asked, deps: RouteDeps) => WholeAnswer | Promise<WholeAnswer>;

type Route = { readonly form: string; readonly methods: readonly string[] } & (
  | { readonly kind: 'whole'; readonly answer: Answer }
  | { readonly kind: 'log' }
  /** The form is where it begins. */
  | { readonly kind: 'files' }
  | { readonly kind: 'session'; readonly session: Session }
);

const GET = ['GET', 'HEAD'];
const BOTH = ['GET', 'POST'];

const whole = (form: string, answer: Answer, methods = GET): Route => ({ kind: 'whole', form, methods, answer });
const session = (form: string, run_: Session): Route => ({ kind: 'session', form, methods: BOTH, session: run_ });

const off =
  (message: string): Answer =>
  () =>
    plain(`${message}\n`, 405);

const runs: Answer = ({ parameters, query }, { host }) => run({ ...names(parameters), cmd: query.get('cmd') ?? '' }, host);

const checkpoints: Answer = ({ parameters: { namespace = '', pod = '', container = '' }, query }, { host, clock }) =>
  checkpoint({ namespace, pod, container, timeouts: query.getAll('timeout') }, host, clock);

const status: Answer = ({ accept }, { clock, startedAt }) =>
  page(() => statusz(accept, { component: 'kubelet', startedAt, now: clock.now(), paths: ROUTES.map(({ form }) => form) }));

const ROUTES: readonly Route[] = [
  whole('/statusz', status),
  whole('/flagz', ({ accept }, { flags }) => page(() => flagz(accept, 'kubelet', flags))),
  whole('/healthz', ({ query }, deps) => health(deps, query)),
  whole('/healthz/ping', () => plain('ok')),
  whole('/healthz/log', () => plain('ok')),
  whole('/healthz/syncloop', (_, { host }) => syncLoop(host)),
  whole('/pods', (_, { host }) => pods(host)),
  whole('/runningpods', (_, { host }) => runningPods(host)),
  whole('/configz', (_, { host }) => json({ kubeletconfig: host.configuration() })),
  whole('/stats/summary', async (_, { host }) => json(await host.summary())),
  whole('/metrics', async (_, { host, metrics }) => ({ type: CONTENT_TYPE, body: await metrics.text(host) })),
  whole('/metrics/slis', (_, { checks }) => ({ type: CONTENT_TYPE, body: checks.expose() })),
  whole('/metrics/resource', async (_, { host }) => figures(resourceMetrics(await host.summary()))),
  whole('/metrics/cadvisor', async (_, { host }) => figures(await cadvisor(host))),
  whole('/metrics/probes', (_, { host }) => ({
    type: CONTENT_TYPE,
    body: exposition(probeMetrics(host.probeCounts())) + host.probeDurations(),
  })),
  whole('/checkpoint/{namespace}/{pod}/{container}', checkpoints, ['POST']),
  whole('/run/{namespace}/{pod}/{container}', runs, ['POST']),
  whole('/run/{namespace}/{pod}/{uid}/{container}', runs, ['POST']),
  { kind: 'log', form: '/containerLogs/{namespace}/{pod}/{container}', methods: ['GET'] },
  session('/exec/{namespace}/{pod}/{container}', exec),
  session('/exec/{namespace}/{pod}/{uid}/{container}', exec),
  session('/attach/{namespace}/{pod}/{container}', attach),
  session('/attach/{namespace}/{pod}/{uid}/{container}', attach),
  session('/portForward/{namespace}/{pod}', portForward),
  session('/portForward/{namespace}/{pod}/{uid}', portForward),
  { kind: 'files', form: '/logs', methods: GET },
  whole('/debug/pprof', off('profiling endpoint is disabled.')),
  whole('/debug/flags/v', off('flags endpoint is disabled.'), ['PUT']),
];

/** A client that accepts nothing of what there is, is told in a Status. */
function page(make: () => Page): WholeAnswer {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { ...json(error.toStatus()), code: error.code };
  }
}

function names({ namespace = '', pod = '', uid = '', container = '' }: PathParameters): Omit<SessionRequest, 'query'> {
  return { namespace, pod, uid, container };
}

const figures = (families: readonly Family[]): WholeAnswer => ({ type: CONTENT_TYPE, body: exposition(families) });

async function cadvisor(host: KubeletHost): Promise<readonly Family[]> {
  const { cpus, memory, swap, bootID, machineID, systemUUID } = host.machine;
  const machine = { cpus, memory, swap, ids: { boot_id: bootID, machine_id: machineID, system_uuid: systemUUID } };
  return cadvisorMetrics(await host.cadvisor(), machine, await deviceNames());
}

/** Milliseconds after which a loop that cannot go on is no longer well. Source: syncLoopHealthCheck. */
const LOOP_LATE_MS = 5 * 60_000;
const isLate = (host: KubeletHost): boolean => host.troubledForMs() > LOOP_LATE_MS;

/** Source: healthz.PingHealthz, LogHealthz, Server.syncLoopHealthCheck. */
export function health({ host, checks }: Pick<RouteDeps, 'host' | 'checks'>, query: URLSearchParams): WholeAnswer {
  const passes = !isLate(host);
  const results = [
    ['ping', true],
    ['log', true],
    ['syncloop', passes],
  ] as const;
  for (const [name, passed] of results) checks.checked('healthz', name, passed);
  const report = results.map(([name, passed]) => (passed ? `[+]${name} ok\n` : `[-]${name} failed: reason withheld\n`)).join('');
  if (!passes) return plain(`${report}healthz check failed\n`, 500);
  return plain(query.has('verbose') ? `${report}healthz check passed\n` : 'ok');
}

function syncLoop(host: KubeletHost): WholeAnswer {
  return isLate(host) ? plain('internal server error: sync Loop took longer than expected\n', 500) : plain('ok');
}

/** @throws Refusal 404, 405 */
function find(method: string, path: string): { readonly route: Route; readonly parameters: PathParameters } {
  for (const route of ROUTES) {
    const parameters = route.kind === 'files' ? matchBelow(route.form, path) : matchPath(route.form, path);
    if (parameters === undefined) continue;
    if (!route.methods.includes(method)) throw new Refusal(405, 'Method Not Allowed', { Allow: route.methods.join(', ') });
    return { route, parameters };
  }
  throw new Refusal(404, '404 page not found\n');
}

/** @throws Refusal, CriError; nothing was sent then, or the answer must be broken off */
export async function serveRequest(request: IncomingMessage, response: ServerResponse, url: URL, deps: RouteDeps): Promise<void> {
  const method = request.method ?? 'GET';
  const { route, parameters } = find(method, url.pathname);
  switch (route.kind) {
    case 'whole':
      return answerWhole(
        response,
        await route.answer({ method, path: url.pathname, query: url.searchParams, accept: request.headers.accept ?? '', parameters }, deps),
      );
    case 'log':
      return serveContainerLog({ ...names(parameters), query: url.searchParams }, { request, response }, deps);
    case 'files':
      return serveLogFiles(response, deps.host.logDirectory, url.pathname.slice(route.form.length));
    case 'session':
      // Source: UpgradeAwareHandler with UpgradeRequired.
      throw new Refusal(500, 'Upgrade request required\n');
  }
}

/** @throws Refusal, CriError; nothing was sent then */
export async function serveUpgrade(upgrade: Upgrade, url: URL, { host }: RouteDeps): Promise<void> {
  const { route, parameters } = find(upgrade.request.method ?? 'GET', url.pathname);
  if (route.kind !== 'session') throw new Refusal(400, 'this path is not upgraded');
  await route.session({ ...names(parameters), query: url.searchParams }, upgrade, host);
}
