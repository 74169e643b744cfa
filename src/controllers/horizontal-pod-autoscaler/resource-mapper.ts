// Which resource a kind is, by discovery: built-in, custom or aggregated. Source: RESTMapper.
import { isStatusError } from '#apimachinery/errors.ts';
import { goQuote } from '#apimachinery/go-format.ts';
import { parseApiVersion, type Resource } from '#apimachinery/resource.ts';
import type { APIResourceList, KubeObject } from '#api/types.ts';
import type { Client } from '#client/contract.ts';

export class UnknownKindError extends Error {
  override readonly name = 'UnknownKindError';
}

/** Kinds an installation has; the oldest are dropped beyond. */
const MAX_KNOWN = 1000;

export class ResourceMapper {
  readonly #client: Client;
  readonly #known = new Map<string, Resource<KubeObject>>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** @throws UnknownKindError; StatusError when discovery does not answer */
  async resourceFor(apiVersion: string, kind: string): Promise<Resource<KubeObject>> {
    const key = `${apiVersion}/${kind}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const { group, version } = parseApiVersion(apiVersion);
    const unknown = (): UnknownKindError => new UnknownKindError(`no matches for kind ${goQuote(kind)} in group ${goQuote(group)}`);
    const found = (await this.#resources(group === '' ? `/api/${version}` : `/apis/${group}/${version}`)).find(
      (resource) => resource.kind === kind && !resource.name.includes('/'),
    );
    if (found === undefined) throw unknown();
    const resource = { group, version, kind, resource: found.name, namespaced: found.namespaced };
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size >= MAX_KNOWN) this.#known.delete(oldest);
    this.#known.set(key, resource);
    return resource;
  }

  /** A definition may be gone or another: it is asked for anew. */
  forget(apiVersion: string, kind: string): void {
    this.#known.delete(`${apiVersion}/${kind}`);
  }

  async #resources(path: string): Promise<APIResourceList['resources']> {
    try {
      return (await this.#client.getPath<APIResourceList>(path)).resources;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return [];
      throw error;
    }
  }
}
