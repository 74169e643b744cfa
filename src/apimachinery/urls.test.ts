// Every answer is Go's own. Source: Go 1.26 net/url.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRequestUri, parseUrl, type Url } from './urls.ts';

const text = (url: Url | string): string =>
  typeof url === 'string' ? url.replace(/^parse "(?:\\"|[^"])*": /, '') : `${url.scheme} | ${url.host} | ${url.path} | ${url.query}`;

/** What a request line makes of it; then, where that differs, what is made of it elsewhere. */
for (const [given, request, plain = request] of [
  ['HTTPS://a.b:80/c?d=e', 'https | a.b:80 | /c | d=e'],
  ['/a b?c', ' |  | /a b | c'],
  ['*', ' |  | * | '],
  ['mailto:a%zz', 'mailto |  |  | '],
  ['a:/b', 'a |  | /b | '],
  ['', 'empty url'],
  ['a\n', 'net/url: invalid control character in URL'],
  [':a', 'missing protocol scheme'],
  ['a b:c', 'invalid URI for request'],
  ['//a b/c', ' |  | //a b/c | ', 'invalid character " " in host name'],
  ['//a/c', ' |  | //a/c | ', ' | a | /c | '],
  ['///a', ' |  | ///a | '],
  ['http:///a', 'http |  | /a | '],
  ['http://u:p%40@@a/', 'http | a | / | '],
  ['http://a b@c/', 'net/url: invalid userinfo'],
  ['http://%zz@c/', 'invalid URL escape "%zz"'],
  ['http://a%20b/', 'invalid URL escape "%20"'],
  ['http://a%25b/', 'http | a%b | / | '],
  ['http://%C3%A4/', 'http | ä | / | '],
  ['http://a"<b>/', 'http | a"<b> | / | '],
  ['http://a{b/', 'invalid character "{" in host name'],
  ['http://a#b', 'invalid character "#" in host name', 'http | a |  | '],
  ['http://a/b#%zz', 'invalid URL escape "%zz"'],
  ['http://a/b?c#%zz', 'http | a | /b | c#%zz', 'invalid URL escape "%zz"'],
  ['http://a/b?%zz#c', 'http | a | /b | %zz#c', 'http | a | /b | %zz'],
  ['http://a/%4', 'invalid URL escape "%4"'],
  ['http://a:b/', 'invalid port ":b" after host'],
  ['http://a:1,b:2/', 'invalid port ":1,b:2" after host'],
  ['mongodb://a:1,b:2/', 'mongodb | a:1,b:2 | / | '],
  ['http://[::1]:80/', 'http | [::1]:80 | / | '],
  ['http://[fe80::1%25en%200]/', 'http | [fe80::1%en 0] | / | '],
  ['http://[fe80::1%25%2F]/', 'invalid URL escape "%2F"'],
  ['http://[::1/', "missing ']' in host"],
  ['http://[::1]a/', 'invalid port "a" after host'],
  ['http://a[::1]/', 'invalid IP-literal'],
  ['http://[1.2.3.4]/', 'invalid IP-literal'],
  ['http://[x]/', 'invalid host: ParseAddr("x"): unable to parse IP'],
] as const)
  test(`${JSON.stringify(given)} is read as Go reads it`, () => {
    assert.equal(text(parseRequestUri(given)), request);
    if (!['', ':a', 'a b:c'].includes(given)) assert.equal(text(parseUrl(given)), plain);
  });

test('a text that is no URL is named', () => {
  assert.equal(parseRequestUri('a"\n'), 'parse "a\\"\\n": net/url: invalid control character in URL');
});
