// The rows of the catalogue that a definition makes: one for each version that is served, and the one that is stored.
import { versionsOf, storageVersionOf } from '#api/structural/resources.ts';
import type { CustomResourceDefinition, CustomResourceDefinitionVersion } from '#api/types.ts';
import { apiVersionOf, groupResourceString } from '#apimachinery/resource.ts';
import type { ResourceCache } from '../cache/resource-cache.ts';
import { customPrinter } from '../printers/custom-columns.ts';
import type { ServedResource, StoredResource } from '../registry/catalog.ts';
import { VersionForm, type ConvertByWebhook, type VersionType } from './form.ts';
import type { VersionLayouts } from './layouts.ts';
import type { RuleMetrics } from './rule-metrics.ts';
import { replicasPaths } from './scale.ts';
import { customStrategy } from './strategy.ts';

export interface CustomStorage {
  /** `/registry/example.com/widgets/`. */
  readonly prefix: string;
  readonly layouts: VersionLayouts;
  readonly cache: ResourceCache;
}

export function servedVersions(
  crd: CustomResourceDefinition,
  { prefix, layouts, cache }: CustomStorage,
  webhook: ConvertByWebhook | undefined,
  metrics: RuleMetrics,
): readonly ServedResource[] {
  const versions = versionsOf(crd);
  const typeOf = (name: string): VersionType => {
    const info = versions.get(name)?.info;
    if (info === undefined) throw new Error(`${crd.metadata.name} has no version ${name}`);
    return { schema: info.schema, layout: layouts.of(apiVersionOf(info)) };
  };
  const replicas = replicasPaths(crd);
  const types = new Map([...versions].map(([name, { info }]) => [apiVersionOf(info), typeOf(name)]));
  const storage = typeOf(storageVersionOf(crd));
  return crd.spec.versions.flatMap((version: CustomResourceDefinitionVersion): readonly ServedResource[] => {
    const info = versions.get(version.name)?.info;
    if (info === undefined || (!version.served && !version.storage)) return [];
    const own = typeOf(version.name);
    const form = new VersionForm({ own, storage, versions: types, webhook });
    const strategy = customStrategy(info, version, replicas, metrics);
    const stored: StoredResource = { resource: info, prefix, layout: own.layout, cache, strategy, schema: info.schema, form };
    return [
      {
        info,
        apiVersion: apiVersionOf(info),
        name: groupResourceString(info),
        layout: own.layout,
        stored,
        conversion: undefined,
        ...(version.served ? {} : { hidden: true as const }),
        printer: customPrinter(version.additionalPrinterColumns),
        view: (object) => form.view(object),
      },
    ];
  });
}
