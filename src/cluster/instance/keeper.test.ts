import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { systemClock, wait } from '#base/clock.ts';
import { keepAlive } from '#base/keep-alive.ts';
import { run } from '#test/harness/command.ts';
import { defer } from '#test/harness/scope.ts';
import { temporaryFolder } from '#test/harness/temp.ts';
import { isRunning, processIdentity } from '../machine/processes.ts';
import { DetachedKeeper, type KeeperProcess } from './detached-keeper.ts';
import { readJson, replaceJson } from './json-file.ts';
import type { Keeper } from './keeper.ts';
import { type Paths, pathsOf } from './paths.ts';
import { SystemdKeeper, unitName, unitText } from './systemd-keeper.ts';

interface Kept {
  readonly folder: string;
  readonly paths: Paths;
  /** As another command of Proa would make it: it shares nothing with an earlier one but the machine. */
  keeper(): Keeper;
  /** Process ids of the first `count` runs of the command, once there are so many. */
  runs(count: number): Promise<readonly number[]>;
}

type Driver = (t: TestContext) => Kept;

const detached: Driver = (t) => kept(t, (paths) => new DetachedKeeper(paths));

const systemd: Driver = (t) => {
  const units = temporaryFolder(t);
  const systemctl = join(units, 'systemctl');
  writeFileSync(systemctl, FAKE_SYSTEMCTL, { mode: 0o755 });
  return kept(t, (_, place) => new SystemdKeeper(place, { systemctl, units }));
};

/** Stands for systemd: records what it is asked, runs what ExecStart says, knows its process. */
const FAKE_SYSTEMCTL = `#!/bin/sh
cd "$(dirname "$0")" && echo "$*" >>asked
for unit; do :; done
alive() { [ -f pid ] && grep -q '^State:.[^Z]' "/proc/$(cat pid)/status" 2>/dev/null; }
case "$1 $2" in
'enable --now')
  [ -f loaded ] || { echo "Unit $unit not found." >&2; exit 1; }
  eval "set -- $(sed -n 's/%%/%/g; s/[$][$]/\\\\$/g; s/^ExecStart=//p' "$unit")"
  log=$(sed -n 's/^StandardOutput=append://p' "$unit")
  setsid "$@" </dev/null >>"$log" 2>&1 &
  echo $! >pid ;;
'disable --now')
  alive && kill -TERM "$(cat pid)"
  while alive; do sleep 0.01; done ;;
'show --property=MainPID') if alive; then cat pid; else echo 0; fi ;;
'daemon-reload ') touch loaded ;;
esac
`;

function kept(t: TestContext, make: (paths: Paths, place: { readonly dataDir: string; readonly runDir: string }) => Keeper): Kept {
  const folder = temporaryFolder(t);
  const place = { dataDir: join(folder, 'data'), runDir: join(folder, 'run') };
  const paths = pathsOf(place);
  const log = join(folder, 'runs');
  writeFileSync(log, '');
  defer(t, async () => void (await make(paths, place).stop()));
  return {
    folder,
    paths,
    keeper: () => make(paths, place),
    runs: async (count) => (await lines(log, count)).map(Number),
  };
}

/** Resolves with the file's lines once it has `count` of them. */
function lines(path: string, count: number): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const look = (): void => {
      const found = readFileSync(path, 'utf8').split('\n').slice(0, -1);
      if (found.length < count) return;
      watcher.close();
      resolve(found);
    };
    const watcher = watch(path, look);
    look();
  });
}

/** A shell's command line in which `note` notes the process id as that of a run; further words are its arguments. */
const command = ({ folder }: Kept, script: string, ...words: readonly string[]): readonly string[] => [
  'sh',
  '-c',
  `note() { echo $$ >>${join(folder, 'runs')}; }; ${script}`,
  'sh',
  ...words,
];

const FOR_EVER = 'note; exec sleep 1000000';

/** Resolves when there is no such process. It is none of our children, so no event tells. */
async function gone(pid: number): Promise<void> {
  while (processIdentity(pid) !== '') await keepAlive(wait(systemClock, 5));
}

