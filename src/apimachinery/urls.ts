// pure
// URLs as Go reads them. Source: Go 1.26 net/url url.go parse, parseAuthority, parseHost, encoding_table.go.
import { goQuote } from './go-format.ts';
import { parseIp } from './ip.ts';

export interface Url {
  /** In lower case; empty where there is only a path. */
  readonly scheme: string;
  /** Unescaped, with the port, and with brackets round an IPv6 address. */
  readonly host: string;
  /** As it was escaped; empty where neither a host nor a slash follows the scheme. */
  readonly path: string;
  readonly query: string;
}

/**
 * As a request line holds it: absolute, or an absolute path, and without a fragment, so that one is taken for part of what
 * stands before it. Text: why it is none. Source: url.ParseRequestURI.
 */
export const parseRequestUri = (text: string): Url | string => told(text, parse(text, true));

/** With a fragment or without; a host needs no scheme. Text: why `text` is none. Source: url.Parse, but for relative paths. */
export function parseUrl(text: string): Url | string {
  const hash = text.indexOf('#');
  if (hash === -1) return told(text, parse(text, false));
  const whole = text.slice(0, hash);
  const url = parse(whole, false);
  if (typeof url === 'string') return told(whole, url);
  return told(text, escapeProblem(text.slice(hash + 1)) ?? url);
}

const told = (text: string, result: Url | string): Url | string =>
  typeof result === 'string' ? `parse ${goQuote(text)}: ${result}` : result;

const PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?([^?]*)(?:\?(.*))?$/s;
const AUTHORITY = /^\/\/([^/]*)(.*)$/s;

function parse(text: string, viaRequest: boolean): Url | string {
  if (/[\0-\x1f\x7f]/.test(text)) return 'net/url: invalid control character in URL';
  if (text === '') return 'empty url';
  if (text === '*') return { scheme: '', host: '', path: text, query: '' };
  if (text.startsWith(':')) return 'missing protocol scheme';
  const [, prefix = '', rest = '', query = ''] = PARTS.exec(text) ?? [];
  const scheme = prefix.toLowerCase();
  if (!rest.startsWith('/')) return scheme === '' ? 'invalid URI for request' : { scheme, host: '', path: '', query };
  const hasAuthority = scheme !== '' || (!viaRequest && !rest.startsWith('///'));
  const [, authority = '', path = rest] = (hasAuthority ? AUTHORITY.exec(rest) : null) ?? [];
  const at = authority.lastIndexOf('@');
  const host = authority.slice(at + 1);
  const problem = hostProblem(scheme, host) ?? userProblem(authority.slice(0, Math.max(at, 0))) ?? escapeProblem(path);
  return problem ?? { scheme, host: unescaped(host), path, query };
}

const unescaped = (text: string): string =>
  text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('%', ''), 'hex').toString());

/** What is no escape, anywhere; in a host, also what stands there neither as it is nor escaped. */
const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2}).{0,2}/s;
/** Only bytes that are not ASCII, and what begins a zone. */
const BAD_IN_HOST = /%(?![89A-Fa-f][0-9A-Fa-f]|25).{0,2}|[ #\\^`{|}]/s;
/** A blank, the percent sign, and what a host may hold as it is. */
const BAD_IN_ZONE = /%(?!2[0-24-9A-Ea-e]|3[0-9A-Ea-e]|4[1-9A-Fa-f]|5[0-9ABDFabdf]|6[1-9A-Fa-f]|7[0-9AEae]).{0,2}|[ #\\^`{|}]/s;

function escapeProblem(text: string, bad = BAD_ESCAPE): string | undefined {
  const found = bad.exec(text)?.[0];
  if (found === undefined) return undefined;
  return found.startsWith('%') ? `invalid URL escape ${goQuote(found)}` : `invalid character ${goQuote(found)} in host name`;
}

const userProblem = (user: string): string | undefined =>
  /^[A-Za-z0-9._:~!$&'()*+,;=%@-]*$/.test(user) ? escapeProblem(user) : 'net/url: invalid userinfo';

const portProblem = (port: string): string | undefined =>
  /^(?::\d*)?$/.test(port) ? undefined : `invalid port ${goQuote(port)} after host`;

/** Elsewhere a list of hosts may stand, each with its port. */
const ONE_PORT: ReadonlySet<string> = new Set(['http', 'https']);

function hostProblem(scheme: string, host: string): string | undefined {
  const bracket = host.lastIndexOf('[');
  if (bracket > 0) return 'invalid IP-literal';
  if (bracket === 0) return literalProblem(host);
  const colon = ONE_PORT.has(scheme) ? host.indexOf(':') : host.lastIndexOf(':');
  return portProblem(colon === -1 ? '' : host.slice(colon)) ?? escapeProblem(host, BAD_IN_HOST);
}

/** An IPv6 address in brackets, with a zone behind `%25` or without. */
function literalProblem(host: string): string | undefined {
  const end = host.lastIndexOf(']');
  if (end === -1) return "missing ']' in host";
  const inner = host.slice(1, end);
  const zone = inner.includes('%25') ? inner.indexOf('%25') : inner.length;
  return (
    portProblem(host.slice(end + 1)) ??
    escapeProblem(inner.slice(0, zone), BAD_IN_HOST) ??
    escapeProblem(inner.slice(zone), BAD_IN_ZONE) ??
    addressProblem(unescaped(inner))
  );
}

/** Source: netip.ParseAddr, which names what it does not like of an address more closely. */
function addressProblem(text: string): string | undefined {
  const [, address = '', zone] = /^([^%]*)(%.*)?$/s.exec(text) ?? [];
  const ip = parseIp(address);
  const bad = `invalid host: ParseAddr(${goQuote(text)}): unable to parse IP`;
  if (ip === undefined || ip.sloppy || zone === '%') return bad;
  if (address.includes(':')) return undefined;
  return zone === undefined ? 'invalid IP-literal' : bad;
}
