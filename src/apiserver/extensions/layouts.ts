// Values of a custom resource as they lie in the store: each in the version it was written in.
import { ObjectLayout, type StoredLayout, type StoredObject } from '../cache/stored-object.ts';

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

  read(key: string, revision: number, value: Uint8Array): StoredObject {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    for (const layout of this.#byVersion.values()) if (layout.has(bytes)) return layout.read(key, revision, value);
    const { apiVersion } = JSON.parse(bytes.toString()) as { readonly apiVersion: string };
    return this.of(apiVersion).read(key, revision, value);
  }
}
