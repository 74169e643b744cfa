// One component of Proa as a process of its own, which can be killed and started again. Importing this isolates the test file.
import './isolated.ts';
import { join } from 'node:path';
import type { ComponentName } from '#cluster/components/component-flags.ts';
import { type Running, start } from './command.ts';
import type { Owner } from './scope.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cluster', 'main.ts');

/** What runs `proa` with these arguments, under this Node. */
export const proaCommand = (...args: readonly string[]): readonly [string, ...string[]] => [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  MAIN,
  ...args,
];

export interface ComponentProcess {
  /** The one that runs now. */
  readonly process: Running;
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>;
  /** Starts it again with the same flags, after `kill`. */
  restart(): Promise<void>;
}

/** Resolves when it has written a line that matches `ready`; without one at once. `flags` are by name. */
export async function startComponent(
  owner: Owner,
  name: ComponentName,
  flags: Readonly<Record<string, string>>,
  ready?: RegExp,
): Promise<ComponentProcess> {
  const launch = async (): Promise<Running> => {
    const [node, ...args] = proaCommand(name, ...Object.entries(flags).map(([flag, value]) => `--${flag}=${value}`));
    const running = start(owner, node, args);
    if (ready !== undefined) await running.line(ready);
    return running;
  };
  let running = await launch();
  return {
    get process() {
      return running;
    },
    kill: () => running.stop('SIGKILL'),
    async restart() {
      running = await launch();
    },
  };
}
