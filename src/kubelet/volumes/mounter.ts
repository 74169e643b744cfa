// Mounts of this machine, through mount(8) and umount(8).
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

export interface MountPoint {
  readonly path: string;
  readonly type: string;
  /** `tmpfs`, `/dev/vda`, … */
  readonly source: string;
}

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  /** Absent for a bind mount. */
  readonly type?: string;
  readonly options?: readonly string[];
}

/** A mount or unmount that the system refused; the message carries what mount(8) said. */
export class MountError extends Error {
  override readonly name = 'MountError';
}

export interface Mounter {
  /** @throws MountError */
  mount(request: MountRequest): Promise<void>;
  /** Nothing mounted there is no error. @throws MountError when it stays mounted */
  unmount(target: string): Promise<void>;
  /** In the order they were made. */
  list(): Promise<readonly MountPoint[]>;
}

const run = promisify(execFile);
/** Longest a mount command may take, milliseconds. */
const TIMEOUT_MS = 60_000;

export const systemMounter: Mounter = {
  async mount({ source, target, type, options = [] }) {
    const args = [
      // The source may be /proc/PID/fd/N, which must reach the kernel as it is.
      '--no-canonicalize',
      ...(type === undefined ? ['--bind'] : ['-t', type]),
      ...(options.length === 0 ? [] : ['-o', options.join(',')]),
      source,
      target,
    ];
    await command('mount', args);
  },
  async unmount(target) {
    try {
      await command('umount', [target]);
    } catch (error) {
      const mounts = await systemMounter.list();
      if (mounts.some(({ path }) => path === target)) throw error;
    }
  },
  async list() {
    return parseMountInfo(await readFile('/proc/self/mountinfo', 'utf8'));
  },
};

async function command(name: string, args: readonly string[]): Promise<void> {
  try {
    await run(name, args, { timeout: TIMEOUT_MS, env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } });
  } catch (error) {
    const { stderr = '', message } = error as { readonly stderr?: string; readonly message: string };
    throw new MountError(`${name} failed: ${stderr.trim() === '' ? message : stderr.trim()}`);
  }
}

/** Format: proc(5), /proc/[pid]/mountinfo. */
export function parseMountInfo(text: string): readonly MountPoint[] {
  return text.split('\n').flatMap((line) => {
    const [before, after] = line.split(' - ');
    const path = before?.split(' ')[4];
    const [type, source] = after?.split(' ') ?? [];
    return path === undefined || type === undefined || source === undefined
      ? []
      : [{ path: unescape(path), type, source: unescape(source) }];
  });
}

const unescape = (text: string): string =>
  text.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
