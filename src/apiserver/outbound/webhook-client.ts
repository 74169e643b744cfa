// JSON posted to a webhook, and its JSON answer: what admission, conversion, token and authorization webhooks have in common.
// Source: apiserver pkg/util/webhook client.go.
import { posix } from 'node:path';
import { StatusError } from '#apimachinery/errors.ts';
import { authority } from '../kubelet/target.ts';
import { OutboundError, type Address, type Outbound, type ServiceResolver, type Trust } from './contract.ts';
import { jsonOf } from './json-answer.ts';

/** As webhook configurations and CustomResourceDefinitions give it. */
export interface WebhookClientConfig {
  readonly url?: string;
  readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
  /** Base64 of PEM. */
  readonly caBundle?: string;
}

export interface WebhookClientDeps {
  readonly outbound: Outbound;
  readonly services: ServiceResolver;
}

export interface WebhookCall {
  readonly body: object;
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Milliseconds until the signal ends it at the latest: the webhook is told the shorter of both. */
  readonly remainingMs?: number | undefined;
  readonly signal: AbortSignal;
  /** Further ones. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface Endpoint {
  readonly address: Address;
  readonly url: string;
  readonly trust: Trust;
}

/**
 * The answer's JSON.
 * @throws OutboundError without an answer, or for one that is no JSON; StatusError for an answer that refuses
 */
export async function callWebhook(config: WebhookClientConfig, call: WebhookCall, deps: WebhookClientDeps): Promise<unknown> {
  const { body, timeoutMs, remainingMs = timeoutMs, signal } = call;
  const { address, url, trust } = endpointOf(config, Math.min(timeoutMs, remainingMs), deps.services);
  const headers = { ...call.headers, 'content-type': 'application/json', 'user-agent': 'kube-apiserver-admission' };
  const answer = await deps.outbound.call({ method: 'POST', address, url, trust, headers, body: JSON.stringify(body), timeoutMs, signal });
  return jsonOf(url, answer);
}

/** Whole seconds, rounded up, as Go prints a duration below a minute and above. */
function goSeconds(ms: number): string {
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function endpointOf({ url, service, caBundle = '' }: WebhookClientConfig, timeoutMs: number, services: ServiceResolver): Endpoint {
  const trust = caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64').toString() };
  const query = `?timeout=${goSeconds(timeoutMs)}`;
  if (service !== undefined) {
    const { namespace, name, path = '', port = 443 } = service;
    const serverName = `${name}.${namespace}.svc`;
    const at = `https://${authority({ host: serverName, port })}${cleaned(path)}`;
    return {
      address: resolved(services, { namespace, name, port }, `${at}${query}`),
      url: `${at}${query}`,
      trust: { ...trust, serverName },
    };
  }
  if (url === undefined || !URL.canParse(url)) throw new OutboundError('failed', 'webhook configuration must have either service or URL');
  const { hostname, port, pathname, host } = new URL(url);
  const plain = hostname.replace(/^\[|\]$/g, '');
  return { address: { host: plain, port: port === '' ? 443 : Number(port) }, url: `https://${host}${cleaned(pathname)}${query}`, trust };
}

/** As requests are made of it: from the root, without empty segments, no slash at its end. Source: rest.NewRequest, path.Join. */
function cleaned(path: string): string {
  const joined = posix.join('/', path);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}

/** A Service without a backend is found when the connection is made. */
function resolved(services: ServiceResolver, service: { namespace: string; name: string; port: number }, url: string): Address {
  try {
    return services.resolve(service);
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    throw new OutboundError('failed', `Post ${JSON.stringify(url)}: ${error.message}`);
  }
}