for (const [name, driver] of Object.entries({ detached, systemd })) {
  describe(`a ${name} keeper`, () => {
    test('starts a killed command again, and stop ends all', async (t) => {
      const machine = driver(t);
      machine.keeper().start(command(machine, FOR_EVER));
      assert.equal(machine.keeper().running(), true);
      const [first = 0] = await machine.runs(1);
      process.kill(first, 'SIGKILL');
      const [, second = 0] = await machine.runs(2);
      assert.notEqual(second, first);
      assert.equal(await machine.keeper().stop(), true);
      assert.equal(processIdentity(second), '');
      assert.equal(machine.keeper().running(), false);
      assert.equal(await machine.keeper().stop(), false);
    });

    test('says with which status the command ended by itself, and starts anew without what was said', async (t) => {
      const machine = driver(t);
      machine.keeper().start(command(machine, 'echo no boat >&2; note; exit 7'));
      await machine.runs(2);
      assert.equal(readFileSync(machine.paths.ended, 'utf8'), '7\n');
      assert.match(readFileSync(machine.paths.log, 'utf8'), /^no boat\nproa: the cluster process ended with 7; starting it again\n/);
      await machine.keeper().stop();
      writeFileSync(machine.paths.progress, '{}');
      machine.keeper().start(command(machine, FOR_EVER));
      await machine.runs(3);
      for (const file of [machine.paths.ended, machine.paths.progress]) assert.throws(() => readFileSync(file), { code: 'ENOENT' });
    });

    test('starts a command again that somebody else told to end, in good order', async (t) => {
      const machine = driver(t);
      machine.keeper().start(command(machine, 'note; exit 0'));
      const [first, second] = await machine.runs(2);
      assert.notEqual(first, second);
      assert.equal(machine.keeper().running(), true);
      await machine.keeper().stop();
    });

    test('waits for a command that ends in good order, and asks it once', async (t) => {
      const machine = driver(t);
      const orderly = `process.once('SIGTERM', () => setTimeout(() => { console.log('in good order'); process.exit(0) }, 50)); setInterval(() => {}, 1e6); console.log('at sea')`;
      machine.keeper().start(command(machine, 'note; exec "$@"', process.execPath, '-e', orderly));
      await lines(machine.paths.log, 1);
      await machine.keeper().stop();
      assert.equal(readFileSync(machine.paths.log, 'utf8'), 'at sea\nin good order\n');
    });

    test('stopped while the command has hardly begun leaves none behind', async (t) => {
      for (let round = 0; round < 5; round++) {
        const machine = driver(t);
        machine.keeper().start(command(machine, FOR_EVER));
        assert.equal(await machine.keeper().stop(), true);
        for (const pid of readFileSync(join(machine.folder, 'runs'), 'utf8').split('\n').filter(Boolean))
          assert.equal(processIdentity(Number(pid)), '', `round ${round}`);
      }
    });

    test('passes every word on as it is', async (t) => {
      const machine = driver(t);
      const words = ['a b', '100%', '$HOME', '"', '\\', "'", ''];
      machine.keeper().start(command(machine, `printf '%s\\n' "$@"; ${FOR_EVER}`, ...words));
      await machine.runs(1);
      assert.deepEqual(readFileSync(machine.paths.log, 'utf8').split('\n').slice(0, -1), words);
    });
  });
}

test('a command does not outlive a keeper that is killed', async (t) => {
  const machine = detached(t);
  machine.keeper().start(command(machine, FOR_EVER));
  const [pid = 0] = await machine.runs(1);
  const { pid: keeper } = readJson<KeeperProcess>(machine.paths.keeper) as KeeperProcess;
  process.kill(keeper, 'SIGKILL');
  await gone(pid);
  assert.equal(machine.keeper().running(), false);
});

test('what a detached keeper wrote down and was damaged is named with the way out', async (t) => {
  const machine = detached(t);
  mkdirSync(dirname(machine.paths.keeper), { recursive: true });
  writeFileSync(machine.paths.keeper, '{"pid":');
  const named = {
    name: 'KeeperError',
    message: /keeper\.json is damaged: end the process "keeper\.sh \S+ended …" if there is one, and remove the file$/,
  };
  assert.throws(() => machine.keeper().running(), named);
  await assert.rejects(machine.keeper().stop(), named);
  rmSync(machine.paths.keeper);
});

test('a detached keeper takes no other process with the same pid for itself', (t) => {
  const machine = detached(t);
  replaceJson(machine.paths.keeper, { pid: process.pid, identity: `${processIdentity(process.pid)}0` } satisfies KeeperProcess);
  assert.equal(machine.keeper().running(), false);
  assert.ok(isRunning(process.pid, processIdentity(process.pid)));
});

