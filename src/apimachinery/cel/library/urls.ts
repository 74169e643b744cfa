// URLs: `url('https://example.com:443/a?b=c')`. Source: apiserver library/urls.go.
import { parseRequestUri, parseUrl, type Url } from '../../urls.ts';
import type { Value } from '../contract.ts';
import { fail } from '../errors.ts';
import { member, overload, type Library } from '../functions.ts';
import { BOOL, listOf, mapOf, objectOf, STRING } from '../types.ts';
import { MapValue, OpaqueValue } from '../values/values.ts';

const URL_TYPE = objectOf('kubernetes.URL', {});

class UrlValue extends OpaqueValue {
  readonly type = URL_TYPE;
  readonly text: string;
  readonly parts: Url;

  constructor(text: string, parts: Url) {
    super();
    this.text = text;
    this.parts = parts;
  }

  equals(other: Value): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
}

/** Of what a request could hold; a fragment is then cut off. Source: stringToUrl. */
function toUrl(text: string): UrlValue {
  const request = parseRequestUri(text);
  const url = typeof request === 'string' ? request : parseUrl(text);
  return typeof url === 'string' ? fail(`URL parse error during conversion from string: ${url}`) : new UrlValue(text, url);
}

/** Without the port and the brackets. */
function hostname({ host }: Url): string {
  if (host.startsWith('[')) return host.slice(1, host.indexOf(']'));
  return host.replace(/:\d*$/, '');
}

const port = ({ host }: Url): string => /:(\d*)$/.exec(host.replace(/^\[.*\]/, ''))?.[1] ?? '';

function query({ parts }: UrlValue): MapValue {
  const parameters = new URLSearchParams(parts.query);
  return new MapValue(Array.from(new Set(parameters.keys()), (key) => [key, parameters.getAll(key)]));
}

/** As it was given; one that holds what must be escaped is escaped anew as a whole. Source: URL.EscapedPath. */
function escapedPath({ path }: Url): string {
  if (/^[A-Za-z0-9._~!$&'()*+,;=:@/%[\]-]*$/.test(path)) return path;
  const bytes = Buffer.from(path).toString('latin1');
  return bytes
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    .replace(/[^A-Za-z0-9._~$&+,/:;=@-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

const accessor = (id: string, read: (url: Url) => string): Library['functions'][string] => [
  member(id, [URL_TYPE], STRING, ({ parts }: UrlValue) => read(parts)),
];

export const URLS: Library = {
  types: { 'kubernetes.URL': URL_TYPE },
  functions: {
    url: [overload('string_to_url', [STRING], URL_TYPE, toUrl)],
    isURL: [overload('is_url_string', [STRING], BOOL, (text: string) => typeof parseRequestUri(text) !== 'string')],
    getScheme: accessor('url_get_scheme', ({ scheme }) => scheme),
    getHost: accessor('url_get_host', ({ host }) => host),
    getHostname: accessor('url_get_hostname', hostname),
    getPort: accessor('url_get_port', port),
    getEscapedPath: accessor('url_get_escaped_path', escapedPath),
    getQuery: [member('url_get_query', [URL_TYPE], mapOf(STRING, listOf(STRING)), query)],
  },
};
