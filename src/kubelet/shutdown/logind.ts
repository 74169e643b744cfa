// logind, which tells before the machine goes down and waits for whoever asked it to. Source: pkg/kubelet/nodeshutdown/systemd.
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '#base/clock.ts';
import { type Bus, connectBus, DbusError } from '../systemd/dbus.ts';
import type { Variant } from '../systemd/dbus-values.ts';

/** As long as it is held, the machine waits; no longer than its delay. */
export interface InhibitLock {
  release(): void;
}

export interface Logind {
  /** Longest that the machine waits for those who asked it to, milliseconds. @throws DbusError */
  inhibitDelay(): Promise<number>;
  /** Has it wait as long. @throws DbusError; Error with the kernel's code */
  overrideInhibitDelay(ms: number): Promise<void>;
  /** @throws LogindError */
  inhibit(): Promise<InhibitLock>;
  /** `active`: the machine goes down; false: it does not after all. @throws DbusError */
  followShutdown(seen: (active: boolean) => void): Promise<void>;
  /** Resolves once nothing more is told. */
  readonly ended: Promise<void>;
  close(): void;
}

/** The machine cannot be held up. */
export class LogindError extends Error {
  override readonly name = 'LogindError';
}

const MANAGER = { destination: 'org.freedesktop.login1', path: '/org/freedesktop/login1', interface: 'org.freedesktop.login1.Manager' };
const SYSTEMD = {
  destination: 'org.freedesktop.systemd1',
  path: '/org/freedesktop/systemd1',
  interface: 'org.freedesktop.systemd1.Manager',
};
const SIGHUP = 1;

export interface LogindOptions {
  readonly clock: Clock;
  /** Path of the bus's socket; the system's when absent. */
  readonly socket?: string;
  /** Where logind reads settings; the machine's when absent. */
  readonly configFolder?: string;
  /** systemd-inhibit(1) when absent. */
  readonly program?: string;
}

/** @throws DbusError when there is no bus */
export async function connectLogind({
  clock,
  socket,
  configFolder = '/etc/systemd/logind.conf.d',
  program = 'systemd-inhibit',
}: LogindOptions): Promise<Logind> {
  const bus = await connectBus(clock, socket);
  return {
    inhibitDelay: () => inhibitDelay(bus),
    async overrideInhibitDelay(ms) {
      await mkdir(configFolder, { recursive: true, mode: 0o755 });
      const seconds = Math.round(ms / 1000);
      await writeFile(join(configFolder, '99-kubelet.conf'), `# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=${seconds}\n`);
      const body = ['systemd-logind.service', 'all', SIGHUP];
      await bus.call({ ...SYSTEMD, member: 'KillUnit', signature: 'ssi', body });
    },
    inhibit: () => inhibit(program),
    followShutdown: (seen) => bus.follow({ ...MANAGER, member: 'PrepareForShutdown' }, ({ body: [active] }) => seen(active === true)),
    ended: bus.ended,
    close: () => bus.close(),
  };
}

async function inhibitDelay(bus: Bus): Promise<number> {
  const [held] = await bus.call({
    ...MANAGER,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    signature: 'ss',
    body: [MANAGER.interface, 'InhibitDelayMaxUSec'],
  });
  const { value } = held as Variant;
  if (typeof value !== 'bigint') throw new DbusError('', 'InhibitDelayMaxUSec from logind is not a uint64 as expected');
  return Number(value) / 1000;
}

const ASKED = ['--what=shutdown', '--who=kubelet', '--why=Kubelet needs time to handle node shutdown', '--mode=delay'];

/**
 * The lock is a descriptor, which only another program can be given: it holds the lock while `cat` runs, and `cat` ends with our end of
 * its input, whatever becomes of this process. What it echoes it can only echo once the lock is held.
 */
function inhibit(program: string): Promise<InhibitLock> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...ASKED, 'cat'], { stdio: ['pipe', 'pipe', 'pipe'] });
    let said = '';
    const failed = (why: string): void => reject(new LogindError(`failed creating systemd inhibitor: ${why}`));
    child.on('error', (error) => failed(error.message));
    child.on('close', (code) => failed(said.trim() === '' ? `${program} ended with status ${code ?? 'none'}` : said.trim()));
    child.stdin.on('error', () => {}); // `close` says why
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    child.stdout.once('data', () => resolve({ release: () => void child.stdin.end() }));
    child.stdin.write('held\n');
  });
}
