// Between the versions of one resource. Every version converts to and from the one that is stored.
import { apiVersionOf } from '#apimachinery/resource.ts';
import type { Conversion } from './conversion/contract.ts';
import { horizontalPodAutoscalers } from './conversion/autoscaling.ts';
import { resourceClaims, resourceClaimTemplates, resourceSlices } from './conversion/devices.ts';
import { events } from './conversion/events.ts';
import { decodeValue } from './decode.ts';
import { schemaOfDefinition, type ResourceInfo, type Schema } from './schema.ts';
import type { KubeObject } from './types.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';

export type { Conversion } from './conversion/contract.ts';

/** By `Kind.version.group` of the served version. */
const DIFFERENT: Readonly<Record<string, Conversion>> = {
  'Event.v1.events.k8s.io': events,
  'HorizontalPodAutoscaler.v1.autoscaling': horizontalPodAutoscalers,
  'ResourceClaim.v1beta1.resource.k8s.io': resourceClaims,
  'ResourceClaimTemplate.v1beta1.resource.k8s.io': resourceClaimTemplates,
  'ResourceSlice.v1beta1.resource.k8s.io': resourceSlices,
};

/** The versions have the same fields. */
const SAME: Conversion = { toServed: (object) => object, toStored: (object) => object };

/**
 * Between the stored version of a built-in resource and `info`'s; undefined where they are the same. Results are
 * canonical objects of the other version.
 */
export function conversionOf(info: ResourceInfo): Conversion | undefined {
  const { storage } = info;
  if (storage.group === info.group && storage.version === info.version) return undefined;
  const change = DIFFERENT[`${info.kind}.${info.version}.${info.group}`] ?? SAME;
  const stored = schemaOfDefinition(storedDefinition(info));
  return {
    toServed: (object) => canonical(change.toServed(object), info.schema, apiVersionOf(info)),
    toStored: (object) => canonical(change.toStored(object), stored, apiVersionOf(storage)),
  };
}

/** Every conversion a schema's resources need, by `Kind.version.group`. */
export function conversions(schema: Schema): Readonly<Record<string, Conversion>> {
  const found: Record<string, Conversion> = {};
  for (const info of schema.resources()) {
    const conversion = info.origin === 'builtin' ? conversionOf(info) : undefined;
    if (conversion !== undefined) found[`${info.kind}.${info.version}.${info.group}`] = conversion;
  }
  return found;
}

/** Definitions of one kind differ in group and version only. */
function storedDefinition({ schema, group, version, storage, kind }: ResourceInfo): string {
  if (group === storage.group) return schema.name.replace(`.${version}.${kind}`, `.${storage.version}.${kind}`);
  return `io.k8s.api.core.${storage.version}.${kind}`; // events are the one kind of two groups
}

function canonical(object: KubeObject, schema: ObjectSchema, apiVersion: string): KubeObject {
  return decodeValue<KubeObject>({ ...object, apiVersion }, schema, { fieldValidation: 'Ignore' }).object;
}
