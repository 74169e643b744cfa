// `proa up` where it cannot: each bad circumstance gets one line with the way out, and `proa reset` works after it.
import { connectMachine, PROA } from '../harness/cluster.ts';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Server as GrpcServer, ServerCredentials } from '@grpc/grpc-js';
import { ManualClock, systemClock } from '#base/clock.ts';
import { randomIds } from '#base/ids.ts';
import { lockForCommand } from '#cluster/instance/command-lock.ts';
import { Pki } from '#cluster/pki/store.ts';
import { type CommandOptions, type Finished, run, start, succeed } from '../harness/command.ts';
import { defer, type Owner } from '../harness/scope.ts';
import { temporaryFolder } from '../harness/temp.ts';

await connectMachine();

/** Folders and ports of the test's own, so that tests run side by side. */
interface Machine {
  readonly data: string;
  readonly run: string;
  proa(command: string, ...args: readonly string[]): Promise<Finished>;
}

let port = 20_000;

function machine(
  owner: Owner,
  {
    env,
    program = [PROA],
    data: given,
  }: { readonly env?: NodeJS.ProcessEnv; readonly program?: readonly string[]; readonly data?: string } = {},
): Machine {
  const folder = temporaryFolder(owner);
  const [data, runDir] = [given ?? join(folder, 'data'), join(folder, 'run')];
  const options: CommandOptions = env === undefined ? {} : { env: { ...process.env, ...env } };
  const [file = PROA, ...first] = program;
  const [apiPort, kubeletPort] = [`--port=${port++}`, `--kubelet-port=${port++}`];
  const ports: Readonly<Record<string, readonly string[]>> = { up: [apiPort, kubeletPort], server: [apiPort] };
  return {
    data,
    run: runDir,
    proa: (command, ...args) =>
      run(file, [...first, command, `--data-dir=${data}`, `--run-dir=${runDir}`, ...(ports[command] ?? []), ...args], options),
  };
}

/** That `said` is a refusal in one line: what is wrong, and the way out. */
function assertRefused({ code, stdout, stderr }: Finished, line: RegExp): void {
  assert.match(stderr, /^proa: [^\n]+\n$/, `${stderr}${stdout}`);
  assert.match(stderr, line);
  assert.equal(code, 1);
}

async function assertResets({ proa, data, run: runDir }: Machine): Promise<void> {
  const { code, stdout, stderr } = await proa('reset', '--yes');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^The cluster and all it made are gone\.\n$|^There is no cluster in \S+, so nothing was removed\.\n$/);
  for (const file of ['version', 'settings.json', 'store', 'pki']) assert.ok(!existsSync(join(data, file)), file);
  assert.ok(!existsSync(runDir));
}

/** The port of the API server, taken in this process. */
async function listen(
  owner: Owner,
  where: { readonly port: number } | { readonly path: string },
  server: Server = createServer(),
): Promise<void> {
  server.listen(where);
  await once(server, 'listening');
  defer(owner, () => void server.close());
}

