import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { runProgram } from '#base/program.ts';
import { mountsBelow } from './folders.ts';
import { prepareNamespaceFolder, releaseNamespaceFolder } from './namespace-folder.ts';

/** A name as containerd gives it: it does not care what the folder is. */
async function nameAsContainerd(name: string): Promise<void> {
  mkdirSync('/run/netns', { recursive: true });
  writeFileSync(`/run/netns/${name}`, '');
  await runProgram('mount', ['--bind', '/proc/self/ns/net', `/run/netns/${name}`]);
}

async function unname(name: string): Promise<void> {
  await runProgram('umount', [`/run/netns/${name}`]);
  rmSync(`/run/netns/${name}`);
}

test('a namespace that is older than the first of ip netns add can be removed after it', async () => {
  await prepareNamespaceFolder();
  await prepareNamespaceFolder();
  assert.deepEqual(mountsBelow('/run/netns'), ['/run/netns']);
  await nameAsContainerd('cni-a');
  await runProgram('ip', ['netns', 'add', 'later']);
  await unname('cni-a');
  await releaseNamespaceFolder();
  assert.ok(existsSync('/run/netns/later'), 'the folder is in use');
  await runProgram('ip', ['netns', 'delete', 'later']);
  await releaseNamespaceFolder();
  assert.deepEqual(mountsBelow('/run/netns'), []);
});

test('a folder that has names already stays as it is', async () => {
  await nameAsContainerd('cni-b');
  await prepareNamespaceFolder();
  assert.deepEqual(mountsBelow('/run/netns'), ['/run/netns/cni-b']);
  await unname('cni-b');
});

test('two that leave at once release the folder once', async () => {
  await prepareNamespaceFolder();
  await Promise.all([releaseNamespaceFolder(), releaseNamespaceFolder()]);
  assert.deepEqual(mountsBelow('/run/netns'), []);
});
