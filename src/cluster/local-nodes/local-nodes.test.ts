import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { silentLogger } from '#base/log.ts';
import { succeed } from '#test/harness/command.ts';
import { eventually } from '#test/harness/eventually.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { resolveSettings } from '../settings/resolve.ts';
import { disconnectLocalNodes, LocalNodes, localNodes } from './local-nodes.ts';
import { cableLines } from './plan.ts';

/** Whether the machine answers: nobody listens there. */
const ASK = `require('node:net').connect({ host: '10.89.0.1', port: 9, timeout: 10_000 })
  .on('error', ({ code }) => process.stdout.write(code)).on('timeout', () => process.exit(1))`;

test('LocalNodes connects nodes, also one whose cable a crash left half made, and keeps them connected', async (t) => {
  const machine = { nodeName: 'boat', nodeIP: '10.89.0.1', kubeconfig: '/root/.kube/config', dataDir: temporaryFolder(t) };
  const settings = resolveSettings({ flags: { nodes: '3', 'node-cidr': '10.89.0.0/24' }, file: undefined, machine });
  const clock = new ManualClock();
  const further = new LocalNodes(settings, { clock, ids: seededIds(1), logger: silentLogger });
  const [whole, half] = localNodes(settings);
  assert.ok(whole !== undefined && half !== undefined);
  const reaches = async (): Promise<void> => {
    for (const { namespace } of [whole, half])
      assert.equal(await succeed('ip', ['netns', 'exec', namespace, process.execPath, '-e', ASK]), 'ECONNREFUSED', namespace);
  };
  await further.connect();
  await reaches();
  await succeed('ip', ['link', 'del', half.link]);
  await succeed('ip', ['-batch', '-'], {
    input: cableLines(half)
      .map((line) => `${line}\n`)
      .join(''),
  }); // and no further
  await further.connect();
  await reaches();

  const stop = new AbortController();
  const keeping = further.keepConnected(stop.signal);
  const rules = (): Promise<string> => succeed('nft', ['list', 'ruleset']);
  const before = await rules();
  assert.match(before, /table ip proa-nodes .* masquerade/s);
  await succeed('nft', ['flush', 'ruleset']);
  clock.advance(10_000);
  await eventually(async () => assert.equal(await rules(), before));
  await succeed('ip', ['link', 'del', 'proa0']);
  await eventually(async () => assert.ok(clock.pending > 0));
  clock.advance(10_000);
  await eventually(async () => assert.ok(clock.pending > 0));
  await reaches();
  stop.abort();
  await keeping;
  await disconnectLocalNodes(
    [whole, half].map(({ namespace, dataDir, runDir }) => ({ index: namespace.replace('proa-', ''), dataDir, runDir })),
  );
  assert.deepEqual([await succeed('ip', ['netns', 'list']), await rules()], ['', '']);
});
