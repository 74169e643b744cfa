// Writes what type checking found into the status of ValidatingAdmissionPolicies.
// Source: pkg/controller/validatingadmissionpolicystatus.
import type { CustomResourceDefinition, JSONSchemaProps } from '#api/gen/apiextensions-v1.ts';
import type { ValidatingAdmissionPolicy } from '#api/gen/admissionregistration-v1.ts';
import { customresourcedefinitions, validatingadmissionpolicies } from '#api/resources.ts';
import { Schema } from '#api/schema.ts';
import { objectType } from '#apimachinery/cel/object-type.ts';
import { schemaType, type SchemaProps } from '#apimachinery/cel/schema-type.ts';
import { isStatusError } from '#apimachinery/errors.ts';
import { type Controller, keyOf } from '../runtime/controller.ts';
import { checkTypes, type KnownKinds } from './type-checking.ts';

const builtIn = new Schema();

export const validatingAdmissionPolicyStatusController: Controller = {
  name: 'validatingadmissionpolicy-status-controller',
  serviceAccount: 'validatingadmissionpolicy-status-controller',
  reads: [validatingadmissionpolicies, customresourcedefinitions],
  writes: ['validatingadmissionpolicies/status'],
  workers: 5, // Source: --concurrent-validating-admission-policy-status-syncs
  setUp({ client, informers, queue }) {
    const policies = informers.informer(validatingadmissionpolicies);
    const definitions = informers.informer(customresourcedefinitions);
    const look = (policy: ValidatingAdmissionPolicy): void => {
      if (isDue(policy)) queue.add(keyOf(policy));
    };
    policies.addHandlers({ added: look, updated: look });
    return async (key) => {
      const policy = policies.byKey(key);
      if (policy === undefined || !isDue(policy)) return undefined;
      const expressionWarnings = checkTypes(policy, kindsOf(definitions.list()));
      const status = {
        ...policy.status,
        observedGeneration: policy.metadata.generation ?? 0,
        typeChecking: expressionWarnings.length === 0 ? {} : { expressionWarnings },
      };
      try {
        await client.update(validatingadmissionpolicies, { ...policy, status }, { subresource: 'status' });
      } catch (error) {
        if (!isStatusError(error, 'NotFound')) throw error;
      }
      return undefined;
    };
  },
};

function isDue({ metadata, status }: ValidatingAdmissionPolicy): boolean {
  const observed: number | undefined = (status as { readonly observedGeneration?: number } | undefined)?.observedGeneration;
  return (metadata.generation ?? 0) > (observed ?? 0);
}

/** Built-in kinds by their tables, custom ones by their definitions. */
function kindsOf(definitions: Iterable<CustomResourceDefinition>): KnownKinds {
  const custom = [...definitions].flatMap(({ spec: { group, names, versions } }) =>
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
