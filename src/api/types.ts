// The Kubernetes API as TypeScript: every type of a preferred version, readonly, as the server hands objects out.
// Where groups share a name (Event, EndpointPort, …), the less common one carries its group's: DiscoveryV1EndpointPort.
export type * from './gen/types.ts';
import type { ListMeta } from './gen/meta-v1.ts';
import type { ClusterObjectMeta } from './gen/stored-meta.ts';

/** What every stored object has, built-in or custom. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ClusterObjectMeta & { readonly namespace?: string };
}

/** A list as served; `items` are shared, immutable objects. */
export interface KubeList<T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}

/** An object as a writer gives it: whatever the server fills in may be left out. */
export type New<T> = T extends readonly (infer U)[]
  ? readonly New<U>[]
  : T extends object
    ? { readonly [K in keyof T]?: New<T[K]> | undefined }
    : T;
