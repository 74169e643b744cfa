// What a component that runs alone serves over HTTPS: its health for everybody, its figures for whom the API server lets.
// Source: component-base/cli, apiserver/pkg/server/options DelegatingAuthentication, DelegatingAuthorization.
import type { IncomingHttpHeaders } from 'node:http';
import { createServer, type Server } from 'node:https';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Clock } from '#base/clock.ts';
import { HealthFigures, type HealthKind } from '#base/health-figures.ts';
import { requestPath } from '#base/request-path.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { buildInfo } from '#api/build.ts';
import { flagz, type Page, statusz } from '#api/zpages.ts';
import { subjectaccessreviews, tokenreviews } from '#api/resources.ts';
import { createClient } from '#client/client.ts';
import { type Client, ConnectionError, type Transport } from '#client/contract.ts';
import { createAuthority, issueCertificate, type KeyedCertificate } from '../pki/certificate.ts';
import { type ComponentContext, fileOf } from './context.ts';

/** Source: DelegatingAuthorizationOptions AlwaysAllowPaths. */
const HEALTH_PATHS: ReadonlySet<string> = new Set(['/healthz', '/livez', '/readyz']);
/** Of the certificate a component makes for itself when it is given none. */
const OWN_VALID_DAYS = 365;

/** Serves until the component stops; `--secure-port 0` serves nothing. @throws Error when it cannot listen */
export async function serveComponent(transport: Transport, told: Told, context: ComponentContext): Promise<void> {
  const { flags, stops, logger } = context;
  const port = flags.number('secure-port');
  if (port === 0) return;
  const deps = { client: createClient(transport), clock: context.clock, flags: flags.all(), ...told };
  const server = componentServer(await certificateOf(context), deps);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: flags.text('bind-address'), port }, resolve);
  });
  server.on('error', (error) => logger.error('a connection cannot be accepted', { error }));
  logger.info('serves health and figures', { address: server.address() });
  stops.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(() => resolve()));
  });
}

export interface Told {
  /** `kube-scheduler` */
  readonly component: string;
  /** Figures in Prometheus' text format. */
  readonly expose: () => string;
  /** As well, at /metrics/resources: what there is a series of for each pod. */
  readonly exposeResources?: () => string;
  /** False when it says that it leads and does not, for it hangs. Source: leaderelection HealthzAdaptor. */
  readonly healthy: () => boolean;
  /** The configuration in use, by the name it goes by. Absent: it is not told. Source: component-base/configz. */
  readonly configz?: Readonly<Record<string, unknown>>;
}

interface ServingDeps extends Told {
  /** May create TokenReviews and SubjectAccessReviews. */
  readonly client: Client;
  readonly clock: Clock;
  /** What it was started with, by flag; no secrets. */
  readonly flags: Readonly<Record<string, string>>;
}

/** What is served besides health. */
const PATHS = ['/configz', '/flagz', '/healthz', '/livez', '/metrics', '/readyz', '/statusz'];

const UNHEALTHY = '[+]ping ok\n[-]leaderElection failed: reason withheld\nhealthz check failed\n';

export function componentServer(
  { certificate, key }: KeyedCertificate,
  { component, client, clock, flags, expose, exposeResources, healthy, configz }: ServingDeps,
): Server {
  const startedAt = clock.now();
  const own = new Registry();
  collectDefaultMetrics({ register: own });

  const figures = new HealthFigures();

  /** Source: controllermanager NewBaseHandler: all three paths ask the same. */
  function health(path: string): Answer {
    const passes = healthy();
    figures.checked(path.slice(1) as HealthKind, 'leaderElection', passes);
    return passes ? text(200, 'ok') : text(500, UNHEALTHY);
  }

  async function answer(path: string, { authorization = '', accept = '' }: IncomingHttpHeaders): Promise<Answer> {
    if (HEALTH_PATHS.has(path)) return health(path);
    const refusal = await refusalOf(client, path, /^bearer +(\S+)$/i.exec(authorization)?.[1]);
    if (refusal !== undefined) return refusal;
    if (path === '/configz' && configz !== undefined) return { code: 200, type: 'application/json', body: JSON.stringify(configz) };
    if (path === '/statusz') return page(() => statusz(accept, { component, startedAt, now: clock.now(), paths: PATHS }));
    if (path === '/flagz') return page(() => flagz(accept, component, flags));
    if (path === '/metrics') return figuresAnswer(expose() + buildInfo() + (await own.metrics()));
    if (path === '/metrics/resources' && exposeResources !== undefined) return figuresAnswer(exposeResources());
    return path === '/metrics/slis' ? figuresAnswer(figures.expose()) : text(404, '404 page not found\n');
  }

  return createServer({ cert: certificate, key }, (request, response) => {
    const reply = ({ code, type, body, headers = {} }: Answer): void =>
      void response.writeHead(code, { 'content-type': type, ...headers }).end(body);
    if (request.method !== 'GET' && request.method !== 'HEAD') return reply(text(405, 'Method Not Allowed\n'));
    const path = requestPath(request.url);
    answer(path, request.headers).then(reply, (error: unknown) => reply(failed(error)));
  });
}

interface Answer {
  readonly code: number;
  readonly type: string;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const text = (code: number, body: string): Answer => ({ code, type: 'text/plain; charset=utf-8', body });

/** A form that is not to be had is refused in words. */
function page(made: () => Page): Answer {
  try {
    return { code: 200, ...made() };
  } catch (error) {
    if (!isStatusError(error, 'NotAcceptable')) throw error;
    return text(406, `${error.message}\n`);
  }
}

const figuresAnswer = (body: string): Answer => ({ code: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body });

/** The API server could not be asked, or would not say. */
function failed(error: unknown): Answer {
  if (isStatusError(error) || error instanceof ConnectionError) return text(500, 'Internal Server Error\n');
  throw error;
}

async function refusalOf(client: Client, path: string, token: string | undefined): Promise<Answer | undefined> {
  if (token === undefined) return text(401, 'Unauthorized\n');
  const review = await client.create(tokenreviews, { spec: { token } });
  if (review.status?.authenticated !== true) return text(401, 'Unauthorized\n');
  const { username = '', uid, groups = [], extra } = review.status.user ?? {};
  const { status } = await client.create(subjectaccessreviews, {
    spec: {
      user: username,
      groups: groups.includes('system:authenticated') ? groups : [...groups, 'system:authenticated'],
      ...(uid === undefined ? {} : { uid }),
      ...(extra === undefined ? {} : { extra }),
      nonResourceAttributes: { path, verb: 'get' },
    },
  });
  return status?.allowed === true ? undefined : text(403, `forbidden: User "${username}" cannot get path "${path}"\n`);
}

/** As the flags name it; made on the spot without. Source: SecureServingOptions MaybeDefaultWithSelfSignedCerts. */
async function certificateOf(context: ComponentContext): Promise<KeyedCertificate> {
  const { flags, clock, ids } = context;
  if (flags.optional('tls-cert-file') !== undefined) {
    return { certificate: fileOf(context, 'tls-cert-file'), key: fileOf(context, 'tls-private-key-file') };
  }
  const authority = await createAuthority('localhost-ca', OWN_VALID_DAYS, { clock, ids });
  const names = { commonName: 'localhost', usages: ['server'], dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] } as const;
  return issueCertificate(authority, { ...names, validDays: OWN_VALID_DAYS }, { clock, ids });
}
