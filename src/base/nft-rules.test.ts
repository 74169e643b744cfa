import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { succeed } from '#test/harness/command.ts';
import { rulesStand } from './nft-rules.ts';
import { ProgramError } from './program.ts';

const { signal } = new AbortController();
const stake = { chains: ['ip ours watched', 'ip6 ours watched'], rule: 'jump other' };
const make = async (): Promise<void> => {
  for (const family of ['ip', 'ip6'])
    await succeed('nft', [
      `table ${family} ours { chain other { accept; }; chain watched { type filter hook input priority 0; jump other; }; }`,
    ]);
};

for (const [what, command] of [
  ['flushed everything', 'flush ruleset'],
  ['deleted a table', 'delete table ip6 ours'],
  ['flushed a table', 'flush table ip ours'],
  ['flushed a chain', 'flush chain ip6 ours watched'],
] as const)
  test(`rulesStand until somebody ${what}`, async () => {
    await make();
    assert.equal(await rulesStand(stake, { signal }), true);
    await succeed('nft', ['add table ip theirs; delete table ip theirs']);
    assert.equal(await rulesStand(stake, { signal }), true);
    await succeed('nft', [command]);
    assert.equal(await rulesStand(stake, { signal }), false);
    await succeed('nft', ['flush ruleset']);
  });

test('rulesStand says when it cannot tell', async () => {
  const run = async (): Promise<string> => {
    throw new ProgramError('nft cannot be started', 'spawn nft EMFILE');
  };
  await assert.rejects(rulesStand(stake, { run, signal }), /EMFILE/);
});
