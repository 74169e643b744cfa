// How objects of one version lie in the store where that is not how they are shown: those of custom resources, which are
// pruned and given defaults as they are read, and converted between versions, perhaps by a webhook.
import type { KubeObject } from '#api/types.ts';
import type { ObjectLayout, StoredObject } from '../cache/stored-object.ts';
import type { HeapBytes } from '../cache/heap-bytes.ts';

export interface StorageForm {
  /** Views may have to be waited for, because a webhook makes them. */
  readonly waits: boolean;
  /**
   * Makes the views of objects that a webhook has to convert; undefined when there is nothing to wait for.
   * @param signal of the request they are for: when nobody waits for them any more, the webhook is left alone
   * @throws StatusError InternalError when the webhook fails
   */
  ready(objects: Iterable<StoredObject>, signal?: AbortSignal): Promise<void> | undefined;
  /** As shown in this version. Only after `ready`. The same one each time, so that its readers share it. */
  view(object: StoredObject): StoredObject;
  /** As it is stored. A promise only where `waits`. */
  kept(object: KubeObject): Kept | Promise<Kept>;
  /** `value` was stored, and its object is what `kept` was given: it need not be looked at again. */
  wrote(value: HeapBytes): void;
  /** An object of this version in another; undefined for a version there is not. A promise only where `waits`. */
  convert(object: KubeObject, apiVersion: string): KubeObject | Promise<KubeObject> | undefined;
}

/** An object in the version it is stored in. */
export interface Kept {
  readonly object: KubeObject;
  readonly layout: ObjectLayout;
}

interface Formed {
  readonly form?: StorageForm;
  readonly layout: ObjectLayout;
}

/** A stored object in the version at hand. */
export function shown({ form }: Formed, object: StoredObject): StoredObject | Promise<StoredObject> {
  if (form === undefined) return object;
  const waiting = form.ready([object]);
  return waiting === undefined ? form.view(object) : waiting.then(() => form.view(object));
}

export function kept({ form, layout }: Formed, object: KubeObject): Kept | Promise<Kept> {
  return form === undefined ? { object, layout } : form.kept(object);
}
