// pure
// Programs that outlive whoever starts them.

/** Of the scope's processes none is ended with it: whoever started the program ends it. Source: systemd.kill(5), systemd.scope(5). */
const PROPERTIES = ['Delegate=yes', 'KillMode=process', 'TasksMax=infinity'];

/**
 * The command line that runs `command`, the same process in the end. Where systemd is the init it becomes a scope of its
 * own: whatever is done to the unit it is started from, limits, signals and accounting, does not concern it.
 */
export function inOwnScope(command: readonly [string, ...string[]], description: string, systemd: boolean): readonly [string, ...string[]] {
  if (!systemd) return command;
  const properties = PROPERTIES.map((each) => `--property=${each}`);
  return [
    'systemd-run',
    '--scope',
    '--quiet',
    '--collect',
    '--slice=system.slice',
    `--description=${description}`,
    ...properties,
    ...command,
  ];
}
