// How objects of one version lie in the store where that is not how they are shown: those of custom resources, which are
// pruned and given defaults as they are read, and converted between versions, perhaps by a webhook.
import type { ObjectSchema } from '#apimachinery/type-schema.ts';
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
  /** As it is stored. A promise only where `waits`. `signal` as in `ready`. */
  kept(object: KubeObject, signal?: AbortSignal): Kept | Promise<Kept>;
  /** `value` was stored, and its object is what `kept` was given: it need not be looked at again. */
  wrote(value: HeapBytes): void;
  /** An object of this version in another; undefined for a version there is not. A promise only where `waits`. `signal` as in `ready`. */
  convert(object: KubeObject, apiVersion: string, signal?: AbortSignal): KubeObject | Promise<KubeObject> | undefined;
  /** As `convert`, with what the other version does not know. */
  converted(object: KubeObject, apiVersion: string, signal?: AbortSignal): KubeObject | Promise<KubeObject> | undefined;
  /** Of a version, whether it is served or not; undefined for a version there is not. */
  schemaOf(apiVersion: string): ObjectSchema | undefined;
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

/** Whoever waits for a conversion: the webhook is left alone once the signal ends. A request makes its signal when it is first asked. */
export interface Waiting {
  readonly signal: AbortSignal;
}

/** A stored object in the version at hand. */
export function shown({ form }: Formed, object: StoredObject, request: Waiting): StoredObject | Promise<StoredObject> {
  if (form === undefined) return object;
  const waiting = form.waits ? form.ready([object], request.signal) : undefined;
  return waiting === undefined ? form.view(object) : waiting.then(() => form.view(object));
}

export function kept({ form, layout }: Formed, object: KubeObject, request: Waiting): Kept | Promise<Kept> {
  if (form === undefined) return { object, layout };
  return form.waits ? form.kept(object, request.signal) : form.kept(object);
}