describe('proa up names what the machine lacks', { concurrency: 4 }, () => {
  test('root', async (t) => {
    const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', PROA];
    assertRefused(await machine(t, { program: nobody }).proa('up'), /proa up must run as root .*: sudo proa up$/m);
  });

  test('a port that is taken, and by whom', async (t) => {
    const here = machine(t);
    await listen(t, { port: 16443 });
    const taken = new RegExp(
      `port 16443 for the API server is taken by \\S+ \\(process ${process.pid}\\): free it, or choose another with --port`,
    );
    assertRefused(await here.proa('up', '--port=16443'), taken);
    assertRefused(await here.proa('server', '--port=16443'), taken);
    await assertResets(here);
  });

  test('an address that others can reach', async (t) => {
    const here = machine(t);
    for (const command of ['up', 'server'])
      assertRefused(
        await here.proa(command, '--node-ip=127.0.0.1'),
        /--node-ip 127\.0\.0\.1 is a loopback address, .*: give one of this machine's own/,
      );
    await assertResets(here);
  });

  test('room on its disk', async (t) => {
    const here = machine(t);
    mkdirSync(here.data);
    await succeed('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'small', here.data]);
    defer(t, async () => void (await succeed('umount', [here.data])));
    assertRefused(
      await here.proa('up'),
      /only 6[34] MiB are free on the disk of \S+: free at least 512 MiB, or choose another disk with --data-dir/,
    );
    await assertResets(here);
  });

  test('a data folder that can be written', async (t) => {
    const folder = temporaryFolder(t);
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('file'), 'a file');
    for (const [name, options] of [
      ['fixed', 'ro'],
      ['full', 'nr_inodes=1'],
    ] as const) {
      mkdirSync(at(name));
      await succeed('mount', ['-t', 'tmpfs', '-o', options, name, at(name)]);
      defer(t, async () => void (await succeed('umount', [at(name)])));
    }
    const cgroups = existsSync('/sys/fs/cgroup/pids') ? '/sys/fs/cgroup/pids' : '/sys/fs/cgroup';
    for (const [data, why] of [
      [at('file'), 'is no folder, or lies in something that is none \\(ENOTDIR\\)'],
      [at('file/below'), 'is no folder, or lies in something that is none \\(ENOTDIR\\)'],
      [at('fixed'), 'is on a file system that is read-only \\(EROFS\\)'],
      [at('fixed/below'), 'is on a file system that is read-only \\(EROFS\\)'],
      [at('full'), 'is on a disk without any room left, or without room for another file \\(ENOSPC\\)'],
      ['/proc/no-such-folder', 'cannot be written \\(ENOENT\\)'],
      [join(cgroups, 'no-such-group'), 'cannot be written \\((EACCES|EPERM)\\)'],
    ] as const) {
      const existed = existsSync(data);
      const line = new RegExp(`^proa: ${data} ${why}: choose another folder with --data-dir$`, 'm');
      for (const command of ['up', 'server']) assertRefused(await machine(t, { data }).proa(command), line);
      assert.equal(existsSync(data), existed);
    }
  });

  /** A machine without containerd, and with `programs` before its own. Overlays hide what is there; they go with the mount namespace. */
  const bare = (owner: Owner, programs: Readonly<Record<string, string>> = {}): Machine & { readonly changed: string } => {
    const folder = temporaryFolder(owner);
    for (const name of ['upper', 'work', 'bin']) mkdirSync(join(folder, name));
    for (const [name, script] of Object.entries(programs))
      writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const hidden = `set -e
      mount -t overlay -o "lowerdir=/usr,upperdir=${folder}/upper,workdir=${folder}/work" overlay /usr
      rm -f /usr/bin/containerd
      PATH=${folder}/bin:$PATH exec "$@"`;
    return {
      ...machine(owner, { program: ['unshare', '--mount', 'sh', '-c', hidden, 'sh', PROA] }),
      changed: join(folder, 'upper'),
    };
  };

  test('a Debian package', async (t) => {
    const here = bare(t);
    assertRefused(await here.proa('up'), /needs containerd: run proa up --yes, or apt-get install containerd/);
    await assertResets(here);
  });

  test('a Debian package that cannot be installed, after what apt-get says itself', async (t) => {
    const here = bare(t, { 'apt-get': `echo "E: $*" >&2; [ "$3" = update ] || ls /usr/sbin/policy-rc.d >&2; exit 100` });
    const { code, stdout, stderr } = await here.proa('up', '--yes');
    assert.equal(code, 1);
    assert.equal(stdout, 'installing Debian packages: containerd\n');
    const lines = stderr.trimEnd().split('\n');
    assert.equal(
      lines.pop(),
      'proa: apt-get install containerd ended with status 100, its own lines above say why: mend that, or run apt-get install containerd yourself',
    );
    assert.ok(
      lines.length > 0 && lines.every((line) => /^E: .* (update|install .* containerd)$|^\/usr\/sbin\/policy-rc\.d$/.test(line)),
      stderr,
    );
    assert.ok(lines.includes('/usr/sbin/policy-rc.d'), 'no service starts meanwhile');
    assert.ok(!existsSync(join(here.changed, 'sbin', 'policy-rc.d')));
    await assertResets(here);
  });
});

