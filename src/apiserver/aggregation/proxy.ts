// Requests for group versions of other servers, passed on. Source: kube-aggregator pkg/apiserver handler_proxy.go.
import type { IncomingMessage } from 'node:http';
import { isConditionTrue } from '#api/conditions.ts';
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import { StatusError } from '#apimachinery/errors.ts';
import type { Clock } from '#base/clock.ts';
import type { Answer } from '../handlers/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import { forward } from '../kubelet/forward.ts';
import { tunnel } from '../kubelet/tunnel.ts';
import type { Target } from '../kubelet/target.ts';
import type { Trust } from '../outbound/contract.ts';
import type { RequestContext } from '../request.ts';
import { text } from '../routes/text.ts';
import { addressOf, trustOf, type RemoteDeps } from './remote.ts';
import { userHeaders } from './user-headers.ts';

export interface ProxyDeps extends RemoteDeps {
  readonly clock: Clock;
}

/** Discovery should be fast; clients ask many servers for it. Source: aggregatedDiscoveryTimeout. */
const DISCOVERY_TIMEOUT_MS = 5_000;

const REDIRECT = 'the backend attempted to redirect this request, which is not permitted';

/** The backend's answer is none to hand on. */
class RedirectError extends Error {
  override readonly name = 'RedirectError';
}

export function proxyTo(service: APIService, request: RequestContext, deps: ProxyDeps): Answer {
  if (!isConditionTrue(service.status.conditions, 'Available')) return text(503, 'service unavailable\n');
  let to: Omit<Target, 'path'>;
  try {
    to = targetOf(service, request, deps);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    request.logger.warn('an APIService leads nowhere', { apiService: service.metadata.name, error });
    return text(503, 'service unavailable\n');
  }
  return { kind: 'stream', serve: (exchange) => pass(exchange, to, request, deps) };
}

function targetOf(service: APIService, request: RequestContext, { services, proxyCertificate }: ProxyDeps): Omit<Target, 'path'> {
  return {
    scheme: 'https',
    ...addressOf(service, services),
    tls: tlsOf(trustOf(service, proxyCertificate)),
    headers: { ...userHeaders(request.user), 'Audit-Id': request.id },
  };
}

function tlsOf({ ca, serverName, insecureSkipVerify, client }: Trust): Target['tls'] {
  return {
    ...(ca === undefined ? {} : { ca }),
    allowPartialTrustChain: true,
    ...(serverName === undefined ? {} : { servername: serverName }),
    rejectUnauthorized: insecureSkipVerify !== true,
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
  };
}

async function pass(exchange: Exchange, to: Omit<Target, 'path'>, request: RequestContext, { clock }: ProxyDeps): Promise<void> {
  const target: Target = { ...to, path: exchange.rawQuery === '' ? exchange.rawPath : `${exchange.rawPath}?${exchange.rawQuery}` };
  const isDiscovery = !request.info.isResourceRequest && request.info.path.split('/').filter((part) => part !== '').length === 3;
  const ending = new AbortController();
  const cancel = isDiscovery ? clock.after(DISCOVERY_TIMEOUT_MS, () => ending.abort()) : undefined;
  // With the request its time is up here too: a backend that never answers would keep its seat and two connections for good.
  const signal = AbortSignal.any([ending.signal, request.signal]);
  try {
    if (exchange.upgrade !== undefined) await tunnel(exchange.upgrade, target, clock, exchange.remoteAddress);
    else await forward(exchange, target, { check: refuseRedirect, signal });
  } catch (error) {
    if (error instanceof RedirectError) plain(exchange, 502, error.message);
    else if (error instanceof StatusError) plain(exchange, 503, error.message);
    else throw error;
  } finally {
    cancel?.();
  }
}

/** A redirect would send the client's request, with its user, to a place of the backend's choice. */
function refuseRedirect({ statusCode = 0, headers }: IncomingMessage): void {
  if (statusCode >= 300 && statusCode <= 399 && headers.location !== undefined) throw new RedirectError(REDIRECT);
}

/** Source: http.Error. */
function plain(exchange: Exchange, status: number, message: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' };
  exchange.respond(status, headers, Buffer.from(`${message}\n`));
}
