import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { helm, kubectl } from './kubectl.ts';
import { temporaryFolder } from './temp.ts';

test('kubectl is the real one, of the version Proa speaks', async (t) => {
  const { clientVersion } = await (await kubectl(t)).json<{ clientVersion: { gitVersion: string } }>(['version', '--client']);
  assert.match(clientVersion.gitVersion, /^v1\.36\./);
});

test('helm is the real one', async (t) => {
  assert.match(await (await helm(t)).succeed(['version', '--short']), /^v4\./);
});

test('kubectl reads and writes no kubeconfig but the one it is given', async (t) => {
  const kubeconfig = join(temporaryFolder(t), 'kubeconfig');
  writeFileSync(kubeconfig, 'apiVersion: v1\nkind: Config\ncurrent-context: mine\n');
  const client = await kubectl(t, kubeconfig);
  assert.equal(await client.succeed(['config', 'current-context']), 'mine\n');
  await client.succeed(['config', 'set-context', 'other']);
  assert.match(readFileSync(kubeconfig, 'utf8'), /name: other/);
});

test('kubectl without a kubeconfig has none', async (t) => {
  const { code, stderr } = await (await kubectl(t)).run(['config', 'current-context']);
  assert.equal(code, 1);
  assert.match(stderr, /current-context is not set/);
});

test('kubectl takes a manifest on its standard input', async (t) => {
  const input = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n';
  const client = await kubectl(t);
  assert.match(await client.succeed(['annotate', '--local', '--filename=-', '--output=json', 'note=x'], { input }), /"note": "x"/);
});

test('both programs may be asked for at once', async (t) => {
  const clients = await Promise.all([kubectl(t), kubectl(t), helm(t)]);
  assert.ok(clients.every(({ path }) => existsSync(path)));
});
