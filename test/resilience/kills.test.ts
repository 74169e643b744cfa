// `proa up`, `proa down` and `proa reset` that are killed at any moment, alone or with what they began: the next command finishes
// the work. No authority is replaced, nothing that was acknowledged is lost, and a reset leaves nothing.
import { connectMachine, PROA } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { systemClock, wait } from '#base/clock.ts';
import { seededIds } from '#base/ids.ts';
import { run, start, succeed } from '../harness/command.ts';
import { defer, type Owner } from '../harness/scope.ts';
import { temporaryFolder } from '../harness/temp.ts';
import { kill, pidsOf, processes } from './chaos/processes.ts';

/** PROA_KILL_ROUNDS=100 PROA_KILL_SEED=7 goes on for longer, in another order. */
const ROUNDS = Number(process.env['PROA_KILL_ROUNDS'] ?? 8);
const random = seededIds(Number(process.env['PROA_KILL_SEED'] ?? 1));

const owner = { after };
await connectMachine();
const dataDir = join(temporaryFolder(owner), 'data');
const place = `--data-dir=${dataDir}`;
defer(owner, async () => void (await run(PROA, ['reset', '--yes', place])));

/** The command is killed after a while of its own length, or ends before; sometimes what it began is killed, too. */
async function interrupt(t: Owner, command: string, longestMs: number): Promise<string> {
  const running = start(t, PROA, [command, '--yes', place]);
  const afterMs = Math.round(random.fraction() * longestMs);
  await wait(systemClock, afterMs);
  await running.stop('SIGKILL');
  const also = [/ run --data-dir /, /keeper\.sh/, /containerd --config/].filter(() => random.fraction() < 0.4);
  for (const each of also) kill(pidsOf(each));
  return `${command} killed after ${afterMs} ms${also.length === 0 ? '' : `, with ${also.map(String).join(' ')}`}`;
}

const authority = (): string | undefined => {
  const path = join(dataDir, 'pki', 'ca.crt');
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
};
const kubectl = (...args: readonly string[]): Promise<string> => succeed(PROA, ['kubectl', place, '--', ...args]);

test(`proa up comes to its end after ${ROUNDS} that were killed, and after proa down that was`, async (t) => {
  const made: string[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const told = await interrupt(t, 'up', 2_500);
    const before = authority();
    await succeed(PROA, ['up', '--yes', place]);
    if (before !== undefined) assert.equal(authority(), before, told);
    const name = `round-${round}`;
    await kubectl('create', 'configmap', name);
    made.push(name);
    const kept = (await kubectl('get', 'configmaps', '-o', 'name')).split('\n');
    for (const each of made) assert.ok(kept.includes(`configmap/${each}`), `${told}: ${each} is there`);
    await kubectl('wait', 'node/boat', '--for=condition=Ready', '--timeout=60s');
    const down = start(t, PROA, ['down', place]);
    await wait(systemClock, random.fraction() * 1_000);
    await down.stop('SIGKILL');
    t.diagnostic(told);
  }
});

test(`proa reset leaves nothing after ${ROUNDS} that were killed`, async (t) => {
  for (let round = 0; round < ROUNDS; round++) {
    await succeed(PROA, ['up', '--yes', place]);
    const told = await interrupt(t, 'reset', 1_500);
    await succeed(PROA, ['reset', '--yes', place]);
    assert.ok(!existsSync(dataDir), `${told}: ${dataDir} is gone`);
    const left = processes().filter(({ command }) => / run --data-dir |keeper\.sh|containerd/.test(command));
    assert.deepEqual(left, [], told);
    const links = JSON.parse(await succeed('ip', ['-json', 'link', 'show'])) as readonly { readonly ifname: string }[];
    assert.deepEqual(links.map(({ ifname }) => ifname).toSorted(), ['lo', 'router', 'wan'], told);
    assert.equal(await succeed('nft', ['list', 'ruleset']), '', told);
    assert.doesNotMatch(readFileSync('/proc/self/mountinfo', 'utf8'), new RegExp(`${dataDir}|/run/proa|/run/netns`), told);
    assert.deepEqual(existsSync('/run/netns') ? readdirSync('/run/netns') : [], [], told);
    t.diagnostic(told);
  }
});
