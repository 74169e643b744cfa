// The release whose API this is, as a build of Proa, and the figure that tells of it.
import { gauge } from '#base/metrics.ts';
import type { Info } from './gen/version.ts';

/** The release of Kubernetes that every part of Proa speaks. */
export const RELEASE = 'v1.36.0';

/**
 * `emulation…` is the release it behaves as, `minCompatibility…` the oldest that may serve beside it: the one before.
 * Source: KEP-4330, compatibility versions.
 */
export type VersionInfo = Required<Info>;

export const VERSION: VersionInfo = {
  major: '1',
  minor: '36',
  emulationMajor: '1',
  emulationMinor: '36',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '35',
  gitVersion: `${RELEASE}+proa`,
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: `node ${process.version}`,
  compiler: 'none',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

/** `kubernetes_build_info`, which every component shows. Source: component-base metrics/prometheus/version. */
export function buildInfo(version: VersionInfo = VERSION): string {
  const labels: Readonly<Record<string, string>> = {
    build_date: version.buildDate,
    compiler: version.compiler,
    git_commit: version.gitCommit,
    git_tree_state: version.gitTreeState,
    git_version: version.gitVersion,
    go_version: version.goVersion,
    major: version.major,
    minor: version.minor,
    platform: version.platform,
  };
  return gauge('kubernetes_build_info', '[BETA] The build that runs: always 1.', Object.keys(labels), [[Object.values(labels), 1]]);
}
