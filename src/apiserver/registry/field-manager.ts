// Who owns which fields: the seam for server-side apply and metadata.managedFields.
import { StatusError } from '#apimachinery/errors.ts';
import type { KubeObject } from '#api/types.ts';
import type { ServedResource } from './catalog.ts';

export interface FieldChange {
  readonly served: ServedResource;
  /** Empty for the object itself. */
  readonly subresource: string;
  readonly manager: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** Pure; objects are in the served version. Source: managedfields.FieldManager. */
export interface FieldManager {
  /** `object` with the ownership that results from `manager` writing it over `live` (undefined: creating it). */
  update(live: KubeObject | undefined, object: KubeObject, change: FieldChange): KubeObject;
  /**
   * `live` with the applied configuration merged in.
   * @throws StatusError Conflict naming each field another manager owns, unless `force`
   */
  apply(live: KubeObject | undefined, configuration: KubeObject, change: FieldChange & { readonly force: boolean }): KubeObject;
}

/** Keeps no record of owners: writes pass as they are, and server-side apply is refused. */
export class OwnershipUntracked implements FieldManager {
  update(_live: KubeObject | undefined, object: KubeObject): KubeObject {
    return object;
  }

  apply(): KubeObject {
    throw new StatusError('UnsupportedMediaType', 'server-side apply is not enabled on this server');
  }
}
