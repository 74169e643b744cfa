// Whether this Proa can read what lies in a data folder.
import { existsSync, readFileSync } from 'node:fs';
import { type Place, pathsOf } from '../instance/paths.ts';
import { STATE_VERSION } from '../version.ts';

/** One line, what is wrong and the way out; undefined when there is nothing, or all of it is of this version. */
export function versionProblem(place: Place): string | undefined {
  const { stateVersion, store } = pathsOf(place);
  if (!existsSync(stateVersion)) {
    return existsSync(store)
      ? `${place.dataDir} holds a store of an unknown version: move it away, or delete it with proa reset`
      : undefined;
  }
  const written = readFileSync(stateVersion, 'utf8').trim();
  if (!/^\d+$/.test(written))
    return `${stateVersion} is damaged: put ${STATE_VERSION} into it if this Proa wrote ${place.dataDir}, or delete the state with proa reset`;
  return written === STATE_VERSION
    ? undefined
    : `${place.dataDir} was written by state version ${written}, this Proa reads ${STATE_VERSION}: run the Proa it came from, or delete the state with proa reset`;
}
