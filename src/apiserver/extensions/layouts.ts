// Values of a custom resource as they lie in the store: each in the version it was written in.
import { ObjectLayout, StoredObject, type StoredLayout } from '../cache/stored-object.ts';
import { HeapBytes } from '../cache/heap-bytes.ts';

export class VersionLayouts implements StoredLayout {
  readonly #kind: string;
  readonly #byVersion = new Map<string, ObjectLayout>();

  constructor(kind: string) {
    this.#kind = kind;
  }

  /** @param apiVersion `example.com/v1` */
  of(apiVersion: string): ObjectLayout {
    let layout = this.#byVersion.get(apiVersion);
    if (layout === undefined)
      this.#byVersion.set(apiVersion, (layout = new ObjectLayout({ apiVersion, kind: this.#kind, typedItems: true })));
    return layout;
  }

  read(key: string, revision: number, bytes: Uint8Array): StoredObject {
    const value = HeapBytes.from(bytes);
    for (const layout of this.#byVersion.values()) if (layout.has(value)) return new StoredObject(layout, key, revision, value, undefined);
    const { apiVersion } = JSON.parse(value.toString()) as { readonly apiVersion: string };
    return this.of(apiVersion).read(key, revision, bytes);
  }
}
