// nodes/proxy, pods/proxy, services/proxy: any request to a port of a node, pod or service.
import { lookup } from 'node:dns/promises';
import type { IncomingMessage } from 'node:http';
import type { Endpoint, EndpointSlice, Node, Pod, Service } from '#api/types.ts';
import { endpointslices } from '#api/resources.ts';
import { badRequest, StatusError } from '#apimachinery/errors.ts';
import { parseIp } from '#apimachinery/ip.ts';
import type { Clock } from '#base/clock.ts';
import type { Ids } from '#base/ids.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { CredentialsSource } from '../../kubelet/credentials.ts';
import { forward } from '../../kubelet/forward.ts';
import { endToEnd } from '../../kubelet/headers.ts';
import { authority, type Target } from '../../kubelet/target.ts';
import { tunnel } from '../../kubelet/tunnel.ts';
import type { Registry } from '../../registry/write-call.ts';
import type { RequestContext } from '../../request.ts';
import type { Handler } from '../dispatch.ts';
import type { Operation } from '../operation.ts';
import { admitConnect, connected, kubeletTarget, stream } from './connect.ts';
import { linkThroughProxy, type Page } from './links.ts';
import { pageThroughProxy } from './page.ts';

export interface ProxyDeps {
  readonly credentials: CredentialsSource;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** `name`, `name:port`, `scheme:name:port`. Source: utilnet.SplitSchemeNamePort. */
interface Address {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** Empty where none is given. */
  readonly port: string;
}

function splitAddress(id: string, kind: string): Address {
  const parts = id.split(':');
  const refuse = (): StatusError => badRequest(`invalid ${kind} request ${JSON.stringify(id)}`);
  if (parts.length > 3) throw refuse();
  const [scheme, name, port] =
    parts.length === 3 ? (parts as [string, string, string]) : (['http', ...parts, ''] as string[] as [string, string, string]);
  if (name === '' || (scheme !== '' && scheme !== 'http' && scheme !== 'https')) throw refuse();
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

export function proxyHandler(kind: 'node' | 'pod' | 'service', deps: ProxyDeps): Handler {
  return async (operation, { registry }) => {
    const { request } = operation;
    await admitConnect(operation, { group: '', version: 'v1', kind: OPTIONS[kind] }, { path: `/${request.info.rest.join('/')}` }, registry);
    const address = splitAddress(request.info.name, kind);
    const named: Operation = { ...operation, request: renamed(request, address.name) };
    return stream(async (exchange) => {
      const { rawPath, rawQuery } = exchange;
      const query = rawQuery === '' ? '' : `?${rawQuery}`;
      const prefix = rawPath.split('/').slice(0, SEGMENTS[kind]).join('/');
      const path = rawPath.slice(prefix.length);
      const located = await locate(kind, named, address, `${path === '' ? '/' : path}${query}`, registry, deps);
      // The backend is asked under the name that the client asks under. Source: UpgradeAwareHandler.UseLocationHost.
      const target = { ...located, askedFor: exchange.header('host') ?? authority(located) };
      if (exchange.upgrade !== undefined) return tunnel(exchange.upgrade, target, deps.clock, exchange.remoteAddress);
      // A page is asked for where its relative links are below it. Source: proxyRedirectsforRootPath.
      const isPage = exchange.method === 'GET' || exchange.method === 'HEAD';
      if (path === '' && isPage) return exchange.respond(301, { location: `${rawPath}/${query}` });
      return pass(exchange, target, prefix);
    });
  };
}

const OPTIONS = { node: 'NodeProxyOptions', pod: 'PodProxyOptions', service: 'ServiceProxyOptions' } as const;

const renamed = (request: RequestContext, name: string): RequestContext =>
  Object.create(request, { info: { value: { ...request.info, name } } }) as RequestContext;

/** Of the path up to `proxy`, the empty one in front too. */
const SEGMENTS = { node: 6, pod: 8, service: 8 } as const;

async function locate(
  kind: 'node' | 'pod' | 'service',
  operation: Operation,
  address: Address,
  path: string,
  registry: Registry,
  deps: ProxyDeps,
): Promise<Target> {
  const { scheme } = address;
  const tls = { rejectUnauthorized: false };
  switch (kind) {
    case 'node': {
      const target = kubeletTarget(await connected<Node>(operation, registry), deps.credentials, path);
      // Another port of the node is not its kubelet: it is not shown the API server's certificate.
      if (address.port === '' || address.port === String(target.port)) return target;
      return { scheme, host: await allowedNode(target.host), port: numbered(address.port), path, tls };
    }
    case 'pod': {
      const pod = await connected<Pod>(operation, registry);
      const port = address.port === '' ? firstPort(pod) : numbered(address.port);
      return {
        scheme,
        host: allowed(pod.status.podIPs?.[0]?.ip ?? pod.status.podIP ?? ''),
        port: port ?? (scheme === 'https' ? 443 : 80),
        path,
        tls,
      };
    }
    case 'service': {
      const service = await connected<Service>(operation, registry);
      const endpoint = pick(service, address.port, registry, deps.ids);
      return { scheme, host: allowed(endpoint.host), port: endpoint.port, path, tls };
    }
  }
}

function numbered(port: string): number {
  const value = Number(port);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) throw badRequest(`invalid port ${JSON.stringify(port)}`);
  return value;
}

function firstPort({ spec }: Pod): number | undefined {
  return spec.containers.flatMap((container) => container.ports ?? [])[0]?.containerPort;
}

/** Only addresses out in the network: the API server's own machine is none of a client's business. Source: IsGlobalUnicast. */
function allowed(host: string): string {
  const ip = parseIp(host);
  const refuse = (): StatusError => badRequest('address not allowed');
  if (ip === undefined) throw refuse();
  const [a = 0, b = 0] = ip.bytes;
  if (ip.family === 4) {
    if (a === 0 || a === 127 || a >= 224 || (a === 169 && b === 254)) throw refuse();
    return host;
  }
  const isLoopbackOrNone = ip.bytes.slice(0, 15).every((byte) => byte === 0) && (ip.bytes[15] as number) <= 1;
  if (isLoopbackOrNone || a === 0xff || (a === 0xfe && (b & 0xc0) === 0x80)) throw refuse();
  return host;
}

/** A node may be known by name only: the address asked is one of those that were judged. Source: IsProxyableHostname. */
async function allowedNode(host: string): Promise<string> {
  if (parseIp(host) !== undefined) return allowed(host);
  const found = await lookup(host, { all: true }).catch((error: NodeJS.ErrnoException) => {
    throw badRequest(`lookup ${host}: ${error.code === 'ENOTFOUND' ? 'no such host' : error.message}`);
  });
  return found.map(({ address }) => allowed(address))[0] ?? allowed('');
}

/** One ready endpoint of the service's port. Source: service ResourceLocation. */
function pick(service: Service, wanted: string, { reader }: Registry, ids: Ids): { readonly host: string; readonly port: number } {
  const { namespace, name } = service.metadata;
  const ports = service.spec.ports ?? [];
  const port = wanted === '' ? ports[0] : ports.find((one) => one.name === wanted || String(one.port) === wanted);
  if (port === undefined)
    throw new StatusError('ServiceUnavailable', `no service port ${JSON.stringify(wanted)} found for service ${JSON.stringify(name)}`);
  const slices = [...reader.list(endpointslices, namespace)].filter(
    ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === name,
  );
  const found = slices.flatMap((slice) => endpointsOf(slice, port.name ?? ''));
  if (found.length === 0) throw new StatusError('ServiceUnavailable', `no endpoints available for service ${JSON.stringify(name)}`);
  return found[Math.floor(ids.fraction() * found.length)] as { host: string; port: number };
}

function endpointsOf({ endpoints, ports }: EndpointSlice, name: string): readonly { readonly host: string; readonly port: number }[] {
  const port = ports?.find((one) => (one.name ?? '') === name)?.port;
  if (port === undefined) return [];
  const isReady = ({ conditions }: Endpoint): boolean => conditions?.ready !== false;
  return (endpoints ?? []).filter(isReady).flatMap(({ addresses }) => addresses.slice(0, 1).map((host) => ({ host, port })));
}

/** What a backend allows other sites is not for it to allow here. Source: removeCORSHeaders. */
const CORS = ['credentials', 'headers', 'methods', 'origin'].map((what) => `access-control-allow-${what}`);

async function pass(exchange: Exchange, target: Target, prefix: string): Promise<void> {
  const hosts = { target: authority(target), client: exchange.header('host') ?? '' };
  const page: Page = { prefix, hosts };
  const isRewritten = (answer: IncomingMessage): boolean =>
    answer.headers.location === undefined &&
    answer.headers['content-type']?.split(';')[0]?.trim() === 'text/html' &&
    ['', 'gzip'].includes(answer.headers['content-encoding'] ?? '');
  await forward(
    exchange,
    { ...target, headers: { ...target.headers, 'x-forwarded-uri': exchange.rawPath } },
    {
      headers(answer) {
        const { location } = answer.headers;
        const left = new Set(isRewritten(answer) ? [...CORS, 'content-length'] : CORS);
        const kept = Object.entries(endToEnd(answer.headers)).filter(([name]) => !left.has(name));
        return { ...Object.fromEntries(kept), ...(location === undefined ? {} : { location: linkThroughProxy(location, page) }) };
      },
      body: (answer) => (isRewritten(answer) ? pageThroughProxy(answer, page) : answer),
    },
  );
}

/** Verbs that the methods of a proxied request become; the last is that of OPTIONS, which is no verb of the API. */
const VERBS = ['get', 'create', 'update', 'patch', 'delete', ''] as const;

/** All methods are passed on. */
export const proxied = (handler: Handler): Readonly<Record<string, Handler>> => Object.fromEntries(VERBS.map((verb) => [verb, handler]));
