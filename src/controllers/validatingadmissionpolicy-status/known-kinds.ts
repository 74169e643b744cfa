// The kinds a policy's rules speak of: built-in ones by their tables, custom ones by their definitions.
import type { ValidatingAdmissionPolicy } from '#api/gen/admissionregistration-v1.ts';
import type { CustomResourceDefinition, JSONSchemaProps } from '#api/gen/apiextensions-v1.ts';
import { Schema } from '#api/schema.ts';
import { objectType } from '#apimachinery/cel/object-type.ts';
import { schemaType, type SchemaProps } from '#apimachinery/cel/schema-type.ts';
import { type KnownKinds, namedResources } from './type-checking.ts';

const builtIn = new Schema();

/**
 * Definitions and policies come by two watches: a policy may be here before the definition it was made for. So where `heard`
 * lacks what a rule names, `ask` is asked. Source: ClientDiscoveryResolver, which asks the API every time.
 */
export async function kindsFor(
  policy: ValidatingAdmissionPolicy,
  heard: readonly CustomResourceDefinition[],
  ask: () => Promise<readonly CustomResourceDefinition[]>,
): Promise<KnownKinds> {
  const known = kindsOf(heard);
  const complete = namedResources(policy).every((resource) => known.kindOf(resource) !== undefined);
  return complete ? known : kindsOf(await ask());
}

function kindsOf(definitions: readonly CustomResourceDefinition[]): KnownKinds {
  const custom = definitions.flatMap(({ spec: { group, names, versions } }) =>
    versions
      .filter(({ served }) => served)
      .map(({ name: version, schema }) => ({ group, version, kind: names.kind, resource: names.plural, props: schema?.openAPIV3Schema })),
  );
  return {
    kindOf: (wanted) => {
      const found =
        builtIn.resource(wanted) ??
        custom.find(({ group, version, resource }) => group === wanted.group && version === wanted.version && resource === wanted.resource);
      return found === undefined ? undefined : { group: found.group, version: found.version, kind: found.kind };
    },
    typeOf: (wanted) => {
      const schema = builtIn.resourceOfKind(wanted)?.schema;
      if (schema !== undefined) return objectType(schema, wanted.kind);
      const found = custom.find(({ group, version, kind }) => group === wanted.group && version === wanted.version && kind === wanted.kind);
      return found?.props === undefined ? undefined : schemaType(found.props as JSONSchemaProps as SchemaProps, wanted.kind, true);
    },
  };
}
