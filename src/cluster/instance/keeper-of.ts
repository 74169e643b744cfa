// Which keeper a machine has: systemd where it runs, else a process of our own.
import { DetachedKeeper } from './detached-keeper.ts';
import type { Keeper } from './keeper.ts';
import { type Place, pathsOf } from './paths.ts';
import { SystemdKeeper, systemdRuns } from './systemd-keeper.ts';

export function keeperOf(place: Place): Keeper {
  return systemdRuns() ? new SystemdKeeper(place) : new DetachedKeeper(pathsOf(place));
}