test('a command names the one that is at work on the same cluster', async (t) => {
  const here = machine(t);
  const unlock = lockForCommand({ dataDir: here.data, runDir: here.run }, 'reset');
  const atWork = new RegExp(
    String.raw`proa reset \(process ${process.pid}\) is at work on the cluster in \S+: wait for it to end, or end it$`,
    'm',
  );
  assertRefused(await here.proa('up', '--yes'), atWork);
  assertRefused(await here.proa('down'), atWork);
  assertRefused(await here.proa('reset', '--yes'), atWork);
  unlock();
  assert.ok(!existsSync(here.run) && !existsSync(here.data));
  await assertResets(here);
});

describe('proa up names what is wrong with a container runtime', { concurrency: 4 }, () => {
  test('that is not there, is dead, hangs, or speaks an old language', async (t) => {
    const folder = temporaryFolder(t);
    const socket = (name: string): string => join(folder, name);
    await listen(t, { path: socket('hangs') }, createServer((connection) => void connection.on('error', () => {})).unref());
    const old = new GrpcServer();
    defer(t, () => old.forceShutdown());
    await new Promise((resolve) => old.bindAsync(`unix://${socket('old')}`, ServerCredentials.createInsecure(), resolve));
    const dead = start(t, process.execPath, [
      '-e',
      `require('net').createServer().listen(${JSON.stringify(socket('dead'))}, () => console.log('listens'))`,
    ]);
    await dead.line(/listens/);
    await dead.stop('SIGKILL');
    const wayOut = 'or leave --container-runtime-endpoint out and Proa runs its own$';
    await Promise.all(
      [
        ['none', `\\S+/none does not exist: check --container-runtime-endpoint, ${wayOut}`],
        ['dead', `no container runtime answers on \\S+/dead \\(.*ECONNREFUSED.*\\): start it, ${wayOut}`],
        ['hangs', `the container runtime on \\S+/hangs does not answer within 10 s: restart it, ${wayOut}`],
        ['old', `what listens on \\S+/old does not speak CRI v1: switch that on \\(containerd 1\\.6 and newer have it\\), ${wayOut}`],
      ].map(async ([name = '', line = '']) => {
        const here = machine(t);
        assertRefused(await here.proa('up', `--container-runtime-endpoint=unix://${socket(name)}`), new RegExp(line, 'm'));
        await assertResets(here);
      }),
    );
  });

  for (const c of [
    {
      name: 'that ends at once, with its last words',
      script: `echo 'time="now" level=fatal msg="no such plugin"' >&2; exit 1`,
      says: /the cluster did not start: containerd ended while starting \(no such plugin\): mend it, or name another runtime with --container-runtime-endpoint; its log is /,
    },
    {
      name: 'that is too old',
      script: `exec ${process.execPath} --input-type=module -e '
        import { readFileSync } from "node:fs";
        import { Server, ServerCredentials } from ${JSON.stringify(import.meta.resolve('@grpc/grpc-js'))};
        const [, socket] = /address = "(.*)"/.exec(readFileSync(process.argv[2], "utf8"));
        new Server().bindAsync("unix://" + socket, ServerCredentials.createInsecure(), () => {});' -- "$@"`,
      says: /the cluster did not start: containerd does not speak CRI v1: install containerd 1\.6 or newer, or name another runtime/,
    },
  ]) {
    test(`of its own ${c.name}`, async (t) => {
      const folder = temporaryFolder(t);
      writeFileSync(join(folder, 'containerd'), `#!/bin/sh\n${c.script}\n`, { mode: 0o755 });
      const here = machine(t, { env: { PATH: `${folder}:${process.env.PATH}` } });
      const { code, stderr } = await here.proa('up', '--yes');
      assert.match(stderr, /^proa: [^\n]+\n$/);
      assert.match(stderr, c.says);
      assert.equal(code, 1);
      const reset = await here.proa('reset', '--yes');
      assert.equal(reset.code, 0, reset.stderr);
      assert.match(reset.stderr, /^proa: containerd cannot help \(.*\); its containers are ended without it\n$/);
      await assertResets(here);
    });
  }
});

