import '#test/harness/isolated.ts';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { succeed } from '#test/harness/command.ts';
import { rulesStand } from './nft-rules.ts';
import { ProgramError } from './program.ts';

const { signal } = new AbortController();
const stake = {
  chains: new Map(
    ['ip', 'ip6'].flatMap((family) =>
      (
        [
          ['watched', 2],
          ['other', 1],
          ['empty', 0],
        ] as const
      ).map(([chain, n]) => [`${family} ours ${chain}`, n]),
    ),
  ),
  elements: new Map([
    ['ip ours places', ['10.0.0.1 . tcp . 80', '10.0.0.2 . udp . 53']],
    ['ip6 ours places', []],
    ['ip ours networks', ['10.0.0.0/8']],
  ]),
};
const make = async (): Promise<void> => {
  for (const family of ['ip', 'ip6'])
    await succeed('nft', [
      `table ${family} ours { map places { type ipv4_addr . inet_proto . inet_service : verdict; }; set networks { type ipv4_addr; flags interval; }; chain other { accept; }; chain empty { }; chain watched { type filter hook input priority 0; counter; jump other; }; }`,
    ]);
  await succeed('nft', [
    'add element ip ours places { 10.0.0.1 . tcp . 80 : goto other, 10.0.0.2 . udp . 53 : drop }; add element ip ours networks { 10.0.0.0/8 }',
  ]);
};

for (const [what, command] of [
  ['flushed everything', 'flush ruleset'],
  ['deleted a table', 'delete table ip6 ours'],
  ['flushed a table', 'flush table ip ours'],
  ['flushed a chain', 'flush chain ip6 ours watched'],
  ['flushed a chain that others jump to', 'flush chain ip ours other'],
  ['deleted a rule', 'flush chain ip ours watched; add rule ip ours watched counter'],
  ['flushed a map', 'flush map ip ours places'],
  ['deleted an element', 'delete element ip ours places { 10.0.0.2 . udp . 53 }'],
  ['deleted a network', 'delete element ip ours networks { 10.0.0.0/8 }'],
  ['made a network smaller', 'delete element ip ours networks { 10.0.0.0/8 }; add element ip ours networks { 10.0.0.0/9 }'],
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
