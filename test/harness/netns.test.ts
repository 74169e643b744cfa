import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { networkNamespace } from './netns.ts';

test('a network namespace has loopback, up, and nothing else', async (t) => {
  const namespace = await networkNamespace(t);
  const links = JSON.parse(await namespace.succeed('ip', ['-json', 'link'])) as { ifname: string; flags: string[] }[];
  assert.deepEqual(
    links.map(({ ifname }) => ifname),
    ['lo'],
  );
  assert.ok(links[0]?.flags.includes('UP'));
  assert.equal(await namespace.succeed('ip', ['route']), '');
});

test('two network namespaces meet only where a test joins them', async (t) => {
  const [one, two] = [await networkNamespace(t), await networkNamespace(t)];
  assert.match((await one.run('ip', ['route', 'get', '10.0.0.2'])).stderr, /unreachable/);

  await one.succeed('ip', ['link', 'add', 'left', 'type', 'veth', 'peer', 'name', 'right', 'netns', two.name]);
  for (const [namespace, link, address] of [[one, 'left', '10.0.0.1/24'] as const, [two, 'right', '10.0.0.2/24'] as const]) {
    await namespace.succeed('ip', ['address', 'add', address, 'dev', link]);
    await namespace.succeed('ip', ['link', 'set', link, 'up']);
  }
  assert.match(await one.succeed('ip', ['route', 'get', '10.0.0.2']), /dev left/);
});

test('a network namespace is gone with its test, whatever ran in it', async (t) => {
  await t.test('inside', async (inner) => {
    const namespace = await networkNamespace(inner);
    namespace.start('sleep', ['1000']);
    assert.ok(readdirSync('/run/netns').includes(namespace.name));
  });
  assert.deepEqual(readdirSync('/run/netns'), []);
});
