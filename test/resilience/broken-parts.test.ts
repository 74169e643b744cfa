// A part of a node's side that ended by a fault that nobody expected works again, and makes good what happened meanwhile; the
// cluster process and the other parts go on.
import { startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { succeed } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { temporaryFolder } from '../harness/temp.ts';

const file = { after };
const folder = temporaryFolder(file);
const ip = (await succeed('sh', ['-c', 'command -v ip'])).trim();
/** While it is there, `ip` tells the cluster half of what it asks for. */
const broken = join(folder, 'broken');
writeFileSync(join(folder, 'ip'), `#!/bin/sh\n[ -e ${broken} ] && echo '[{' && exit 0\nexec ${ip} "$@"\n`, { mode: 0o755 });
process.env.PATH = `${folder}:${process.env.PATH}`;
const dataDir = join(folder, 'data');
const { kubectl } = await startCluster(file, [], { dataDir });

const logged = (): readonly Readonly<Record<string, unknown>>[] =>
  readFileSync(join(dataDir, 'log', 'proa.log'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
const ends = (component: string): number =>
  logged().filter((line) => line['component'] === component && line['msg'] === 'ended, and is begun anew').length;

test('a pod network that broke is begun anew until it works, and a bridge that is missing by then comes back', async () => {
  writeFileSync(broken, '');
  await eventually(async () => assert.ok(ends('network') >= 2));
  await succeed(ip, ['link', 'delete', 'cni0']);
  rmSync(broken);
  await eventually(async () => {
    const [bridge] = JSON.parse(await succeed(ip, ['-json', 'address', 'show', 'dev', 'cni0'])) as {
      flags: string[];
      addr_info: object[];
    }[];
    assert.ok(bridge?.flags.includes('UP') === true && bridge.addr_info.length > 0);
  });
  assert.equal(ends('proxy') + ends('dns') + ends('network policies') + ends('local-path'), 0);
  await kubectl.succeed(['get', '--raw', '/readyz']);
});
