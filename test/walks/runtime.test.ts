// A cluster on a containerd that its user runs, in folders of the user's own.
import { connectMachine, PROA, startCluster } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { silentLogger } from '#base/log.ts';
import { systemClock } from '#base/clock.ts';
import { makeFolder } from '#base/make-folder.ts';
import { connectCri } from '#cri/client.ts';
import { ensurePauseImage, PAUSE_IMAGE } from '#cri/pause/pause-image.ts';
import { run } from '../harness/command.ts';
import { eventually } from '../harness/eventually.ts';
import { startContainerd } from '../harness/containerd.ts';
import { importAgentImage, startAgents } from '../harness/network-agent.ts';
import { podSet } from '../harness/pods.ts';
import { temporaryFolder } from '../harness/temp.ts';

before(() => connectMachine());

for (const { name, options, words } of [
  {
    name: 'has no plugins for the network',
    options: { pluginFolder: '/nowhere' },
    words: 'finds no CNI plugins bridge, host-local, portmap, loopback in /nowhere: put them there',
  },
  // Where systemd runs, this kubelet leaves cgroups to it as well.
  ...(existsSync('/run/systemd/system')
    ? []
    : [{ name: 'leaves cgroups to systemd', options: { systemdCgroup: true }, words: 'set SystemdCgroup = false in its configuration' }]),
]) {
  test(`a runtime that ${name} is named before anything is made`, async (t) => {
    const data = temporaryFolder(t);
    const { socket } = await startContainerd(t, options);
    const { code, stderr } = await run(PROA, ['up', '--yes', `--data-dir=${data}`, `--container-runtime-endpoint=${socket}`]);
    assert.equal(code, 1);
    assert.ok(stderr.includes(words), stderr);
  });
}

test('pods run on a containerd that somebody else keeps, on the network it is given there, and a reset leaves it as it was', async (t) => {
  const containerd = await startContainerd(t, { sandboxImage: PAUSE_IMAGE });
  const cri = connectCri({ endpoint: `unix://${containerd.socket}`, clock: systemClock, logger: silentLogger });
  t.after(() => cri.close());
  await cri.ready();
  await ensurePauseImage({ address: containerd.socket, images: cri.image, clock: systemClock });

  const dataDir = join(temporaryFolder(t), 'data');
  const log = join(dataDir, 'log', 'proa.log');
  makeFolder(dirname(log));
  writeFileSync(log, 'of an earlier run\n'.repeat(100_000));
  const flags = [`--container-runtime-endpoint=unix://${containerd.socket}`, '--log-max-size=1'];
  const cluster = await startCluster(t, flags, { connect: false, dataDir });
  await eventually(async () => assert.match(readFileSync(`${log}.1`, 'utf8'), /^of an earlier run$/m));
  assert.doesNotMatch(readFileSync(log, 'utf8'), /^of an earlier run$/m);
  assert.match(await cluster.proa('status'), /^runtime +ok$/m);
  await importAgentImage(cluster);
  const pods = await podSet(t, cluster, 'port');
  const [one, two] = await startAgents(pods, [{ name: 'one' }, { name: 'two' }]);
  assert.ok(one && two);
  assert.match(one.ip, /^10\.244\.0\./);
  assert.deepEqual(await one.ask(`http://${two.ip}:8080/hostname`), ['two']);
  assert.notEqual(await one.lookup('kubernetes.default'), undefined);
  assert.deepEqual(readdirSync(containerd.cniConfigFolder), ['10-proa.conflist']);

  await cluster.proa('reset', '--yes');
  assert.deepEqual(readdirSync(containerd.cniConfigFolder), []);
  assert.deepEqual((await cri.runtime.listPodSandbox({})).items, []);
  assert.ok(existsSync(containerd.socket));
});
