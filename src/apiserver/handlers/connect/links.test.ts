import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkRewriter, linkThroughProxy } from './links.ts';

const page = { prefix: '/api/v1/namespaces/n/pods/p/proxy', hosts: { target: '10.0.0.1:80', client: 'api.example:6443' } };

for (const [link, want] of [
  ['/next', '/api/v1/namespaces/n/pods/p/proxy/next'],
  ['/', '/api/v1/namespaces/n/pods/p/proxy/'],
  ['/a/../b/?q=/c#/d', '/api/v1/namespaces/n/pods/p/proxy/b/?q=/c#/d'],
  ['next', 'next'],
  ['#here', '#here'],
  ['mailto:a@b', 'mailto:a@b'],
  ['http://10.0.0.1:80/next', '/api/v1/namespaces/n/pods/p/proxy/next'],
  ['https://api.example:6443/next', 'https://api.example:6443/api/v1/namespaces/n/pods/p/proxy/next'],
  ['//elsewhere.example/next', '//elsewhere.example/next'],
  ['/api/v1/namespaces/n/pods/p/proxy/next', '/api/v1/namespaces/n/pods/p/proxy/next'],
] as const) {
  test(`linkThroughProxy of ${link}`, () => assert.equal(linkThroughProxy(link, page), want));
}

const short = { ...page, prefix: '/P' };

for (const [html, want] of [
  [`<A class=x HREF = '/a'>/a</A>`, `<A class=x HREF = '/P/a'>/a</A>`],
  ['<img src=/a longdesc="b"><p title="/c">', '<img src=/P/a longdesc="b"><p title="/c">'],
  ['<a title=">" href="/a">1 < 2</a>', '<a title=">" href="/P/a">1 < 2</a>'],
  ['<!-- <a href="/a"> --><a href="/b">', '<!-- <a href="/a"> --><a href="/P/b">'],
  ['<script src="/a">"<a href=\'/b\'>"</script><a href="/c">', '<script src="/P/a">"<a href=\'/b\'>"</script><a href="/P/c">'],
  ['<a href="/never', '<a href="/never'],
  ['a <', 'a <'],
] as const) {
  test(`LinkRewriter of ${html}, however it is cut`, () => {
    for (let size = 1; size <= html.length; size++) {
      const rewriter = new LinkRewriter(short);
      let out = '';
      for (let at = 0; at < html.length; at += size) out += rewriter.write(html.slice(at, at + size));
      assert.equal(out + rewriter.end(), want, `in pieces of ${size}`);
    }
  });
}

test('LinkRewriter keeps no tag without end', () => {
  const rewriter = new LinkRewriter(short);
  let passed = 0;
  for (let i = 0; i < 100; i++) passed += rewriter.write(i === 0 ? '<a ' : 'x'.repeat(10_000)).length;
  assert.ok(passed > 900_000, String(passed));
});

/** Pages made to be looked at again and again: what takes more than a look or two takes minutes here. */
const HOSTILE: Readonly<Record<string, string>> = {
  'tags that open and never close': '<a'.repeat(131_072),
  'quotes that open within them': '<a "'.repeat(65_536),
  'parts without tags': '<script></script>'.repeat(15_000),
  'a part without tags and without end': '<script>'.repeat(32_000),
  comments: '<!---->'.repeat(37_000),
  'signs of tags': '<'.repeat(262_144),
  'an attribute without end': `<a ${'a'.repeat(65_000)}>`,
  'spaces where a value should be': `<a a${' '.repeat(65_000)}>`,
  'attributes without values': `<a ${'a '.repeat(32_000)}>`,
};

for (const [name, page] of Object.entries(HOSTILE))
  test(`LinkRewriter passes on a page of ${name} as it is, at the cost of a look at each character`, () => {
    const rewriter = new LinkRewriter(short);
    let out = '';
    for (let at = 0; at < page.length; at += 65_536) out += rewriter.write(page.slice(at, at + 65_536));
    assert.ok(out + rewriter.end() === page);
  });
