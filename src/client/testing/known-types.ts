// What the fake API server knows of built-in types; of others it knows nothing and takes them as they are.
import type { GroupVersionKind, Resource } from '#apimachinery/resource.ts';
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
import { Schema } from '#api/schema.ts';

const SCHEMA = new Schema({ serves: () => true });

export const schemaOf = (kind: GroupVersionKind): ObjectSchema | undefined => SCHEMA.kind(kind);

/** Whether `status` is written apart from the rest; a custom resource is taken to do so. */
export const hasStatusSubresource = (resource: Resource): boolean => SCHEMA.resource(resource)?.subresources.has('status') ?? true;
