// A pod talks to a server outside, and one segment of the answer comes with a sequence number far outside of the window.
import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { systemClock } from '#base/clock.ts';
import { silentLogger } from '#base/log.ts';
import { runProgram } from '#base/program.ts';
import type { Node } from '#api/types.ts';
import { fakeInformer } from '#client/testing.ts';
import { succeed } from '#test/harness/command.ts';
import { networkNamespace } from '#test/harness/netns.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { NodeNetwork } from './node-network.ts';

const [NODE, SERVER, POD] = ['10.0.0.1', '10.0.0.9', '10.244.0.2'];

/** Answers each line by itself. */
const SERVING = `
  require('net').createServer((socket) => {
    socket.on('error', (error) => console.log('broken: ' + error.message)).pipe(socket);
  }).listen(9000, '${SERVER}', () => console.log('ready'));
`;
const ASKING = `
  const socket = require('net').connect(9000, '${SERVER}', () => socket.write('one\\n'));
  socket.on('error', (error) => console.log('broken: ' + error.message));
  let heard = '';
  socket.on('data', (data) => {
    heard += data;
    if (heard === 'one\\n') socket.write('two\\n');
    if (heard === 'one\\ntwo\\n') console.log('whole');
  });
`;
/**
 * Moves the first segment with data that the server sends, by 512 MiB or more: which number is far ahead, the number it has
 * says. What is sent again instead stays as it is.
 */
const MOVING = `table ip moved {
  chain ahead {
    tcp sequence 0x00000000-0x3fffffff tcp sequence set 0x5fffffff accept
    tcp sequence 0x40000000-0x7fffffff tcp sequence set 0x9fffffff accept
    tcp sequence 0x80000000-0xbfffffff tcp sequence set 0xdfffffff accept
    tcp sequence 0xc0000000-0xffffffff tcp sequence set 0x1fffffff accept
  }
  chain output {
    type filter hook output priority 0;
    tcp sport 9000 tcp flags & psh == psh limit rate 1/day burst 1 packets counter jump ahead
  }
}
`;

test('a segment from outside of the window breaks no connection of a pod', async (t) => {
  const [outside, pod] = [await networkNamespace(t), await networkNamespace(t)];
  await succeed('ip', ['link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', outside.name]);
  await succeed('ip', ['address', 'add', `${NODE}/24`, 'dev', 'wan']);
  await succeed('ip', ['link', 'set', 'wan', 'up']);
  await outside.succeed('ip', ['address', 'add', `${SERVER}/24`, 'dev', 'eth0']);
  await outside.succeed('ip', ['link', 'set', 'eth0', 'up']);

  const dir = temporaryFolder(t);
  const own: Node = {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'a', uid: 'a', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { podCIDR: '10.244.0.0/24', podCIDRs: ['10.244.0.0/24'] },
    status: { addresses: [{ type: 'InternalIP', address: NODE }] } as unknown as Node['status'],
  };
  const stop = new AbortController();
  const network = new NodeNetwork({
    nodes: fakeInformer(own),
    clock: systemClock,
    logger: silentLogger,
    config: { nodeName: 'a', clusterCIDRs: ['10.244.0.0/16'], cniConfDir: join(dir, 'net.d'), leaseDir: join(dir, 'leases') },
  });
  const running = network.run(stop.signal);
  await network.ready;
  await succeed('ip', ['link', 'add', 'pod', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod.name]);
  await succeed('ip', ['link', 'set', 'pod', 'master', 'cni0', 'up']);
  await pod.succeed('ip', ['address', 'add', `${POD}/24`, 'dev', 'eth0']);
  await pod.succeed('ip', ['link', 'set', 'eth0', 'up']);
  await pod.succeed('ip', ['route', 'add', 'default', 'via', '10.244.0.1']);

  await runProgram('nsenter', [`--net=${outside.path}`, 'nft', '-f', '-'], { input: Readable.from([MOVING]) });
  const server = outside.start(process.execPath, ['-e', SERVING]);
  await server.line(/ready/);
  const client = pod.start(process.execPath, ['-e', ASKING]);
  const first = await Promise.race([client.line(/whole|broken/), server.line(/broken/)]);
  assert.equal(String(first), 'whole');
  assert.match(await outside.succeed('nft', ['list', 'ruleset']), /counter packets 1 /, 'a segment was moved');
  stop.abort();
  await running;
});
