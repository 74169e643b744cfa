import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededIds } from '#base/ids.ts';
import { channelMessage, offeredProtocols, readMessage, streamOptions } from './channels.ts';

for (const c of [
  { message: [], is: { kind: 'empty' } },
  { message: [0], is: { kind: 'data', channel: 0, payload: Buffer.alloc(0) } },
  { message: [4, 1, 2], is: { kind: 'data', channel: 4, payload: Buffer.from([1, 2]) } },
  { message: [255, 0], is: { kind: 'close', channel: 0 } },
  { message: [255], is: { kind: 'empty' } },
]) {
  test(`readMessage of [${c.message.join(' ')}]`, () => assert.deepEqual(readMessage(Buffer.from(c.message)), c.is));
}

test('readMessage reads what channelMessage writes', () => {
  const ids = seededIds(9);
  for (let round = 0; round < 500; round++) {
    const payload = Buffer.from(ids.bytes(Math.floor(ids.fraction() * 40)));
    const channel = Math.floor(ids.fraction() * 255);
    assert.deepEqual(readMessage(channelMessage(channel, payload)), { kind: 'data', channel, payload });
  }
});

for (const c of [
  { query: '', is: undefined },
  { query: 'tty=1', is: undefined },
  { query: 'error=1&tty=1', is: undefined },
  { query: 'output=true', is: undefined },
  { query: 'input=1', is: { stdin: true, stdout: false, stderr: false, tty: false } },
  { query: 'output=1&error=1&tty=1', is: { stdin: false, stdout: true, stderr: false, tty: true } },
  { query: 'output=1&error=1', is: { stdin: false, stdout: true, stderr: true, tty: false } },
]) {
  test(`streamOptions of ${c.query === '' ? 'nothing' : c.query}`, () =>
    assert.deepEqual(streamOptions(new URLSearchParams(c.query)), c.is));
}

test('offeredProtocols splits the header', () => {
  assert.deepEqual(offeredProtocols('v5.channel.k8s.io, v4.channel.k8s.io,'), ['v5.channel.k8s.io', 'v4.channel.k8s.io']);
  assert.deepEqual(offeredProtocols(undefined), []);
});
