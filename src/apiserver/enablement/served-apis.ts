// pure
// Both flags together: what of the built-in API is served.
import { groupResourceString } from '#apimachinery/resource.ts';
import { resourceRows } from '#api/schema/tables.ts';
import type { FeatureGates } from '#api/feature-gates/feature-gates.ts';
import type { ApiResource, RuntimeConfig } from './runtime-config.ts';

export interface ServedApis {
  /** For `new Schema({ serves })`. */
  serves(group: string, version: string, resource: string): boolean;
  /** What is wanted and still not served, and why; for the log. */
  readonly inVain: readonly string[];
}

export function servedApis(config: RuntimeConfig, gates: FeatureGates): ServedApis {
  const closedFor = (row: ApiResource): string | undefined => gates.closedFor(groupResourceString(row));
  return {
    serves(group, version, resource) {
      const row = { group, version, resource };
      return config.wants(row) && closedFor(row) === undefined;
    },
    inVain: resourceRows.flatMap((row) => {
      const gate = config.wants(row) ? closedFor(row) : undefined;
      if (gate === undefined) return [];
      const name = `${row.group}/${row.version}, Resource=${row.resource}`;
      return [`${name} is disabled because the ${gate} feature is disabled`];
    }),
  };
}
