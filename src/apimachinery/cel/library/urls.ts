// URLs: `url('https://example.com:443/a?b=c')`. Source: apiserver library/urls.go, Go's net/url ParseRequestURI.
import { goQuote } from '../../go-format.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, overload, type Library } from '../functions.ts';
import { BOOL, listOf, mapOf, objectOf, STRING } from '../types.ts';
import { MapValue, OpaqueValue } from '../values/values.ts';

const URL_TYPE = objectOf('kubernetes.URL', {});

class UrlValue extends OpaqueValue {
  readonly type = URL_TYPE;
  readonly scheme: string;
  /** With the port; brackets round an IPv6 address. */
  readonly host: string;
  /** As it was escaped. */
  readonly path: string;
  readonly query: string;
  readonly text: string;

  constructor(text: string, [scheme, host, path, query]: readonly [string, string, string, string]) {
    super();
    this.text = text;
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }

  equals(other: Value): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
}

const PARTS = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?]*))?([^?]*)(?:\?(.*))?$/s;

/**
 * A URL as a request line holds it: absolute, or an absolute path. A fragment is no part of what is read of it.
 * Text: why it is none.
 */
export function readUrl(text: string): UrlValue | string {
  const error = (why: string): string => `parse ${goQuote(text)}: ${why}`;
  if (text === '') return error('empty url');
  if (/[\0-\x1f\x7f]/.test(text)) return error('net/url: invalid control character in URL');
  if (text.startsWith(':')) return error('missing protocol scheme');
  // The check that upstream makes first takes a fragment for part of what stands before it.
  if (/^[^/?#]*:\/\/[^/?#]*#/.test(text)) return error('invalid character "#" in host name');
  const [whole = ''] = text.split('#', 1);
  const [, scheme = '', authority, path = '', query = ''] = PARTS.exec(whole) ?? [];
  if (scheme === '' && !text.startsWith('/')) {
    return error(/^[^/?]*:/.test(text) ? 'first path segment in URL cannot contain colon' : 'invalid URI for request');
  }
  if (scheme !== '' && authority === undefined && !path.startsWith('/')) return new UrlValue(text, [scheme.toLowerCase(), '', '', query]); // opaque
  const bad = /%(?![0-9A-Fa-f]{2}).{0,2}/.exec(`${authority ?? ''}${path}`);
  if (bad !== null) return error(`invalid URL escape ${goQuote(bad[0])}`);
  const host = (authority ?? '').replace(/^.*@/, '');
  const wrong = hostError(host);
  return wrong === undefined ? new UrlValue(text, [scheme.toLowerCase(), host, path, query]) : error(wrong);
}

function hostError(host: string): string | undefined {
  const space = /[ "<>\\^`{|}]/.exec(host);
  if (space !== null) return `invalid character ${goQuote(space[0])} in host name`;
  if (host.startsWith('[') && !host.includes(']')) return "missing ']' in host";
  const port = host.startsWith('[') ? host.slice(host.indexOf(']') + 1) : host.includes(':') ? host.slice(host.indexOf(':')) : '';
  return port === '' || /^:\d*$/.test(port) ? undefined : `invalid port ${goQuote(port)} after host`;
}

function toUrl(text: string): UrlValue {
  const url = readUrl(text);
  return typeof url === 'string' ? fail(`URL parse error during conversion from string: ${url}`) : url;
}

/** Without the port and the brackets. */
function hostname({ host }: UrlValue): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  return host.replace(/:\d*$/, '');
}

const port = ({ host }: UrlValue): string => /:(\d*)$/.exec(host.replace(/^\[.*\]/, ''))?.[1] ?? '';

function query(url: UrlValue): MapValue {
  const parameters = new URLSearchParams(url.query);
  return new MapValue(Array.from(new Set(parameters.keys()), (key) => [key, parameters.getAll(key)]));
}

/** Source: URL.EscapedPath: what is not allowed in a path is escaped. */
const escapedPath = ({ path }: UrlValue): string =>
  path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, (character) => encodeURIComponent(character));

const accessor = (id: string, read: (url: UrlValue) => string): Library['functions'][string] => [member(id, [URL_TYPE], STRING, read)];

export const URLS: Library = {
  types: { 'kubernetes.URL': URL_TYPE },
  functions: {
    url: [overload('string_to_url', [STRING], URL_TYPE, toUrl)],
    isURL: [overload('is_url_string', [STRING], BOOL, (text: string) => typeof readUrl(text) !== 'string')],
    getScheme: accessor('url_get_scheme', ({ scheme }) => scheme),
    getHost: accessor('url_get_host', ({ host }) => host),
    getHostname: accessor('url_get_hostname', hostname),
    getPort: accessor('url_get_port', port),
    getEscapedPath: accessor('url_get_escaped_path', escapedPath),
    getQuery: [member('url_get_query', [URL_TYPE], mapOf(STRING, listOf(STRING)), query)],
  },
};
