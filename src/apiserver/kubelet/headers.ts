// Headers of a request or answer on their way through. Pure.
import { hostHeader, type Target } from './target.ts';

/** What the API server alone reads: a backend must not see the client's credentials. */
const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'impersonate-user', 'impersonate-group', 'impersonate-uid']);

const isCredential = (name: string): boolean =>
  CREDENTIALS.has(name) || name.startsWith('impersonate-extra-') || name.startsWith('x-remote-');

/** A bearer token that a browser sends as a WebSocket protocol. Source: bearerProtocolPrefix. */
const BEARER_PROTOCOL = 'base64url.bearer.authorization.k8s.io.';

/** Whom a request came from, and through whom before. Source: AppendForwardedForHeader. */
export const forwardedFor = (before: readonly string[], client: string): string => [...before, client].join(', ');

/**
 * Headers of an upgraded request, as they came but for credentials, host and whom it is for.
 * @param raw names and values in turn
 * @param client its address
 */
export function passedOn(raw: readonly string[], target: Target, client: string): readonly (readonly [string, string])[] {
  const headers: [string, string][] = [['Host', hostHeader(target)]];
  const before: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const [name, value] = [raw[i] as string, raw[i + 1] as string];
    const lower = name.toLowerCase();
    if (lower === 'host' || isCredential(lower)) continue;
    if (lower === 'x-forwarded-for') {
      before.push(value);
      continue;
    }
    if (lower !== 'sec-websocket-protocol') {
      headers.push([name, value]);
      continue;
    }
    const protocols = value.split(',').filter((protocol) => !protocol.trim().startsWith(BEARER_PROTOCOL));
    if (protocols.length > 0) headers.push([name, protocols.join(',')]);
  }
  headers.push(['X-Forwarded-For', forwardedFor(before, client)]);
  for (const [name, values] of Object.entries(target.headers ?? {})) for (const value of [values].flat()) headers.push([name, value]);
  return headers;
}

/** What concerns one connection only. Source: RFC 9110, connection options. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Headers for the next connection: without credentials, hop-by-hop ones and those of HTTP/2. */
export function endToEnd(headers: NodeJS.Dict<string | string[]>): Record<string, string | string[]> {
  const named = new Set(
    String(headers['connection'] ?? '')
      .toLowerCase()
      .split(',')
      .map((name) => name.trim()),
  );
  const out: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name.startsWith(':') || HOP_BY_HOP.has(name) || named.has(name) || isCredential(name)) continue;
    out[name] = value;
  }
  return out;
}
