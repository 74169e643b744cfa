// /version: what kubectl shows as the server's.
import type { Route } from './contract.ts';
import { json } from './text.ts';

/** Source: version.Info. */
export interface VersionInfo {
  readonly major: string;
  readonly minor: string;
  /** The release it behaves as. Source: KEP-4330, compatibility versions. */
  readonly emulationMajor: string;
  readonly emulationMinor: string;
  /** The oldest release that may serve beside it: the one before. */
  readonly minCompatibilityMajor: string;
  readonly minCompatibilityMinor: string;
  readonly gitVersion: string;
  readonly gitCommit: string;
  readonly gitTreeState: string;
  readonly buildDate: string;
  readonly goVersion: string;
  readonly compiler: string;
  readonly platform: string;
}

/** The release whose API this is, as a build of Proa. */
export const VERSION: VersionInfo = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: 'v1.36.0+proa',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node ${process.version}`,
  compiler: 'none',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

export function versionRoute(version: VersionInfo): Route {
  return { path: '/version', match: 'exact', listed: true, getOnly: true, handle: () => json(version) };
}
