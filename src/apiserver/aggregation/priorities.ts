// pure. Where groups and versions stand in discovery. Source: DefaultGenericAPIServicePriorities, kube-apiserver's own.
import { compareVersions } from '#api/schema.ts';

export interface Priority {
  readonly group: number;
  readonly version: number;
}

/** Groups of this server, most important first among equals by name. */
const GROUPS: Readonly<Record<string, number>> = {
  '': 18_000,
  'apiregistration.k8s.io': 18_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700,
  'admissionregistration.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'resource.k8s.io': 16_200,
  'flowcontrol.apiserver.k8s.io': 16_100,
  'internal.apiserver.k8s.io': 16_000,
  'storagemigration.k8s.io': 15_800,
};

/** Versions that do not stand as their names say. */
const VERSIONS: Readonly<Record<string, number>> = {
  '/v1': 1,
  'autoscaling/v1': 15,
  'autoscaling/v2': 30,
  'flowcontrol.apiserver.k8s.io/v1': 21,
  'resource.k8s.io/v1': 20,
  'resource.k8s.io/v1beta2': 15,
};

const byStage = (version: string): number => (version.includes('alpha') ? 1 : version.includes('beta') ? 9 : 15);

/** Of a built-in group version; undefined for the one that registers all others, which upstream does not register. */
export function builtInPriority(group: string, version: string): Priority | undefined {
  const found = GROUPS[group];
  if (found === undefined || group === 'apiregistration.k8s.io') return undefined;
  return { group: found, version: VERSIONS[`${group}/${version}`] ?? byStage(version) };
}

/** Source: crdregistration handleVersionUpdate. */
export const CUSTOM_PRIORITY: Priority = { group: 1_000, version: 100 };

export interface Placed extends Priority {
  readonly name: string;
  readonly of: string;
}

export interface OrderedGroup {
  readonly name: string;
  readonly versions: readonly string[];
}

/** Groups by the priority of their foremost member, versions by theirs. Source: SortedByGroupAndVersion. */
export function ordered(placed: readonly Placed[]): readonly OrderedGroup[] {
  const byGroup = placed.toSorted((a, b) => b.group - a.group || compareNames(`${a.name}.${a.of}`, `${b.name}.${b.of}`));
  return [...Map.groupBy(byGroup, ({ of }) => of)].map(([name, members]) => ({
    name,
    versions: members.toSorted((a, b) => b.version - a.version || compareVersions(a.name, b.name)).map(({ name: version }) => version),
  }));
}

const compareNames = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
