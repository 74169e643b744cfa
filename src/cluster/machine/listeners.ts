// Who listens on a TCP port of this machine.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { processIdentity } from './processes.ts';

/** st of /proc/net/tcp. Source: include/net/tcp_states.h TCP_LISTEN. */
const LISTEN = '0A';

/** Inodes of the sockets that listen on `port`, from the text of /proc/net/tcp or tcp6. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => state === LISTEN && local?.endsWith(`:${hex}`) === true)
    .map((fields) => fields[9] ?? '');
}

/**
 * `nginx (process 12)`: of several that have the socket the one that was there first, since the others are its children, some only
 * until they are another program. Undefined where that is not to be known: another user's process, or one in another PID namespace.
 */
export function listenerOf(port: number): string | undefined {
  const tables = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => readable(() => readFileSync(file, 'latin1')) ?? []);
  const sockets = new Set(tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`));
  const holders = readdirSync('/proc').filter((name) => {
    const files = /^\d+$/.test(name) ? (readable(() => readdirSync(`/proc/${name}/fd`)) ?? []) : [];
    return files.some((fd) => sockets.has(readable(() => readlinkSync(`/proc/${name}/fd/${fd}`)) ?? ''));
  });
  const [first] = holders.map((pid) => ({ pid: Number(pid), since: Number(processIdentity(Number(pid))) })).toSorted(byStart);
  return first && `${readable(() => readFileSync(`/proc/${first.pid}/comm`, 'utf8').trim()) ?? '?'} (process ${first.pid})`;
}

interface Holder {
  readonly pid: number;
  readonly since: number;
}

const byStart = (a: Holder, b: Holder): number => a.since - b.since || a.pid - b.pid;

/** Undefined for what has just gone, or is another user's. */
function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