describe('proa up loses nothing of a state that it cannot use', { concurrency: 4 }, () => {
  const state = (owner: Owner, files: Readonly<Record<string, string>>): Machine => {
    const here = machine(owner);
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(here.data, name, '..'), { recursive: true });
      writeFileSync(join(here.data, name), text);
    }
    return here;
  };

  for (const c of [
    {
      name: 'of a newer version',
      files: { version: '99\n', 'settings.json': '{"form":"new"}', 'store/format': 'proa embedded store, format 99\n' },
      says: /was written by state version 99, this Proa reads \d+: run the Proa it came from, or delete the state with proa reset/,
    },
    {
      name: 'of an unknown version',
      files: { 'store/format': 'proa embedded store, format 1\n' },
      says: /holds a store of an unknown version: move it away, or delete it with proa reset/,
    },
    {
      name: 'with damaged settings',
      files: { version: '1\n', 'settings.json': '{"port":64' },
      says: /settings\.json is damaged \(.*\): remove it and give the cluster's flags to proa up again, or start anew with proa reset/,
    },
    {
      name: 'with a store of another format',
      files: { version: '1\n', 'store/format': 'proa embedded store, format 99\n' },
      says: /the cluster did not start: \S+store was left by another version of proa: it is in format 99, this version reads format \d+; .* \(log: \S+\)$/m,
    },
  ]) {
    test(c.name, async (t) => {
      const here = state(t, c.files);
      assertRefused(await here.proa('up', '--yes'), c.says);
      for (const [name, text] of Object.entries(c.files)) assert.equal(readFileSync(join(here.data, name), 'utf8'), text);
      await assertResets(here);
    });
  }

  for (const c of [
    {
      name: 'whose authority is of the day after tomorrow',
      aheadMs: 48 * 3_600_000,
      says: /authority \S+ca\.crt is valid from \S+, but this machine's clock says \S+: set the clock right and start again/,
    },
    {
      name: 'whose authority ended',
      aheadMs: -11 * 366 * 24 * 3_600_000,
      says: /authority \S+ca\.crt ended at \S+, and this machine's clock says \S+: set the clock right and start again, or start anew with proa reset/,
    },
  ]) {
    test(c.name, async (t) => {
      const here = state(t, { version: '1\n' });
      const pki = new Pki(join(here.data, 'pki'), { clock: new ManualClock(systemClock.now() + c.aheadMs), ids: randomIds });
      await pki.ensureAuthority('ca');
      const authority = pki.certificate('ca');
      assertRefused(await here.proa('up', '--yes'), c.says);
      assert.equal(pki.certificate('ca'), authority);
      await assertResets(here);
    });
  }
});

test('proa up says at once why a process that keeps dying dies', async (t) => {
  const breach = join(temporaryFolder(t), 'breach.cjs');
  writeFileSync(breach, `if (process.argv[2] === 'run') throw new RangeError('the hull is open');`);
  const here = machine(t, { env: { NODE_OPTIONS: `--require=${breach}` } });
  assertRefused(await here.proa('up', '--yes'), /the cluster did not start: RangeError: the hull is open \(log: \S+\/log\/proa\.log\)/);
  assert.equal((await here.proa('status')).code, 3);
  await assertResets(here);
});

test('proa reset leaves what is not of Proa, and a folder that never was', async (t) => {
  const here = machine(t);
  mkdirSync(join(here.data, 'log'), { recursive: true });
  writeFileSync(join(here.data, 'log', 'mine'), '');
  assert.match((await here.proa('reset', '--yes')).stdout, /There is no cluster/);
  assert.ok(existsSync(join(here.data, 'log', 'mine')));
  writeFileSync(join(here.data, 'mine'), '');
  writeFileSync(join(here.data, 'version'), '1\n');
  assert.equal((await here.proa('reset', '--yes')).code, 0);
  assert.ok(existsSync(join(here.data, 'mine')) && !existsSync(join(here.data, 'log')));
});
