// A program in a user namespace that may watch no file, as where others on a machine have used up all that the kernel allows.
import { succeed } from './command.ts';

const NONE = 'echo 0 >/proc/sys/user/max_inotify_instances && exec "$@"';

/** What `program`, a TypeScript module of this checkout, writes; its arguments begin at `process.argv[1]`. @throws Error with all it said */
export function runWatchless(program: string, ...args: readonly string[]): Promise<string> {
  const node = [process.execPath, '--input-type=module-typescript', '--disable-warning=ExperimentalWarning', '--eval', program, ...args];
  return succeed('unshare', ['--user', '--map-root-user', 'sh', '-c', NONE, 'sh', ...node]);
}