test('a detached keeper of another data folder is no one to stop, and named', async (t) => {
  const machine = detached(t);
  machine.keeper().start(command(machine, FOR_EVER));
  const [pid = 0] = await machine.runs(1);
  const runDir = dirname(machine.paths.keeper);
  const other = new DetachedKeeper(pathsOf({ dataDir: '/elsewhere', runDir }));
  const named = {
    name: 'KeeperError',
    message: `${runDir} is in use by the cluster in ${dirname(machine.paths.settings)}: mean that one by --data-dir, or give this one another --run-dir`,
  };
  assert.throws(() => other.running(), named);
  await assert.rejects(other.stop(), named);
  assert.ok(isRunning(pid, processIdentity(pid)));
  await machine.keeper().stop();
  assert.equal(other.running(), false);
});

test('a systemd keeper asks for what it needs, and removes its unit', async (t) => {
  const units = temporaryFolder(t);
  const systemctl = join(units, 'systemctl');
  writeFileSync(systemctl, FAKE_SYSTEMCTL, { mode: 0o755 });
  const place = { dataDir: '/var/lib/proa', runDir: join(units, 'run') };
  const log = { ...place, dataDir: join(units, 'data') };
  const keeper = new SystemdKeeper(log, { systemctl, units });
  const unit = unitName(log.dataDir);
  keeper.start(['sleep', '1000']);
  assert.match(readFileSync(join(units, unit), 'utf8'), /^ExecStart="\S+keeper\.sh" "\S+\/run\/ended" "sleep" "1000"$/m);
  await keeper.stop();
  keeper.remove();
  keeper.remove();
  assert.deepEqual(readFileSync(join(units, 'asked'), 'utf8').trimEnd().split('\n'), [
    'daemon-reload',
    `enable --now ${unit}`,
    `show --property=MainPID --value ${unit}`,
    `disable --now ${unit}`,
    'daemon-reload',
  ]);
  assert.throws(() => readFileSync(join(units, unit)), { code: 'ENOENT' });
});

test('a systemd keeper says in one line what systemctl refused', (t) => {
  const units = temporaryFolder(t);
  const systemctl = join(units, 'systemctl');
  writeFileSync(systemctl, '#!/bin/sh\necho "Failed to connect to bus:\nno such host" >&2; exit 1\n', { mode: 0o755 });
  const keeper = new SystemdKeeper({ dataDir: join(units, 'data'), runDir: join(units, 'run') }, { systemctl, units });
  assert.throws(() => keeper.start(['true']), {
    name: 'KeeperError',
    message: 'systemctl daemon-reload failed: Failed to connect to bus: no such host',
  });
});

test('a keeper tells the journal of systemd too, where its standard error is that', async (t) => {
  const folder = temporaryFolder(t);
  const keeper = join(import.meta.dirname, 'keeper.sh');
  for (const [stream, told] of [
    [undefined, ''],
    ['8:1', 'proa: the cluster process ended with 7; starting it again\n'],
  ] as const) {
    const count = join(folder, `count-${stream}`);
    const { stdout, stderr } = await run(
      keeper,
      [
        join(folder, 'ended'),
        'sh',
        '-c',
        'echo said >&2; [ -e "$1" ] && trap "" TERM && kill $PPID && exit 0; touch "$1"; exit 7',
        'sh',
        count,
      ],
      { env: { PATH: process.env.PATH, ...(stream === undefined ? {} : { JOURNAL_STREAM: stream }) } },
    );
    assert.equal(stdout, 'said\nproa: the cluster process ended with 7; starting it again\nsaid\n');
    assert.equal(stderr, told);
  }
});

test('unitText keeps containers, restarts after a failure and logs where proa logs looks', () => {
  const text = unitText(
    ['/opt/a b/keeper.sh', '50%'],
    { log: '/var/lib/proa/log/proa.log' },
    '/src/proa/node_modules/.bin:.:/usr/bin:/bin',
  );
  for (const line of [
    'ExecStart="/opt/a b/keeper.sh" "50%%"',
    'Environment="PATH=/usr/bin:/bin"',
    'StandardOutput=append:/var/lib/proa/log/proa.log',
    'StandardError=journal',
    'Documentation=file:/var/lib/proa/log/proa.log',
    'OOMPolicy=continue',
    'Restart=on-failure',
    'KillMode=process',
    'Delegate=yes',
    'WantedBy=multi-user.target',
  ])
    assert.ok(text.split('\n').includes(line), line);
});

test('unitName tells clusters of one machine apart', () => {
  assert.equal(unitName('/var/lib/proa'), 'proa.service');
  assert.equal(unitName('/srv/my-state/'), String.raw`proa-srv-my\x2dstate.service`);
});
