// The OpenAPI v3 document of one group version: its paths, and every schema they lead to. Pure.
import { resourceRows, type ResourceRow, type SubresourceRow } from '#api/schema/tables.ts';
import type { ResourceInfo } from '#api/schema.ts';
import { groupResourceString } from '#apimachinery/resource.ts';
import { returnsDeleted } from '../registry/returns-deleted.ts';
import { componentSchema } from './component-schemas.ts';
import { customObjectSchema, selectable } from './custom-schemas.ts';
import { typeFieldDescription } from './descriptions.ts';
import { collectRefs, refTo, type OpenApiDocument, type OpenApiSchema, type Paths } from './document.ts';
import { resourceListPath } from './fixed-paths.ts';
import { resourcePaths, rootOf, type ResourceComponents, type SubresourceContent } from './operations.ts';

/**
 * @param infos resources of one group version, in any order; at least one
 * @param release of the server: `v1.36.0`
 */
export function groupVersionDocument(infos: readonly [ResourceInfo, ...ResourceInfo[]], release: string): OpenApiDocument {
  const custom = new Map<string, OpenApiSchema>();
  const [{ group, version, origin }] = infos;
  const isCustom = origin === 'custom';
  const paths: Record<string, object> = isCustom ? {} : { ...resourceListPath(rootOf({ group, version }), group, version) };
  for (const info of infos.toSorted((a, b) => (a.resource < b.resource ? -1 : 1))) {
    const row = info.origin === 'custom' ? undefined : builtInRow(info);
    const components = row === undefined ? customComponents(info, custom) : builtInComponents(row);
    Object.assign(paths, resourcePaths(info, components));
  }
  return isCustom ? bareDocument(CUSTOM_FRAME.info, paths as Paths, custom) : documentOf(paths as Paths, custom, release);
}

/** A document with `paths` and what they lead to; `custom` has the schemas that no table has. */
export function documentOf(paths: Paths, custom: ReadonlyMap<string, OpenApiSchema>, release: string): OpenApiDocument {
  const { components, ...document } = bareDocument({ title: 'Kubernetes', version: release }, paths, custom);
  const securitySchemes = { BearerToken: { type: 'apiKey', description: 'Bearer token', name: 'authorization', in: 'header' } };
  return { ...document, components: { ...components, securitySchemes } };
}

/** Those of custom resources are built by themselves, and know no server. Source: apiextensions openapi builder generateBuilderConfig. */
export const CUSTOM_FRAME: Pick<OpenApiDocument, 'openapi' | 'info'> = {
  openapi: '3.0.0',
  info: { title: 'Kubernetes CRD Swagger', version: 'v0.1.0' },
};

function bareDocument(info: OpenApiDocument['info'], paths: Paths, custom: ReadonlyMap<string, OpenApiSchema>): OpenApiDocument {
  const schemas = reachable(paths, custom);
  return {
    openapi: '3.0.0',
    info,
    paths: Object.fromEntries(Object.entries(paths).toSorted(([a], [b]) => (a < b ? -1 : 1))),
    components: Object.keys(schemas).length === 0 ? {} : { schemas },
  };
}

const builtInRow = ({ group, version, resource }: ResourceInfo): ResourceRow | undefined =>
  resourceRows.find((row) => row.group === group && row.version === version && row.resource === resource);

const builtInComponents = ({ group, resource, def, listDef, subresources = [] }: ResourceRow): ResourceComponents => ({
  object: def,
  list: listDef,
  returnsDeleted: returnsDeleted(groupResourceString({ group, resource })),
  subresources: new Map(subresources.map((one) => [one.name, contentOf(one)])),
});

function contentOf({ name, connect, def }: SubresourceRow): SubresourceContent {
  if (connect === true || def === undefined) return { kind: 'connection' };
  return name === 'log' ? { kind: 'text' } : { kind: 'object', component: def };
}

const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';

const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';

/** `com.example.v1.Widget`. Source: gvkToModelName. */
export const customName = ({ group, version }: Pick<ResourceInfo, 'group' | 'version'>, kind: string): string =>
  `${group.split('.').toReversed().join('.')}.${version}.${kind}`;

/** Components of a custom resource. Source: apiextensions openapi builder. */
function customComponents(info: ResourceInfo, schemas: Map<string, OpenApiSchema>): ResourceComponents {
  const object = customName(info, info.kind);
  schemas.set(object, customObjectSchema(info, 'v3'));
  const subresources = new Map(
    [...info.subresources.values()].map(({ name, schema }) => {
      const content: SubresourceContent =
        schema === undefined ? { kind: 'connection' } : { kind: 'object', component: schema.name === '' ? object : schema.name };
      return [name, content] as const;
    }),
  );
  if (info.listKind === '') return { object, list: undefined, returnsDeleted: false, subresources };
  const list = customName(info, info.listKind);
  schemas.set(list, {
    description: `${info.listKind} is a list of ${info.kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: { description: typeFieldDescription('apiVersion'), type: 'string' },
      items: { description: `List of ${info.resource}. More info: ${CONVENTIONS}`, type: 'array', items: refTo(object) },
      kind: { description: typeFieldDescription('kind'), type: 'string' },
      metadata: { description: `Standard list metadata. More info: ${CONVENTIONS}#types-kinds`, allOf: [refTo(LIST_META)] },
    },
    'x-kubernetes-group-version-kind': [{ group: info.group, kind: info.listKind, version: info.version }],
    ...selectable(info.custom),
  });
  return { object, list, returnsDeleted: false, subresources };
}

function reachable(paths: Paths, custom: ReadonlyMap<string, OpenApiSchema>): Readonly<Record<string, OpenApiSchema>> {
  const names = new Set<string>();
  collectRefs(paths, names);
  const schemas = new Map<string, OpenApiSchema>();
  for (const name of names) {
    const schema = custom.get(name) ?? componentSchema(name);
    schemas.set(name, schema);
    collectRefs(schema, names); // a set is walked to its growing end
  }
  return Object.fromEntries([...schemas].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
