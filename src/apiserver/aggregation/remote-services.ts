// The APIServices of other servers, as the cache has them.
import { apiservices } from '#api/resources.ts';
import type { APIService } from '#api/gen/apiregistration-v1.ts';
import type { CacheReader } from '../cache/reader.ts';

const OPENAPI = '/openapi/v3';

export class RemoteServices {
  readonly #reader: CacheReader;
  /** By `group/version`; undefined after a change. */
  #byVersion: ReadonlyMap<string, APIService> | undefined;
  #generation = 0;

  constructor(reader: CacheReader) {
    this.#reader = reader;
    reader.onChange(apiservices, ({ object, previous }) => {
      if (object?.spec.service === undefined && previous?.spec.service === undefined) return;
      this.#byVersion = undefined;
      this.#generation++;
    });
  }

  /** Grows with every change. */
  get generation(): number {
    return this.#generation;
  }

  all(): Iterable<APIService> {
    return this.#map().values();
  }

  find(group: string, version: string): APIService | undefined {
    const all = this.#map();
    return all.size === 0 ? undefined : all.get(`${group}/${version}`);
  }

  /** Of `/apis/GROUP/VERSION` and everything below, and of its OpenAPI document. */
  ofPath(given: string): APIService | undefined {
    if (this.#map().size === 0) return undefined;
    const path = given.startsWith(OPENAPI) ? given.slice(OPENAPI.length) : given;
    if (!path.startsWith('/apis/')) return undefined;
    const [, , group = '', version = ''] = path.split('/', 4);
    return this.find(group, version);
  }

  /** The core group is never another server's. */
  #map(): ReadonlyMap<string, APIService> {
    return (this.#byVersion ??= new Map(
      [...this.#reader.list(apiservices)]
        .filter(({ spec }) => spec.service !== undefined && (spec.group ?? '') !== '')
        .map((service) => [`${service.spec.group}/${service.spec.version}`, service]),
    ));
  }
}
